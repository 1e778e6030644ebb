//! Which bridge is behind which numbers and names. The first row that fits wins.
//!
//! Refuses the serial converter 1a86:7523 (CH340): half the world's gadgets have one, the kernel makes a serial port of it,
//! and the unit behind it is served as `/dev/ttyUSB0`. The names are compared without regard to case; a device that does not
//! tell them is one that has none.

use super::Framing;
use super::packets::{self, Reports};
use super::strings::{self, Strings};
use super::{ablerex::Ablerex, armac::Armac, fuji::Fuji};
use husk_driver::{Error, Settings, UsbIdentity, UsbMatch};

/// A kind of bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ablerex,
    Armac,
    Cypress,
    Fabula,
    Fuji,
    Gtec,
    Hunnox,
    Ippon,
    Krauler,
    Omron,
    Phoenix,
    Phoenixtec,
    RichcommSvc,
    Sgs,
    Snr,
}

/// What `subdriver =` calls them.
#[rustfmt::skip]
pub(super) static NAMES: &[(&str, Kind)] = &[
    ("ablerex",       Kind::Ablerex),
    ("armac",         Kind::Armac),
    ("cypress",       Kind::Cypress),
    ("fabula",        Kind::Fabula),
    ("fuji",          Kind::Fuji),
    ("gtec",          Kind::Gtec),
    ("hunnox",        Kind::Hunnox),
    ("ippon",         Kind::Ippon),
    ("krauler",       Kind::Krauler),
    ("omron",         Kind::Omron),
    ("phoenix",       Kind::Phoenix),
    ("phoenixtec",    Kind::Phoenixtec),
    ("richcomm-svc",  Kind::RichcommSvc),
    ("sgs",           Kind::Sgs),
    ("snr",           Kind::Snr),
];

/// Numbers and names of a device, and its bridge; a name that is not given is of no matter.
struct Known {
    vendor: u16,
    product: u16,
    maker: Option<&'static str>,
    model: Option<&'static str>,
    kind: Kind,
}

impl Known {
    const fn new(vendor: u16, product: u16, kind: Kind) -> Self {
        Self {
            vendor,
            product,
            maker: None,
            model: None,
            kind,
        }
    }

    /// The same only for these names.
    const fn named(self, maker: Option<&'static str>, model: Option<&'static str>) -> Self {
        Self {
            maker,
            model,
            ..self
        }
    }

    fn fits(&self, identity: &UsbIdentity) -> bool {
        let same = |wanted: Option<&str>, told: &Option<String>| {
            wanted.is_none_or(|wanted| {
                told.as_deref()
                    .is_some_and(|told| told.trim().eq_ignore_ascii_case(wanted))
            })
        };
        (self.vendor, self.product) == (identity.vendor_id, identity.product_id)
            && same(self.maker, &identity.manufacturer)
            && same(self.model, &identity.product)
    }
}

#[rustfmt::skip]
static KNOWN: &[Known] = &[
    // Sysgration: Agiler.
    Known::new(0x05b8, 0x0000, Kind::Cypress),
    // Nobody's numbers: Ablerex 625L.
    Known::new(0xffff, 0x0000, Kind::Ablerex),
    // Legrand Daker DK.
    Known::new(0x1cb0, 0x0035, Kind::Krauler),
    // Cypress' own: Voltronic, and what is sold under fifty other names.
    Known::new(0x0665, 0x5161, Kind::Cypress),
    // Phoenixtec: Masterguard A, whose bridge takes whole lines; then all others.
    Known::new(0x06da, 0x0002, Kind::Phoenixtec).named(Some("Phoenixtec Power"), Some("USB Cable (V2.00)")),
    Known::new(0x06da, 0x0002, Kind::Cypress),
    Known::new(0x06da, 0x0003, Kind::Ippon),
    Known::new(0x06da, 0x0004, Kind::Cypress),
    Known::new(0x06da, 0x0005, Kind::Cypress),
    Known::new(0x06da, 0x0201, Kind::Cypress),
    // Online Zinto A.
    Known::new(0x06da, 0x0601, Kind::Phoenix),
    // Unitek Alpha.
    Known::new(0x0f03, 0x0001, Kind::Cypress),
    // GE EP.
    Known::new(0x14f0, 0x00c9, Kind::Phoenix),
    // ST's numbers, lent out: TS Shara.
    Known::new(0x0483, 0x0035, Kind::Sgs),
    // Omron BN150T.
    Known::new(0x0590, 0x00b7, Kind::Omron),
    // Nobody's numbers, four bridges. MEC0003 of MEC is in Fideltronik's Lupus; of others in Hunnox, Powercool. A third
    // MEC0003 (SNR-UPS-LID) cannot be told from the second and wants `subdriver = snr`.
    Known::new(0x0001, 0x0000, Kind::Fabula).named(Some("MEC"), Some("MEC0003")),
    Known::new(0x0001, 0x0000, Kind::Hunnox).named(None, Some("MEC0003")),
    Known::new(0x0001, 0x0000, Kind::Fuji).named(Some("ATCL FOR UPS"), Some("ATCL FOR UPS")),
    Known::new(0x0001, 0x0000, Kind::Krauler),
    // Lakeview Research's numbers, borrowed: Armac, Vultech, and others made for Richcomm's PowerManager II.
    Known::new(0x0925, 0x1234, Kind::Armac),
];

/// The bridge of a device.
pub(super) fn recognise(identity: &UsbIdentity) -> Result<Kind, Error> {
    let known = KNOWN.iter().find(|known| known.fits(identity));
    known.map(|known| known.kind).ok_or_else(|| {
        let (vendor, product) = (identity.vendor_id, identity.product_id);
        Error::NotMine(format!(
            "no bridge is known by {vendor:04x}:{product:04x}; `subdriver` can name one of {}",
            NAMES
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        ))
    })
}

/// Every device of the table once.
pub(super) fn claims() -> Vec<UsbMatch> {
    let mut claims: Vec<UsbMatch> = Vec::new();
    for known in KNOWN {
        let claim = UsbMatch {
            vendor_id: known.vendor,
            product_id: Some(known.product),
            interface: None,
        };
        if !claims.contains(&claim) {
            claims.push(claim);
        }
    }
    claims
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        let named = NAMES.iter().find(|(_, kind)| *kind == self);
        named.map_or("", |(name, _)| name)
    }

    /// What carries lines over it.
    pub(super) fn framing(
        self,
        settings: &Settings,
        configuration: &[u8],
    ) -> Result<Box<dyn Framing>, Error> {
        let packets = |row| -> Result<Box<dyn Framing>, Error> { Ok(Box::new(Reports::new(row))) };
        let strings =
            |row| -> Result<Box<dyn Framing>, Error> { Ok(Box::new(Strings::new(row, settings)?)) };
        match self {
            Self::Ablerex => Ok(Box::new(Ablerex)),
            Self::Armac => Ok(Box::new(Armac::new(configuration))),
            Self::Cypress => packets(&packets::CYPRESS),
            Self::Fabula => strings(&strings::FABULA),
            Self::Fuji => Ok(Box::new(Fuji)),
            Self::Gtec => packets(&packets::GTEC),
            Self::Hunnox => strings(&strings::HUNNOX),
            Self::Ippon => packets(&packets::IPPON),
            Self::Krauler => strings(&strings::KRAULER),
            Self::Omron => packets(&packets::OMRON),
            Self::Phoenix => packets(&packets::PHOENIX),
            Self::Phoenixtec => packets(&packets::PHOENIXTEC),
            Self::RichcommSvc => Ok(Box::new(Armac::svc())),
            Self::Sgs => packets(&packets::SGS),
            Self::Snr => strings(&strings::SNR),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn identity(vendor: u16, product: u16, maker: &str, model: &str) -> UsbIdentity {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        UsbIdentity {
            vendor_id: vendor,
            product_id: product,
            manufacturer: text(maker),
            product: text(model),
            ..UsbIdentity::default()
        }
    }

    #[test]
    fn one_pair_of_numbers_may_be_four_bridges_and_names_tell() {
        for (vendor, product, maker, model, kind) in [
            (0x0665, 0x5161, "INNO TECH", "USB to Serial", Kind::Cypress),
            (
                0x06da,
                0x0002,
                "Phoenixtec Power",
                "USB Cable (V2.00)",
                Kind::Phoenixtec,
            ),
            (0x06da, 0x0002, "Phoenixtec Power", "", Kind::Cypress),
            (0x06da, 0x0003, "", "", Kind::Ippon),
            (0x0001, 0x0000, "MEC", "MEC0003", Kind::Fabula),
            (0x0001, 0x0000, "mec", "mec0003", Kind::Fabula),
            (0x0001, 0x0000, "", "MEC0003", Kind::Hunnox),
            (0x0001, 0x0000, "ATCL FOR UPS", "ATCL FOR UPS", Kind::Fuji),
            (0x0001, 0x0000, "", "", Kind::Krauler),
            (0x0001, 0x0000, "MEC", "", Kind::Krauler),
            (0xffff, 0x0000, "", "", Kind::Ablerex),
            (0x0925, 0x1234, "Richcomm", "UPS USB Mon V2.0", Kind::Armac),
        ] {
            let found = recognise(&identity(vendor, product, maker, model)).unwrap();
            assert_eq!(found, kind, "{vendor:04x}:{product:04x} {maker} {model}");
        }
        for (vendor, product) in [(0x1a86, 0x7523), (0x0665, 0x5162), (0x051d, 0x0002)] {
            let refused = recognise(&identity(vendor, product, "", ""));
            assert!(matches!(refused, Err(Error::NotMine(_))), "{refused:?}");
        }
    }

    #[test]
    fn every_kind_has_one_name_and_every_device_one_claim() {
        for (name, kind) in NAMES {
            assert_eq!(kind.name(), *name);
        }
        let claims = claims();
        assert_eq!(claims.len(), 16);
        assert!(claims.iter().all(|claim| claim.product_id.is_some()));
    }
}
