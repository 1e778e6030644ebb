//! The devices these wirings are for: each row of `types`, and what has been seen to work with one.

use husk_driver::Hardware;

pub(crate) static HARDWARE: &[Hardware] = &[
    document("UPSONIC", &["LAN Saver 600"], "upstype = 0"),
    document(
        "APC",
        &["Back-UPS with cable 940-0095A or 940-0095C"],
        "upstype = 1",
    ),
    document(
        "APC",
        &["Back-UPS with cable 940-0020B or 940-0020C"],
        "upstype = 2",
    ),
    document("PowerTech", &["Comp1000"], "upstype = 3"),
    document("generic", &["RUPS"], "upstype = 4"),
    document("Apollo", &["1000F"], "upstype = 4"),
    document(
        "Tripp Lite",
        &["Internet Office with Lan2.2 interface and cable 73-0844"],
        "upstype = 5",
    ),
    document("Best Power", &["Patriot with cable INT51"], "upstype = 6"),
    document("CyberPower", &["Power99"], "upstype = 7"),
    document("Sweex", &["1000VA UPS"], "upstype = 7"),
    document(
        "Nitram",
        &["Elite 500"],
        "upstype = 8, SD = what you find out",
    ),
    document("APC", &["Back-UPS with cable 940-0023A"], "upstype = 9"),
    document("Victron", &["Lite with crack cable"], "upstype = 10"),
    document("Powerware", &["3115"], "upstype = 11"),
    document(
        "APC",
        &["Back-UPS Office with cable 940-0119A"],
        "upstype = 12",
    ),
    document("Repoteck", &["RPT-800A", "RPT-162A"], "upstype = 13"),
    document("Online", &["P250", "P500", "P750", "P1250"], "upstype = 14"),
    document("Powerware", &["5119"], "upstype = 15"),
    document(
        "Nitram",
        &["Elite 2002"],
        "upstype = 16, SD = what you find out",
    ),
    document(
        "PowerKinetics",
        &["9001"],
        "upstype = 17, SD = what you find out",
    ),
    document(
        "Tripp Lite",
        &["Omni 450LAN with Martin's cable"],
        "upstype = 18, SD = what you find out",
    ),
    document("Fideltronik", &["Ares"], "upstype = 19"),
    document("Powerware", &["5119 RM"], "upstype = 20"),
    document(
        "generic",
        &["RUPS 2000 with Megatec's cable M2501"],
        "upstype = 21",
    ),
    document(
        "Gamatronic",
        &["UPSes with the alarm interface"],
        "upstype = 22",
    ),
    document(
        "generic",
        &["battery backup of a fibre connection, four-wire telemetry"],
        "upstype = 23",
    ),
];

const fn document(
    maker: &'static str,
    models: &'static [&'static str],
    hint: &'static str,
) -> Hardware {
    Hardware::documented(maker, models, hint).status_only()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Off, TYPES};

    #[test]
    fn every_wiring_is_listed_and_says_where_the_shutdown_is_missing() {
        for (number, row) in TYPES.iter().enumerate() {
            let hint = match row.off {
                Off::Unknown => format!("upstype = {number}, SD = what you find out"),
                _ => format!("upstype = {number}"),
            };
            let listed = HARDWARE.iter().filter(|one| one.hint == hint).count();
            assert!(listed > 0, "{hint}");
        }
    }
}
