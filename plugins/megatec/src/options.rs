//! The options of a configuration section, and the one that is carried out here: power for the cable.

use husk_driver::host::{self, Level};
use husk_driver::{Error, IoError, Outputs, Parameter, Serial, Settings, log};

/// The optocoupler of the cable charges from the modem lines: milliseconds until it conducts (1.1 s, NUT's blazer).
const CABLE_POWER_MS: u32 = 1100;

/// Feeds the interface of the cable from the modem lines. `none` does not touch them, so that a cable with other
/// ideas about DTR and RTS is safe; a port without the lines (a pseudo-terminal) and a host that does not grant
/// them are no obstacle, since most interfaces today feed themselves.
pub(crate) fn power_cable(port: &mut Serial, settings: &Settings) -> Result<(), Error> {
    let lines = settings
        .choice("cablepower", CABLE_POWER)?
        .unwrap_or(Some(Outputs {
            dtr: true,
            rts: false,
        }));
    let Some(lines) = lines else { return Ok(()) };
    match port.set_lines(lines) {
        Ok(()) => {
            host::sleep_ms(CABLE_POWER_MS);
            Ok(())
        }
        Err(IoError::Unsupported | IoError::Denied) => {
            log!(
                Level::Debug,
                "the port gives no modem lines to power the cable from"
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The values of `cablepower`.
static CABLE_POWER: &[(&str, Option<Outputs>)] = &[
    (
        "normal",
        Some(Outputs {
            dtr: true,
            rts: false,
        }),
    ),
    (
        "reverse",
        Some(Outputs {
            dtr: false,
            rts: true,
        }),
    ),
    (
        "both",
        Some(Outputs {
            dtr: true,
            rts: true,
        }),
    ),
    ("none", None),
];

pub(crate) static PARAMETERS: &[Parameter] = &[
    Parameter::value(
        "protocol",
        "dialect to speak; found by asking when not given",
    ),
    Parameter::value(
        "cablepower",
        "modem lines that power the cable: normal, reverse, both or none",
    ),
    Parameter::value("offdelay", "seconds from the shutdown command to power off"),
    Parameter::value(
        "ondelay",
        "seconds from power off until power may return; 0: as soon as mains are there",
    ),
    Parameter::flag("stayoff", "after a shutdown stay off when mains return"),
    Parameter::flag("norating", "do not ask for the rating (F)"),
    Parameter::flag("novendor", "do not ask for the maker (I, FW?)"),
    Parameter::flag(
        "ignoresab",
        "ignore the flag that says a shutdown is under way",
    ),
    Parameter::value(
        "runtimecal",
        "runtime,load,runtime,load: seconds at a high and at a low load in percent",
    ),
    Parameter::value("chargetime", "seconds an empty battery takes to charge"),
    Parameter::value(
        "idleload",
        "load in percent that is counted when the device says less",
    ),
    Parameter::flag(
        "battery_voltage_reports_one_pack",
        "the device measures one of several packs in series",
    ),
];
