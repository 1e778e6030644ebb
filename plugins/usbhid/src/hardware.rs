//! The devices the makers' tables are for: every id that is claimed, and the models known behind it.
//!
//! Recorded: report descriptor and reports are replayed in tests/recordings.rs. Documented: the descriptor alone was recorded,
//! or NUT's library of device dumps has what its driver published. Untested: the ids are known, and nothing else.

use husk_driver::Hardware;

#[cfg(feature = "usb")]
#[rustfmt::skip]
pub(crate) static USB: &[Hardware] = &[
    Hardware::recorded("APC", &["Back-UPS BK650M2-CH", "Back-UPS ES 850G2", "Smart-UPS 1000"], "051d:0002"),
    Hardware::documented("APC", &[
        "Back-UPS BF 500", "Back-UPS BVK750M2", "Back-UPS CS 650IE", "Back-UPS ES 525", "Back-UPS ES 700", "Back-UPS ES 725",
        "Back-UPS ES 750", "Back-UPS RS 1000G", "Back-UPS RS 1500", "Back-UPS RS 550GI", "Back-UPS RS 800", "Back-UPS XS 1200",
        "Smart-UPS 2200",
    ], "051d:0002"),
    // What these say only in Microlink is not read.
    Hardware::recorded("APC", &["Smart-UPS 3000"], "051d:0003").partly(),
    Hardware::documented("APC", &[
        "SMC2200BI-BR", "Smart-UPS C 1500", "Smart-UPS SMT3000RMI2U", "Smart-UPS X 750", "Smart-UPS X 1500",
    ], "051d:0003").partly(),
    Hardware::untested("APC", &["units with other ids"], "051d:0000 051d:0004 051d:0005").partly(),

    Hardware::untested("Arduino", &["boards that play a HID power device"],
        "2341:0036 2341:8036 2a03:0036 2a03:8036 2a03:0040 2a03:8040"),

    Hardware::documented("Belkin", &["Small Enterprise F6C1500-TW-RK"], "050d:0751"),
    Hardware::documented("Belkin", &["Universal UPS F6C1200-UNV"], "050d:0912"),
    Hardware::untested("Belkin", &["units with other ids"],
        "050d:0375 050d:0551 050d:0750 050d:0900 050d:0910 050d:0980 050d:0f51 050d:1100"),
    Hardware::recorded("Liebert", &["GXT4"], "10af:0000"),
    Hardware::recorded("Liebert", &["PSA5"], "10af:0002"),
    Hardware::documented("Liebert", &["PSI5"], "10af:0002"),
    Hardware::documented("Liebert", &["PowerSure PSA", "PowerSure PSA 500"], "10af:0001"),
    Hardware::documented("Liebert", &["GXT3"], "10af:0008"),
    Hardware::untested("Liebert", &["units with other ids"], "10af:0004"),

    Hardware::recorded("Cyber Power Systems", &["CP1500PFCLCD"], "0764:0501"),
    Hardware::recorded("Cyber Power Systems", &["CP1000PFCLCDa", "OR600ERM1U"], "0764:0601"),
    Hardware::documented("Cyber Power Systems", &[
        "BL1250U", "CP1000AVRLCD", "CP1350PFCLCD", "CP850PFCLCD", "CP900AVR", "CPJ500", "DX600E", "EC350G", "EC850LCD", "LE825G",
        "LE850G", "UT2200E", "Value 600E", "Value 800E", "Value 1200ELCD", "Value 1500ELCD-RU", "VP1600ELCD",
    ], "0764:0501"),
    Hardware::documented("Cyber Power Systems", &["OR1500ERM1U", "PR1500RT2U"], "0764:0601"),
    Hardware::documented("PowerWalker", &["Basic VI 1000 SB"], "0764:0601"),
    Hardware::documented("Rocketfish", &["RF-1025VA"], "0764:0501"),
    Hardware::untested("Cyber Power Systems", &["units with other ids"], "0764:0005 0483:a430"),

    Hardware::documented("Delta", &["UPS202R2000B0BA", "UPS302R2000B0BA"], "05dd:041b"),
    Hardware::untested("EcoFlow", &["units with this id"], "3746:ffff"),
    Hardware::untested("Ever", &["units with these ids"], "0483:a113 2e51:0000 2e51:ffff"),
    Hardware::documented("iDowell", &["iBox"], "075d:0300"),
    Hardware::recorded("iDowell", &["Smart-Battery that bears its id"], "075d:0300"),
    Hardware::untested("GoldenMate", &["LiFePO4 UPSes"], "06da:ffff"),
    Hardware::recorded("Legrand", &["UPS"], "1cb0:0032"),
    Hardware::documented("Legrand", &["Keor PDU 800"], "1cb0:0038"),

    Hardware::recorded("PowerWalker", &["VI 1200 SHL", "VI 2200 SHL"], "06da:ffff"),
    Hardware::documented("PowerWalker", &["VI 650 SHL"], "06da:ffff"),
    Hardware::documented("Liebert", &["PowerSure Personal XT"], "06da:ffff"),

    Hardware::recorded("Eaton", &["Protection Station"], "0463:ffff"),
    Hardware::documented("Eaton", &[
        "3S 550", "5P 650", "5PX 2000", "5SC 750", "5SC 2200i RT", "9135 6000", "9SX 5000i", "Powerware 5130",
    ], "0463:ffff"),
    Hardware::documented("MGE UPS Systems", &[
        "Ellipse 1000", "Nova AVR 1100 USB", "Pulsar 1500", "Pulsar Evolution 500", "Pulsar M 2200",
    ], "0463:ffff"),
    Hardware::documented("Dell", &["UPS Rack/Tower 2700W HV"], "047c:ffff"),
    Hardware::untested("MGE UPS Systems", &["units with this id"], "0463:0001"),
    Hardware::untested("Powerware", &["units with this id"], "0592:0004"),
    Hardware::untested("HP", &["units with other ids of MGE's protocol"], "03f0:1fe5 03f0:1fe6 03f0:1fe7 03f0:1fe8"),
    Hardware::untested("AEG", &["units with these ids"], "2b2d:ffff 06da:ffff"),
    Hardware::untested("IBM", &["units with this id"], "04b3:0001"),
    Hardware::untested("KSTAR", &["units with this id"], "09d6:0001"),

    Hardware::documented("Mini-Box", &["OpenUPS2"], "04d8:d005"),
    Hardware::untested("Mini-Box", &["OpenUPS"], "04d8:d004"),

    Hardware::recorded("Powercom", &["HID UPS Battery"], "0d9f:0004"),
    Hardware::documented("Powercom", &["RPT-600AP", "Vanguard"], "0d9f:0004"),
    Hardware::documented("Powercom", &["WOW-500U"], "0d9f:00a4"),
    Hardware::untested("Powercom", &["units with other ids"], "0d9f:0001 0d9f:00a2 0d9f:00a3 0d9f:00a5 0d9f:00a6"),

    // Most of what these know is in another protocol.
    Hardware::untested("Powervar", &["units with this id"], "4234:0002").partly(),

    Hardware::documented("Salicru", &["SLC-1500-TWIN PRO3"], "2e66:0201"),
    Hardware::documented("Salicru", &["SPS 850 ADV T"], "2e66:0302"),
    Hardware::untested("Salicru", &["units with other ids"], "2e66:0101 2e66:0202 2e66:0203 2e66:0300"),

    Hardware::recorded("Tripp Lite", &["a unit whose model was not noted"], "09ae:3016"),
    Hardware::documented("Tripp Lite", &["SMART1500LCDT"], "09ae:3016"),
    Hardware::documented("Tripp Lite", &["AVR750U"], "09ae:1007"),
    Hardware::documented("Tripp Lite", &["OMNIVS1000"], "09ae:1007 09ae:1009"),
    Hardware::documented("Tripp Lite", &["OMNIPLUS1000LCD"], "09ae:2007"),
    Hardware::documented("Tripp Lite", &["SMART1000LCD"], "09ae:2007 09ae:2009 09ae:2010"),
    Hardware::documented("Tripp Lite", &["BCPERS450", "G1010USB"], "09ae:2010"),
    Hardware::documented("Tripp Lite", &["a unit whose model was not noted"], "09ae:2012"),
    Hardware::documented("Tripp Lite", &["SMART1500SLT", "SMART2200RMXL2U"], "09ae:3012"),
    Hardware::documented("Tripp Lite", &["SU1500RTXL2UA"], "09ae:4003 09ae:4004"),
    Hardware::documented("Tripp Lite", &["SU1000RTXL2UA", "SU1500RTXLCD2U"], "09ae:4004"),
    Hardware::untested("Tripp Lite", &["units with other ids"],
        "09ae:1003 09ae:1008 09ae:1010 09ae:1330 09ae:2005 09ae:2008 09ae:2011 09ae:2013 09ae:2014 09ae:3008 09ae:3009 \
         09ae:3010 09ae:3011 09ae:3013 09ae:3014 09ae:3015 09ae:3024 09ae:4001 09ae:4002 09ae:4005 09ae:4006 09ae:4007 \
         09ae:4008"),
    Hardware::documented("HP", &["R1500 G3 INT"], "03f0:1fe0"),
    Hardware::documented("HP", &["T1000 INTL"], "03f0:1f08"),
    Hardware::documented("HP", &["T1500 INTL"], "03f0:1f09"),
    Hardware::untested("HP", &["units with other ids of Tripp Lite's protocol"],
        "03f0:0001 03f0:1fe1 03f0:1fe2 03f0:1fe3 03f0:1f06 03f0:1f0a"),
    Hardware::recorded("Minuteman", &["Minuteman UPS"], "05dd:a0a0"),
    Hardware::untested("Minuteman", &["units with other ids"], "05dd:a011"),
];

/// Over a serial line these need no ids.
#[cfg(feature = "shut")]
#[rustfmt::skip]
pub(crate) static SHUT: &[Hardware] = &[
    Hardware::documented("Eaton", &["9PX 2000 RT"], ""),
    Hardware::documented("MGE UPS Systems", &[
        "Ellipse 750 USBS", "Ellipse 800", "Pulsar 1500", "Pulsar EXtreme 1000C", "Pulsar EXtreme 1500C", "Pulsar Evolution 800",
    ], ""),
];

#[cfg(all(test, feature = "usb"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::makers::MAKERS;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_claimed_is_listed_and_the_other_way_round() {
        let claims = MAKERS.iter().flat_map(|maker| maker.claims);
        let claimed: BTreeSet<String> = claims
            .map(|claim| format!("{:04x}:{:04x}", claim.vendor_id, claim.product_id.unwrap()))
            .collect();
        let listed = USB.iter().flat_map(|row| row.hint.split(' '));
        let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
        let difference: Vec<&String> = claimed.symmetric_difference(&listed).collect();
        assert!(difference.is_empty(), "{difference:?}");
    }
}
