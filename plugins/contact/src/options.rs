//! The options of a configuration section: a row of `types`, and what the section changes of it.
//!
//! Lines are named as NUT names them: `DTR`, `RTS` and, for a shutdown, `ST` (a break) are outputs; `CTS`, `DCD`, `RNG` and
//! `DSR` inputs. Several go together, a `-` before a name means low, `NULL` or `none` alone no line at all. Refuses a word
//! it does not know, where NUT's driver takes a misspelt `OL` for "always on line".

use crate::types::{CTS, Condition, DCD, DSR, NEVER, Off, RNG, TYPES};
use husk_driver::{Error, Outputs, Parameter, Settings};

/// Longest hold in milliseconds, within what one shutdown may take (30 s). The lines stay as they are after it all the same.
const HOLD_MAX_MS: u32 = 25_000;
/// Longest `sdtime` that is taken for meant, in seconds.
const SDTIME_MAX: u32 = 3600;

/// One unit as configured.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) maker: String,
    pub(crate) model: String,
    pub(crate) serial: Option<String>,
    pub(crate) power: Outputs,
    pub(crate) online: Condition,
    pub(crate) battery_low: Condition,
    pub(crate) replace_battery: Condition,
    pub(crate) bypass: Condition,
    pub(crate) off: Off,
    /// How long the lines of `off` are held before the shutdown counts as done.
    pub(crate) hold_ms: u32,
}

impl Unit {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let expected = || {
            format!(
                "the number of a wiring, 0 to {}; husk-genericups(8) lists them",
                TYPES.len() - 1
            )
        };
        let read = |text: &str| TYPES.get(text.parse::<usize>().ok()?);
        let row = settings.parsed("upstype", read, expected)?;
        let row = row.ok_or_else(|| Error::BadSetting {
            name: "upstype".to_owned(),
            expected: expected(),
        })?;
        let given = |name: &str| {
            settings
                .get(name)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let inputs = |name: &str, otherwise: Condition| {
            let given = settings.parsed(name, inputs, || {
                "input lines, CTS, DCD, RNG or DSR, each with a - before it where it must be low; or NULL".to_owned()
            })?;
            Ok::<_, Error>(given.unwrap_or(otherwise))
        };
        let power = settings.parsed("cp", outputs, || {
            "output lines, DTR or RTS or both; or NULL".to_owned()
        })?;
        let off = settings.parsed("sd", off, || {
            "output lines, DTR or RTS or both; ST alone for a break; or NULL to drop both"
                .to_owned()
        })?;
        let hold = settings.whole("sdtime", 0..=SDTIME_MAX)?.unwrap_or(0);
        Ok(Self {
            maker: given("mfr").unwrap_or(row.maker).to_owned(),
            model: given("model").unwrap_or(row.model).to_owned(),
            serial: given("serial").map(str::to_owned),
            power: power.unwrap_or(row.power),
            online: inputs("ol", row.online)?,
            battery_low: inputs("lb", row.battery_low)?,
            replace_battery: inputs("rb", row.replace_battery)?,
            bypass: inputs("bypass", row.bypass)?,
            off: off.unwrap_or(row.off),
            hold_ms: (hold * 1000).min(HOLD_MAX_MS),
        })
    }
}

/// A name in upper case, and whether a `-` stands before it.
type Named = (String, bool);

/// The names in a setting: what stands between them (blanks, `+`, `,`, `|`, `&`) does not matter. `None` when there is none,
/// or a `-` without a name.
fn names(text: &str) -> Option<Vec<Named>> {
    let mut names = Vec::new();
    for part in text.split([' ', '\t', '+', ',', '|', '&']) {
        let mut minus = false;
        for (at, name) in part.split('-').enumerate() {
            match name {
                "" if at == 0 => {}
                "" => return None,
                name => names.push((name.to_ascii_uppercase(), minus)),
            }
            minus = true;
        }
    }
    (!names.is_empty()).then_some(names)
}

/// The levels a setting names, of these lines.
fn levels(text: &str, lines: &[(&str, u8)]) -> Option<Condition> {
    let names = names(text)?;
    if matches!(names.as_slice(), [(name, false)] if name == "NULL" || name == "NONE") {
        return Some(NEVER);
    }
    names.iter().try_fold(NEVER, |condition, (name, minus)| {
        let (_, line) = lines.iter().find(|(known, _)| known == name)?;
        condition.and(*line, !minus)
    })
}

fn inputs(text: &str) -> Option<Condition> {
    levels(
        text,
        &[("CTS", CTS), ("DCD", DCD), ("RNG", RNG), ("DSR", DSR)],
    )
}

fn outputs(text: &str) -> Option<Outputs> {
    let (dtr, rts) = (1, 2);
    let levels = levels(text, &[("DTR", dtr), ("RTS", rts)])?;
    Some(Outputs {
        dtr: levels.is_high(dtr),
        rts: levels.is_high(rts),
    })
}

fn off(text: &str) -> Option<Off> {
    match names(text)?.as_slice() {
        [(name, false)] if name == "ST" => Some(Off::Break),
        _ => outputs(text).map(Off::Lines),
    }
}

pub(crate) static PARAMETERS: &[Parameter] = &[
    Parameter::value("upstype", "number of the wiring, 0 to 23 (required)"),
    Parameter::value("mfr", "maker, instead of the wiring's"),
    Parameter::value("model", "model, instead of the wiring's"),
    Parameter::value("serial", "serial number"),
    Parameter::value("CP", "output lines that power the cable: DTR, RTS, NULL"),
    Parameter::value(
        "OL",
        "input lines that mean on line: CTS, DCD, RNG, DSR, -CTS …; NULL: always",
    ),
    Parameter::value("LB", "input lines that mean battery low; NULL: never"),
    Parameter::value("RB", "input lines that mean replace battery; NULL: never"),
    Parameter::value("BYPASS", "input lines that mean on bypass; NULL: never"),
    Parameter::value("SD", "output lines that cut the power, or ST for a break"),
    Parameter::value("sdtime", "seconds the lines of SD are held"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(pairs: &[(&str, &str)]) -> Result<Unit, Error> {
        Unit::new(&Settings::new(pairs.iter().copied()))
    }

    fn wrong(pairs: &[(&str, &str)]) -> String {
        unit(pairs).unwrap_err().to_string()
    }

    #[test]
    fn the_wiring_has_to_be_named() {
        for settings in [
            &[][..],
            &[("upstype", "24")],
            &[("upstype", "-1")],
            &[("upstype", "x")],
        ] {
            let error = wrong(settings);
            assert!(
                error.contains("upstype") && error.contains("0 to 23"),
                "{error}"
            );
        }
    }

    #[test]
    fn each_part_of_a_wiring_can_be_changed() {
        let unit = unit(&[
            ("upstype", " 3 "),
            ("mfr", "Example"),
            ("model", "Box 1"),
            ("serial", "77"),
            ("CP", "-DTR RTS"),
            ("OL", "CTS -dcd"),
            ("LB", "none"),
            ("RB", "RNG"),
            ("BYPASS", "-DSR"),
            ("SD", "ST"),
            ("sdtime", "4"),
        ])
        .unwrap();
        assert_eq!(
            (unit.maker.as_str(), unit.model.as_str()),
            ("Example", "Box 1")
        );
        assert_eq!(unit.serial.as_deref(), Some("77"));
        assert_eq!(
            unit.power,
            Outputs {
                dtr: false,
                rts: true
            }
        );
        assert_eq!(
            Some(unit.online),
            NEVER.and(CTS, true).and_then(|c| c.and(DCD, false))
        );
        assert!(unit.battery_low.never());
        assert_eq!(Some(unit.replace_battery), NEVER.and(RNG, true));
        assert_eq!(Some(unit.bypass), NEVER.and(DSR, false));
        assert_eq!((unit.off, unit.hold_ms), (Off::Break, 4000));
    }

    #[test]
    fn what_is_not_changed_is_the_wirings() {
        let unit = unit(&[("upstype", "9"), ("mfr", ""), ("sdtime", "60")]).unwrap();
        assert_eq!(
            (unit.maker.as_str(), unit.model.as_str()),
            ("APC", "Back-UPS")
        );
        assert_eq!(unit.serial, None);
        assert_eq!(
            unit.off,
            Off::Lines(Outputs {
                dtr: false,
                rts: true
            })
        );
        assert_eq!(unit.hold_ms, HOLD_MAX_MS, "a shutdown may not take longer");
    }

    #[test]
    fn a_wrong_line_is_an_error_that_names_the_right_ones() {
        for (name, values, expected) in [
            (
                "cp",
                &[
                    "CTS", "ST", "", "DTR RNG", "DTR -DTR", "-", "D TR", "NULL RTS",
                ][..],
                "DTR or RTS",
            ),
            (
                "ol",
                &[
                    "DTR", "RI", "cst", "", "CTS -CTS", "NULL CTS", "-NULL", "ST",
                ],
                "CTS, DCD, RNG or DSR",
            ),
            ("lb", &["RTS", "battery"], "CTS, DCD, RNG or DSR"),
            ("rb", &["RTS"], "CTS, DCD, RNG or DSR"),
            ("bypass", &["CTS--DCD"], "CTS, DCD, RNG or DSR"),
            ("sd", &["DCD", "RTS ST", "-ST", ""], "ST alone"),
            ("sdtime", &["-1", "x", "9999"], "0 to 3600"),
        ] {
            for value in values {
                let error = wrong(&[("upstype", "3"), (name, value)]);
                assert!(
                    error.contains(name) && error.contains(expected),
                    "{name} = {value:?}: {error}"
                );
            }
        }
    }
}
