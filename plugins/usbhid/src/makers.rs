//! The makers whose devices this driver knows: one table each, and who is asked first.
//!
//! Refuses devices no maker claims: a report descriptor alone does not say what a number means.

mod apc;
mod arduino;
mod belkin;
mod cps;
mod delta_ups;
mod ecoflow;
mod ever;
mod idowell;
mod legrand;
mod liebert;
mod mge;
mod openups;
mod powercom;
mod powervar;
mod salicru;
mod tripplite;

#[cfg(test)]
mod trial;

use crate::device::Look;
use crate::row::{Command, Flag, Row};
use husk_driver::wire::hid::{Descriptor, Usage};
use husk_driver::{UsbIdentity, UsbMatch};

/// Every maker, in the order they are asked; the first that claims a device has it.
pub(crate) static MAKERS: &[&Maker] = &[
    &mge::MAKER,
    &apc::MAKER,
    &arduino::MAKER,
    &belkin::MAKER,
    &cps::MAKER,
    &delta_ups::MAKER,
    &ecoflow::MAKER,
    &ever::MAKER,
    &idowell::MAKER,
    &legrand::MAKER,
    &liebert::MAKER,
    &openups::MAKER,
    &powercom::MAKER,
    &powervar::MAKER,
    &salicru::MAKER,
    &tripplite::MAKER,
];

/// One maker: which devices are theirs, what their fields mean, and how they err.
pub(crate) struct Maker {
    /// As `subdriver` and `driver.version.data` call it.
    pub(crate) name: &'static str,
    /// Which devices the host is to offer.
    pub(crate) claims: &'static [UsbMatch],
    /// Usages of pages of their own. They come before the standard's.
    pub(crate) usages: &'static [Usage],
    /// The variables.
    pub(crate) rows: &'static [Row],
    /// What status and alarms are made of.
    pub(crate) flags: &'static [Flag],
    /// The instant commands.
    pub(crate) commands: &'static [Command],
    /// What is different from [`Habits::USUAL`].
    pub(crate) habits: Habits,
    /// Whether a device of these ids is theirs: some makers share them, and the strings tell.
    pub(crate) owns: fn(&UsbIdentity) -> bool,
    /// Corrects what the descriptor is known to say wrongly.
    pub(crate) correct: fn(&UsbIdentity, &mut Descriptor),
    /// Who the device says it is, and what that says about it.
    pub(crate) name_plate: fn(&mut Look<'_>) -> NamePlate,
}

impl Maker {
    /// A maker who needs nothing beyond tables.
    pub(crate) const PLAIN: Self = Self {
        name: "nobody known",
        claims: &[],
        usages: &[],
        rows: &[],
        flags: &[],
        commands: &[],
        habits: Habits::USUAL,
        owns: |_| true,
        correct: |_, _| {},
        name_plate: NamePlate::of_strings,
    };
}

/// How devices of a maker want to be treated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Seconds: default of `offdelay`.
    pub(crate) off_delay: u32,
    /// Seconds: default of `ondelay`.
    pub(crate) on_delay: u32,
    /// Seconds: default of `pollfreq`.
    pub(crate) full_walk: u32,
    /// Reports that must not be read.
    pub(crate) never_read: &'static [u8],
    /// Milliseconds between two writes.
    pub(crate) pause: u32,
    /// The interrupt endpoint that is read.
    pub(crate) endpoint: u8,
    /// Whether the interrupt endpoint is read for this device.
    pub(crate) interrupts: fn(&UsbIdentity) -> bool,
    /// Whether this device is listened to and not asked, and how many bytes it tells at a time.
    pub(crate) only_told: fn(&UsbIdentity) -> Option<u16>,
    /// Whether reports are asked for with as many bytes as there may be, because they are longer than described.
    pub(crate) longest_report: fn(&UsbIdentity) -> bool,
    /// Whether this device raises LB and RB for a moment when it tests itself.
    pub(crate) flickers: fn(&UsbIdentity) -> bool,
}

impl Habits {
    /// What most devices want.
    pub(crate) const USUAL: Self = Self {
        off_delay: 20,
        on_delay: 30,
        full_walk: 30,
        never_read: &[],
        pause: 125,
        endpoint: 0x81,
        interrupts: |_| true,
        only_told: |_| None,
        longest_report: |_| false,
        flickers: |_| false,
    };
}

/// Who a device says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamePlate {
    /// `ups.mfr`.
    pub(crate) maker: Option<String>,
    /// `ups.model`.
    pub(crate) model: Option<String>,
    /// `ups.serial`.
    pub(crate) serial: Option<String>,
    /// Variables whose value stands on the name plate too (`ups.firmware`).
    pub(crate) more: Vec<(&'static str, String)>,
}

/// Whose a vendor id is, for devices that do not say so themselves: ids that one maker has for itself.
#[rustfmt::skip]
static BRANDS: &[(u16, &str)] = &[
    (0x0463, "Eaton"),
    (0x0592, "Eaton"),
    (0x051d, "APC"),
    (0x050d, "Belkin"),
    (0x0764, "CPS"),
    (0x3746, "EcoFlow"),
    (0x2e51, "Ever"),
    (0x075d, "iDowell"),
    (0x1cb0, "Legrand"),
    (0x0d9f, "PowerCOM"),
    (0x4234, "Powervar"),
    (0x2e66, "Salicru"),
];

impl NamePlate {
    /// The three strings of the device descriptor.
    pub(crate) fn of_strings(look: &mut Look<'_>) -> Self {
        let identity = look.identity();
        let mut brands = BRANDS.iter();
        let brand = brands.find(|(vendor, _)| *vendor == identity.vendor_id);
        let brand = || brand.map(|(_, name)| (*name).to_owned());
        Self {
            maker: identity.manufacturer.clone().or_else(brand),
            model: identity.product.clone(),
            serial: identity.serial.clone(),
            more: Vec::new(),
        }
    }
}

/// A device of a maker by both ids.
pub(crate) const fn device(vendor_id: u16, product_id: u16) -> UsbMatch {
    UsbMatch {
        vendor_id,
        product_id: Some(product_id),
        interface: None,
    }
}

/// A device whose power device class is on another interface than the first.
pub(crate) const fn device_on(vendor_id: u16, product_id: u16, interface: u8) -> UsbMatch {
    UsbMatch {
        interface: Some(interface),
        ..device(vendor_id, product_id)
    }
}

/// A usage of a maker's own.
pub(crate) const fn usage(name: &'static str, code: u32) -> Usage {
    Usage { name, code }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::device::whole;
    use crate::row::{Means, Shown};
    use crate::status::Fact;
    use husk_driver::wire::hid::Path;

    #[test]
    fn every_path_is_made_of_known_usages() {
        for maker in MAKERS {
            let rows = maker.rows.iter().map(|row| row.path);
            let flags = maker.flags.iter().map(|flag| flag.path);
            let commands = maker.commands.iter().map(|command| command.path);
            for path in rows.chain(flags).chain(commands) {
                let path = whole(path);
                let parsed = Path::parse(&path, maker.usages);
                assert!(parsed.is_some(), "{}: {path}", maker.name);
            }
        }
    }

    /// A walk through everything is half a minute away, and a battery can be empty before.
    #[test]
    fn what_shuts_machines_down_is_read_at_every_poll() {
        let urgent = [
            Fact::Online,
            Fact::Discharging,
            Fact::LowBattery,
            Fact::ShutdownImminent,
            Fact::TimeLimitExpired,
        ];
        for maker in MAKERS {
            for flag in maker.flags {
                if let Means::Set(fact) | Means::Cleared(fact) = flag.means
                    && urgent.contains(&fact)
                {
                    assert!(flag.often, "{}: {}", maker.name, flag.path);
                }
            }
        }
    }

    #[test]
    fn every_name_is_a_known_one_or_plainly_an_experiment() {
        let mut unknown = Vec::new();
        for maker in MAKERS {
            for row in maker.rows {
                let known = husk_names::variable(row.name).is_some();
                let own = row.name.starts_with("experimental.") || OWN_NAMES.contains(&row.name);
                if !known && !own {
                    unknown.push(row.name);
                }
            }
            for command in maker.commands {
                let known = husk_names::command(command.name).is_some();
                if !known {
                    unknown.push(command.name);
                }
            }
        }
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    /// Names that clients know from older drivers though no list has them.
    const OWN_NAMES: &[&str] = &[
        "battery.capacity.design",
        "battery.capacity.full",
        "input.frequency.transfer.high",
        "input.frequency.transfer.low",
        "output.transfer.high",
        "output.transfer.low",
        "ups.load.nominal",
        "battery.runtime.elapsed",
        "ups.L1.power",
        "ups.L1.realpower",
        "ups.L2.power",
        "ups.L2.realpower",
        "ups.L3.power",
        "ups.L3.realpower",
    ];

    #[test]
    fn rows_of_one_variable_stand_together() {
        for maker in MAKERS {
            let mut names: Vec<&str> = maker.rows.iter().map(|row| row.name).collect();
            names.dedup();
            let together = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), together, "{}", maker.name);
        }
    }

    #[test]
    fn a_row_that_cannot_be_written_is_not_offered_for_it() {
        for maker in MAKERS {
            for row in maker.rows.iter().filter(|row| row.writable) {
                let takes = !matches!(row.shown, Shown::By(_) | Shown::Text);
                assert!(takes, "{}: {}", maker.name, row.name);
            }
        }
    }

    #[test]
    fn ids_of_two_makers_are_told_apart_by_their_strings() {
        let mut claims = Vec::new();
        for maker in MAKERS {
            for claim in maker.claims {
                let id = (claim.vendor_id, claim.product_id);
                let identity = UsbIdentity {
                    vendor_id: claim.vendor_id,
                    product_id: claim.product_id.unwrap_or(0),
                    ..UsbIdentity::default()
                };
                if claims.contains(&id) {
                    let earlier = MAKERS.iter().filter(|other| {
                        let has = |theirs: &UsbMatch| (theirs.vendor_id, theirs.product_id) == id;
                        other.name != maker.name && other.claims.iter().any(has)
                    });
                    let open = earlier.filter(|other| (other.owns)(&identity)).count();
                    assert!(open <= 1, "{}: {id:04x?}", maker.name);
                }
                claims.push(id);
            }
        }
    }
}
