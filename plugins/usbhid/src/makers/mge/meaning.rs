//! What MGE's and Eaton's numbers mean where a table cannot say it: the battery manager, clocks, names, the bypass.
//!
//! The bypass and economy mode feed the load with the mains as they are. Refuses to switch to either while those are
//! known to be outside of what the unit's own limits, or else the usual ones, allow.

use super::models;
use crate::device::Look;
use crate::makers::NamePlate;
use crate::row::Words;
use crate::status::{Fact, Facts};
use husk_driver::wire::line;
use husk_driver::{UsbIdentity, Value, fixed};

/// Charger.Mode and Charger.Status, where the unit manages its battery.
const MODE: Words = &[
    (1, CHARGING),
    (2, DISCHARGING),
    (3, FLOATING),
    (4, "resting"),
    (6, "off"),
];
const STATE: Words = &[
    (1, CHARGING),
    (2, FLOATING),
    (3, "resting"),
    (4, DISCHARGING),
    (6, "off"),
];
const CHARGING: &str = "charging";
const DISCHARGING: &str = "discharging";
const FLOATING: &str = "floating";
const MODE_PATH: &str = "BS.Charger.Mode";

/// Ids shared with other makers are theirs when the strings say so.
pub(super) fn owns(identity: &UsbIdentity) -> bool {
    let says = |name: &str| {
        let strings = [&identity.manufacturer, &identity.product];
        let mut strings = strings.into_iter().flatten();
        strings.any(|string| string.to_ascii_uppercase().contains(name))
    };
    match identity.vendor_id {
        0x06da => says("AEG"),
        0x09d6 => says("KSTAR"),
        _ => true,
    }
}

/// Dell's product string is the whole name already.
const DELL: u16 = 0x047c;

/// The product string names the family; the model string, or else the rated power, names the member.
pub(super) fn name_plate(look: &mut Look<'_>) -> NamePlate {
    let mut plate = NamePlate::of_strings(look);
    if look.identity().vendor_id == DELL {
        return plate;
    }
    let member = models::member(look);
    plate.model = match (plate.model, member) {
        (Some(family), Some(member)) => Some(models::name(&family, &member)),
        (family, member) => family.or(member),
    };
    plate
}

/// The unit manages its battery, and its charger tells what the battery does.
fn manages(look: &mut Look<'_>) -> bool {
    look.number("BS.Charger.ABMEnable") == Some(1.0)
}

pub(super) fn charger_mode(look: &mut Look<'_>, mode: f64) -> Option<Value> {
    let word = crate::convert::word(MODE, mode)?;
    manages(look).then(|| word.into())
}

pub(super) fn charger_state(look: &mut Look<'_>, state: f64) -> Option<Value> {
    let word = crate::convert::word(STATE, state)?;
    manages(look).then(|| word.into())
}

pub(super) fn by_charger_mode(look: &mut Look<'_>, mode: f64, facts: &mut Facts) {
    if manages(look) {
        charger_facts(crate::convert::word(MODE, mode), facts);
    }
}

/// Asked only where there is no mode: both exist on some units, and the mode is right.
pub(super) fn by_charger_state(look: &mut Look<'_>, state: f64, facts: &mut Facts) {
    if manages(look) && look.number(MODE_PATH).is_none() {
        charger_facts(crate::convert::word(STATE, state), facts);
    }
}

fn charger_facts(word: Option<&str>, facts: &mut Facts) {
    facts.set(Fact::Charging, matches!(word, Some(CHARGING | FLOATING)));
    facts.set(Fact::Discharging, word == Some(DISCHARGING));
}

pub(super) fn discharging(look: &mut Look<'_>, flag: f64, facts: &mut Facts) {
    if !manages(look) {
        facts.set(Fact::Discharging, flag != 0.0);
    }
}

pub(super) fn charging(look: &mut Look<'_>, flag: f64, facts: &mut Facts) {
    if !manages(look) {
        facts.set(Fact::Charging, flag != 0.0);
    }
}

/// The battery feeds the inverter, or the mains are too low to: on battery, whatever ACPresent says.
pub(super) fn on_battery(_look: &mut Look<'_>, flag: f64, facts: &mut Facts) {
    if flag != 0.0 {
        facts.set(Fact::Online, false);
    }
}

/// The mains feed the inverter, where nothing else tells whether they are there.
pub(super) fn by_converter(_look: &mut Look<'_>, used: f64, facts: &mut Facts) {
    if used != 0.0 && facts.known(Fact::Online).is_none() {
        facts.set(Fact::Online, true);
    }
}

pub(super) fn battery_voltage_nominal(look: &mut Look<'_>, volts: f64) -> Option<Value> {
    let volts = match models::is_evolution_650(look) {
        true => 12.0,
        false => volts,
    };
    Some(fixed(volts, 0))
}

/// Units that do not measure it: of load, rated power and power factor.
pub(super) fn real_power(look: &mut Look<'_>, rated: f64) -> Option<Value> {
    let load = look.number("PS.PercentLoad")?;
    let factor = look
        .number("PC.Output.PowerFactor")
        .map_or(0.8, |hundredths| hundredths / 100.0);
    Some(fixed(load / 100.0 * rated * factor, 0))
}

/// Seconds since 1970, shown as a date and a time of day of the unit's own clock.
pub(super) fn date(_look: &mut Look<'_>, seconds: f64) -> Option<Value> {
    let days = (seconds / DAY).floor() as i64;
    let (year, month, day) = civil(days)?;
    Some(format!("{year:04}/{month:02}/{day:02}").into())
}

pub(super) fn time(_look: &mut Look<'_>, seconds: f64) -> Option<Value> {
    let second = seconds.rem_euclid(DAY) as u32;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!("{hour:02}:{minute:02}:{second:02}").into())
}

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// The day of a number of days since 1970 (Gregorian, to 2106).
fn civil(days: i64) -> Option<(u32, u32, u32)> {
    let mut left = u32::try_from(days).ok().filter(|days| *days < 50_000)?;
    let leap = |year: u32| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while left >= 365 + u32::from(leap(year)) {
        left -= 365 + u32::from(leap(year));
        year += 1;
    }
    let february = 28 + u32::from(leap(year));
    for (month, length) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
        if left < length {
            return Some((year, month, left + 1));
        }
        left -= length;
    }
    None
}

/// A written date keeps the time of day, a written time keeps the date.
pub(super) fn take_date(look: &mut Look<'_>, text: &str) -> Option<f64> {
    let mut parts = text.split(['/', '-']).map(line::whole);
    let mut next = || parts.next().flatten();
    let wanted = (next()?, next()?, next()?);
    let days = (0..50_000).find(|days| civil(*days) == Some(wanted))?;
    let now = look.number("PS.Time")?;
    Some(days as f64 * DAY + now.rem_euclid(DAY))
}

pub(super) fn take_time(look: &mut Look<'_>, text: &str) -> Option<f64> {
    let mut parts = text.split(':').map(line::whole);
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().map_or(Some(0), |second| second)?;
    let valid = hour < 24 && minute < 60 && second < 60;
    let now = look.number("PS.Time")?;
    valid.then(|| (now / DAY).floor() * DAY + f64::from(hour * 3600 + minute * 60 + second))
}

/// What the mains must be for the load to be fed with them directly.
struct Window {
    /// Limits in volts, and in percent of the nominal frequency, that the unit may have.
    low: &'static str,
    high: &'static str,
    range: &'static str,
    /// Where it has none: parts of the nominal voltage, and percent.
    usual: (f64, f64, f64),
}

const BYPASS: Window = Window {
    low: "PC.Output.LowVoltageBypassTransfer",
    high: "PC.Output.HighVoltageBypassTransfer",
    range: "PC.Output.FrequencyRangeBypassTransfer",
    usual: (0.8, 1.15, 10.0),
};
const ECONOMY: Window = Window {
    low: "PC.Output.LowVoltageEcoTransfer",
    high: "PC.Output.HighVoltageEcoTransfer",
    range: "PC.Output.FrequencyRangeEcoTransfer",
    usual: (0.95, 1.05, 5.0),
};

impl Window {
    /// Whether the bypass has such mains; `None` where it is not measured.
    fn holds(&self, look: &mut Look<'_>) -> Option<bool> {
        let volts = look.number("PC.Input.[2].Voltage")?;
        let nominal_volts = look.number("Flow.[4].ConfigVoltage")?;
        let hertz = look.number("PC.Input.[2].Frequency")?;
        let nominal_hertz = look.number("Flow.[4].ConfigFrequency")?;
        let mut limit = |path| look.number(path).filter(|limit| *limit > 0.0);
        let (least, most, percent) = self.usual;
        let (low, high) = match (limit(self.low), limit(self.high)) {
            (Some(low), Some(high)) => (low, high),
            _ => (nominal_volts * least, nominal_volts * most),
        };
        let tolerance = nominal_hertz * limit(self.range).unwrap_or(percent) / 100.0;
        Some((low..=high).contains(&volts) && (hertz - nominal_hertz).abs() <= tolerance)
    }

    /// Whether the load may be put on it: not when the mains are known to be bad.
    fn may_be_used(&self, look: &mut Look<'_>) -> bool {
        self.holds(look).unwrap_or(true)
    }
}

pub(super) fn bypass_if_sound(look: &mut Look<'_>, _value: Option<&str>) -> Option<f64> {
    BYPASS.may_be_used(look).then_some(1.0)
}

pub(super) fn economy_if_sound(look: &mut Look<'_>, _value: Option<&str>) -> Option<f64> {
    ECONOMY.may_be_used(look).then_some(1.0)
}

/// Words of the two switches that are written through a window.
const SWITCHED_ON: Words = &[(0, "disabled"), (1, "on")];
const MODES: Words = &[(0, "normal"), (1, "ECO"), (2, "ESS")];

pub(super) fn show_bypass(_look: &mut Look<'_>, switched: f64) -> Option<Value> {
    crate::convert::word(SWITCHED_ON, switched).map(Value::from)
}

pub(super) fn take_bypass(look: &mut Look<'_>, text: &str) -> Option<f64> {
    match text {
        "disabled" => Some(0.0),
        "on" => bypass_if_sound(look, None),
        _ => None,
    }
}

pub(super) fn show_economy(_look: &mut Look<'_>, mode: f64) -> Option<Value> {
    crate::convert::word(MODES, mode).map(Value::from)
}

pub(super) fn take_economy(look: &mut Look<'_>, text: &str) -> Option<f64> {
    match text {
        "normal" => Some(0.0),
        "ECO" => economy_if_sound(look, None),
        "ESS" => Some(2.0),
        _ => None,
    }
}

/// The modes of `experimental.ups.mode.buzzwords`: the one permitted, and the one in use.
pub(super) fn mode_permitted(look: &mut Look<'_>, mode: f64) -> Option<Value> {
    let permitted = match mode as i64 {
        1 if ECONOMY.may_be_used(look) => Some("vendor:mge-hid:ECO"),
        2 => Some("vendor:mge-hid:ESS"),
        _ => None,
    };
    let used = look.number("PC.Input.[5].PresentStatus.Used");
    let words = [permitted, used.and_then(used_word)];
    let words: Vec<_> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" ").into())
}

pub(super) fn mode_in_use(_look: &mut Look<'_>, used: f64) -> Option<Value> {
    used_word(used).map(Value::from)
}

fn used_word(used: f64) -> Option<&'static str> {
    match used as i64 {
        1 => Some("vendor:default:ECO"),
        2 => Some("vendor:default:ESS"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
