//! Which field becomes which variable, and how.
//!
//! A field that the daemon does not have, or calls N/A, is unknown. (The incumbent makes noughts of N/A; a battery of 0 V and
//! 0 % that nobody measured is worse than none.)

use crate::nis::Fields;
use husk_driver::{Report, Value, Var, fixed, var, wire::line};

/// One variable made of one field.
struct Row {
    key: &'static str,
    variable: Var,
    meaning: Meaning,
}

/// How a field is read.
enum Meaning {
    /// The number in front, with so many decimals; what follows it is its unit.
    Number(u8),
    /// A time, in the unit it names or else in minutes, given in seconds.
    Minutes,
    /// A temperature, in Celsius unless it says F.
    Degrees,
    /// As it is, at most so many characters.
    Text(usize),
    /// Its first word.
    Word,
    /// Its first letter.
    Letter,
}

use Meaning::{Degrees, Letter, Minutes, Number, Text, Word};

/// Characters of a text; the daemon's own buffers end at 100.
const LONG: usize = 128;
/// Characters of the model and of the reason of a transfer: where the incumbent cuts them, and scripts compare.
const SHORT: usize = 32;

#[rustfmt::skip]
static ROWS: &[Row] = &[
    Row { key: "MODEL",    variable: var::UPS_MODEL,                 meaning: Text(SHORT) },
    Row { key: "SERIALNO", variable: var::UPS_SERIAL,                meaning: Text(LONG) },
    Row { key: "UPSNAME",  variable: var::UPS_ID,                    meaning: Text(LONG) },
    // Days are as the UPS has them: 12/18/01 and 13/11/15 are both in the field, and nothing says which part is which.
    Row { key: "MANDATE",  variable: var::UPS_MFR_DATE,              meaning: Text(LONG) },
    Row { key: "BATTDATE", variable: var::BATTERY_DATE,              meaning: Word },
    Row { key: "LOADPCT",  variable: var::UPS_LOAD,                  meaning: Number(1) },
    Row { key: "LOAD_W",   variable: var::UPS_REALPOWER,             meaning: Number(1) },
    Row { key: "LOAD_VA",  variable: var::UPS_POWER,                 meaning: Number(1) },
    Row { key: "NOMPOWER", variable: var::UPS_REALPOWER_NOMINAL,     meaning: Number(1) },
    Row { key: "NOMAPNT",  variable: var::UPS_POWER_NOMINAL,         meaning: Number(1) },
    Row { key: "ITEMP",    variable: var::UPS_TEMPERATURE,           meaning: Degrees },
    Row { key: "DWAKE",    variable: var::UPS_DELAY_START,           meaning: Number(0) },
    Row { key: "DSHUTD",   variable: var::UPS_DELAY_SHUTDOWN,        meaning: Number(0) },
    // In hours, as the UPS counts them and the incumbent passes them on, although the variable is elsewhere in seconds.
    Row { key: "STESTI",   variable: var::UPS_TEST_INTERVAL,         meaning: Number(0) },
    // OK passed, BT battery, NG failed, WN warning, IP running, NO none yet.
    Row { key: "SELFTEST", variable: var::UPS_TEST_RESULT,           meaning: Text(LONG) },
    Row { key: "LASTSTEST", variable: var::UPS_TEST_DATE,            meaning: Text(LONG) },
    Row { key: "LINEV",    variable: var::INPUT_VOLTAGE,             meaning: Number(1) },
    Row { key: "MAXLINEV", variable: var::INPUT_VOLTAGE_MAXIMUM,     meaning: Number(1) },
    Row { key: "MINLINEV", variable: var::INPUT_VOLTAGE_MINIMUM,     meaning: Number(1) },
    Row { key: "NOMINV",   variable: var::INPUT_VOLTAGE_NOMINAL,     meaning: Number(0) },
    // The UPS does not convert frequencies: what comes in goes out.
    Row { key: "LINEFREQ", variable: var::INPUT_FREQUENCY,           meaning: Number(1) },
    Row { key: "LINEFREQ", variable: var::OUTPUT_FREQUENCY,          meaning: Number(1) },
    Row { key: "LASTXFER", variable: var::INPUT_TRANSFER_REASON,     meaning: Text(SHORT) },
    Row { key: "LOTRANS",  variable: var::INPUT_TRANSFER_LOW,        meaning: Number(1) },
    Row { key: "HITRANS",  variable: var::INPUT_TRANSFER_HIGH,       meaning: Number(1) },
    Row { key: "SENSE",    variable: var::INPUT_SENSITIVITY,         meaning: Letter },
    Row { key: "OUTPUTV",  variable: var::OUTPUT_VOLTAGE,            meaning: Number(1) },
    Row { key: "NOMOUTV",  variable: var::OUTPUT_VOLTAGE_NOMINAL,    meaning: Number(0) },
    Row { key: "OUTCURNT", variable: var::OUTPUT_CURRENT,            meaning: Number(2) },
    Row { key: "BCHARGE",  variable: var::BATTERY_CHARGE,            meaning: Number(1) },
    Row { key: "MBATTCHG", variable: var::BATTERY_CHARGE_LOW,        meaning: Number(0) },
    Row { key: "RETPCT",   variable: var::BATTERY_CHARGE_RESTART,    meaning: Number(1) },
    Row { key: "BATTV",    variable: var::BATTERY_VOLTAGE,           meaning: Number(1) },
    Row { key: "NOMBATTV", variable: var::BATTERY_VOLTAGE_NOMINAL,   meaning: Number(1) },
    Row { key: "TIMELEFT", variable: var::BATTERY_RUNTIME,           meaning: Minutes },
    Row { key: "MINTIMEL", variable: var::BATTERY_RUNTIME_LOW,       meaning: Minutes },
    Row { key: "EXTBATTS", variable: var::BATTERY_PACKS_EXTERNAL,    meaning: Number(0) },
    Row { key: "BADBATTS", variable: var::BATTERY_PACKS_BAD,         meaning: Number(0) },
    Row { key: "AMBTEMP",  variable: var::AMBIENT_TEMPERATURE,       meaning: Degrees },
    Row { key: "HUMIDITY", variable: var::AMBIENT_HUMIDITY,          meaning: Number(1) },
];

/// The apparent power as a part of what the UPS can carry, which NUT has no listed name for.
const POWER_PERCENT: &str = "power.percent";

/// Sets all variables that the report has.
pub(crate) fn report(fields: &Fields, report: &mut Report) {
    for row in ROWS {
        let value = fields.get(row.key).map(|text| row.meaning.read(text));
        report.set(row.variable, value.unwrap_or_default());
    }
    let apparent = fields.get("LOADAPNT").map(|text| Number(1).read(text));
    report.set(POWER_PERCENT, apparent.unwrap_or_default());
    if let Some(text) = fields.get("FIRMWARE") {
        // `UPS 09.3 / ID=18`: that of the UPS and that of its card.
        let (own, card) = match text.split_once('/') {
            Some((own, card)) => (own.trim(), Some(card.trim())),
            None => (text, None),
        };
        report.set(var::UPS_FIRMWARE, own);
        report.set(var::UPS_FIRMWARE_AUX, card);
    }
    if let Some((day, time)) = fields.get("DATE").and_then(moment) {
        report.set(var::UPS_DATE, day);
        report.set(var::UPS_TIME, time);
    }
}

impl Meaning {
    fn read(&self, text: &str) -> Value {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        let unit = words.next().unwrap_or_default();
        let number = line::signed(first);
        match *self {
            Number(decimals) => number.map(|number| fixed(number, decimals)).into(),
            Minutes => number
                .and_then(|number| Some(fixed(number * seconds(unit)?, 1)))
                .into(),
            Degrees => number
                .map(|number| match unit {
                    "F" => fixed((number - 32.0) / 1.8, 1),
                    _ => fixed(number, 1),
                })
                .into(),
            Text(most) => text
                .chars()
                .take(most)
                .collect::<String>()
                .trim_end()
                .into(),
            Word => first.into(),
            Letter => first
                .chars()
                .next()
                .filter(char::is_ascii_alphabetic)
                .map(String::from)
                .into(),
        }
    }
}

/// Seconds of a unit of time; of an unknown one nothing is made.
fn seconds(unit: &str) -> Option<f64> {
    match unit.trim_end_matches('s') {
        "" | "Minute" => Some(60.0),
        "Second" => Some(1.0),
        "Hour" => Some(3600.0),
        _ => None,
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Day and time of `2025-01-07 20:36:08 +0000`, or of `Thu Mar 08 11:22:30 EST 2001`, which daemons before 3.14 write.
fn moment(text: &str) -> Option<(String, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_time = |word: &str| {
        let numbers: Vec<_> = word.split(':').map(line::whole).collect();
        matches!(*numbers, [Some(..24), Some(..60), Some(..=60)])
    };
    let (day, time) = match *words {
        [day, time, ..] if line::whole(&day.replace('-', "")).is_some() && day.len() == 10 => {
            (day.to_owned(), time)
        }
        [_, month, day, time, .., year] => {
            let month = MONTHS.iter().position(|known| *known == month)? + 1;
            let (day, year) = (line::whole(day)?, line::whole(year)?);
            (format!("{year:04}-{month:02}-{day:02}"), time)
        }
        _ => return None,
    };
    is_time(time).then(|| (day, time.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, text: &str, variable: &str) -> Option<String> {
        let mut said = Report::new();
        report(&Fields::of(&[(key, text)]), &mut said);
        said.value(variable).map(str::to_owned)
    }

    #[test]
    fn values_are_read_as_daemons_of_all_ages_write_them() {
        for (key, text, variable, expected) in [
            ("BCHARGE", "096.0 Percent", "battery.charge", "96.0"),
            ("LOADPCT", " 44.8 Percent Load Capacity", "ups.load", "44.8"),
            ("ITEMP", "-05.5 C Internal", "ups.temperature", "-5.5"),
            ("ITEMP", "86.0 F", "ups.temperature", "30.0"),
            ("TIMELEFT", " 43.0 Minutes", "battery.runtime", "2580.0"),
            ("MINTIMEL", "90 Seconds", "battery.runtime.low", "90.0"),
            ("NOMOUTV", "115.0", "output.voltage.nominal", "115"),
            ("LINEFREQ", "60.0 Hz", "output.frequency", "60.0"),
            ("SENSE", "Auto Adjust", "input.sensitivity", "A"),
            ("BATTDATE", "12/18/01", "battery.date", "12/18/01"),
            ("FIRMWARE", "UPS 09.3 / ID=18", "ups.firmware.aux", "ID=18"),
            ("LOADAPNT", "12.5 Percent", "power.percent", "12.5"),
            (
                "DATE",
                "Thu Mar 08 11:22:30 EST 2001",
                "ups.date",
                "2001-03-08",
            ),
            ("DATE", "2025-01-07 20:36:08 +0000", "ups.time", "20:36:08"),
        ] {
            assert_eq!(
                one(key, text, variable).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for (key, text, variable) in [
            ("BCHARGE", "N/A", "battery.charge"),
            ("BCHARGE", "", "battery.charge"),
            ("STESTI", "OFF", "ups.test.interval"),
            ("TIMELEFT", "3 Fortnights", "battery.runtime"),
            ("LINEV", "1e3 Volts", "input.voltage"),
            ("SENSE", "??", "input.sensitivity"),
            ("DATE", "yesterday at noon or so", "ups.date"),
            ("DATE", "2025-01-07 25:00:00", "ups.time"),
        ] {
            assert_eq!(one(key, text, variable), None, "{key} {text}");
        }
    }
}
