//! Status words and alarms, made of the facts that flags tell.
//!
//! Refuses to invent: with neither mains nor discharging known there is no OL and no OB.

use husk_driver::host::{self, Level};
use husk_driver::{Error, Report, Settings, Word, log, var, word};

/// One thing that is so or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Online,
    Discharging,
    Charging,
    LowBattery,
    Overload,
    ReplaceBattery,
    ShutdownImminent,
    Trim,
    Boost,
    BypassAutomatic,
    BypassManual,
    Off,
    Calibrating,
    Overheat,
    InternalFault,
    CommunicationFault,
    Depleted,
    TimeLimitExpired,
    FullyCharged,
    AwaitingPower,
    FanFailure,
    NoBattery,
    BatteryVoltageLow,
    BatteryVoltageHigh,
    ChargerFailure,
    VoltageOutOfRange,
    FrequencyOutOfRange,
    EmergencyStop,
    WiringFault,
    ConfigurationFault,
    InverterVoltageHigh,
    InverterVoltageLow,
    ShortCircuit,
    FuseBlown,
}

/// As many as [`Fact`] has.
const FACTS: usize = Fact::FuseBlown as usize + 1;

/// What is known to be so, known not to be so, or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts([Option<bool>; FACTS]);

impl Default for Facts {
    fn default() -> Self {
        Self([None; FACTS])
    }
}

impl Facts {
    /// Says whether something is so. Of several fields one is enough, but about mains the last word counts.
    pub(crate) fn set(&mut self, fact: Fact, so: bool) {
        if let Some(known) = self.0.get_mut(fact as usize) {
            let already = *known == Some(true) && fact != Fact::Online;
            *known = Some(so || already);
        }
    }

    /// Whether something is so, if it is known.
    pub(crate) fn known(&self, fact: Fact) -> Option<bool> {
        self.0.get(fact as usize).copied().flatten()
    }

    /// Whether something is known to be so.
    pub(crate) fn is(&self, fact: Fact) -> bool {
        self.known(fact) == Some(true)
    }
}

/// The facts that are alarms.
#[rustfmt::skip]
static ALARMS: &[(Fact, &str)] = &[
    (Fact::ReplaceBattery,      "The battery must be replaced"),
    (Fact::ShutdownImminent,    "The UPS is about to switch off"),
    (Fact::FanFailure,          "A fan has failed"),
    (Fact::NoBattery,           "There is no battery"),
    (Fact::BatteryVoltageLow,   "The battery voltage is too low"),
    (Fact::BatteryVoltageHigh,  "The battery voltage is too high"),
    (Fact::ChargerFailure,      "The charger has failed"),
    (Fact::Overheat,            "The UPS is too hot"),
    (Fact::InternalFault,       "The UPS reports a fault of its own"),
    (Fact::CommunicationFault,  "The UPS has lost contact with a part of itself"),
    (Fact::AwaitingPower,       "The UPS waits for mains before it feeds the load again"),
    (Fact::BypassAutomatic,     "The UPS went to bypass: the load is not protected"),
    (Fact::BypassManual,        "The UPS was put on bypass by hand: the load is not protected"),
    (Fact::EmergencyStop,       "The emergency stop was used"),
    (Fact::WiringFault,         "Line and neutral of the mains are swapped, or there is no earth"),
    (Fact::ConfigurationFault,  "The configuration of the UPS is not valid"),
    (Fact::InverterVoltageHigh, "The inverter's voltage is too high"),
    (Fact::InverterVoltageLow,  "The inverter's voltage is too low"),
    (Fact::ShortCircuit,        "The output is short-circuited"),
    (Fact::FuseBlown,           "A fuse has blown"),
];

/// What the configuration says about the status.
pub(crate) struct Status {
    online_discharge: Meaning,
    patience: Patience,
    low: Since,
    replace: Since,
    warned: bool,
}

/// What discharging while mains are there means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Line,
    Battery,
    Calibration,
}

/// How long LB and RB must last to be believed while mains are there.
struct Patience {
    ms: u64,
    /// Also when no calibration runs.
    always: bool,
}

/// Since when something is so.
#[derive(Default)]
struct Since(Option<u64>);

/// Milliseconds for devices known to raise LB and RB for a moment when they test themselves.
const FLICKER_MS: u64 = 3000;

impl Status {
    /// Reads the settings.
    pub(crate) fn new(settings: &Settings, flickers: bool) -> Result<Self, Error> {
        let ms = match settings.whole("lbrb_log_delay_sec", 0..=3600)? {
            Some(seconds) => u64::from(seconds) * 1000,
            None if flickers => FLICKER_MS,
            None => 0,
        };
        Ok(Self {
            online_discharge: if settings.flag("onlinedischarge_calibration") {
                Meaning::Calibration
            } else if settings.flag("onlinedischarge_onbattery") || settings.flag("onlinedischarge")
            {
                Meaning::Battery
            } else {
                Meaning::Line
            },
            patience: Patience {
                ms,
                always: flickers || settings.flag("lbrb_log_delay_without_calibrating"),
            },
            low: Since::default(),
            replace: Since::default(),
            warned: false,
        })
    }

    /// Adds status, alarms and the reason of a transfer to a report; `charge` is in percent.
    pub(crate) fn report(&mut self, facts: &Facts, charge: Option<f64>, report: &mut Report) {
        let mut words = Vec::new();
        self.power(facts, &mut words);
        battery(facts, charge, &mut words);
        let calibrating = words.contains(&word::CAL);
        let doubtful = words.contains(&word::OL) && (calibrating || self.patience.always);
        let patience = if doubtful { self.patience.ms } else { 0 };
        let low = facts.is(Fact::LowBattery)
            || facts.is(Fact::TimeLimitExpired)
            || facts.is(Fact::ShutdownImminent);
        if self.low.lasts(low, patience) {
            words.push(word::LB);
        }
        let replace = facts.is(Fact::ReplaceBattery) || facts.is(Fact::NoBattery);
        let replace = self.replace.lasts(replace, patience);
        if replace {
            words.push(word::RB);
        }
        for (fact, word) in [
            (Fact::Overload, word::OVER),
            (Fact::Trim, word::TRIM),
            (Fact::Boost, word::BOOST),
            (Fact::BypassAutomatic, word::BYPASS),
            (Fact::BypassManual, word::BYPASS),
            (Fact::Off, word::OFF),
        ] {
            if facts.is(fact) {
                words.push(word);
            }
        }
        words.into_iter().for_each(|word| report.status(word));
        for (fact, text) in ALARMS {
            let doubted = *fact == Fact::ReplaceBattery && !replace;
            if facts.is(*fact) && !doubted {
                report.alarm(*text);
            }
        }
        let reason = [
            (Fact::VoltageOutOfRange, "the input voltage is out of range"),
            (
                Fact::FrequencyOutOfRange,
                "the input frequency is out of range",
            ),
        ];
        let reason = reason.iter().find(|(fact, _)| facts.is(*fact));
        report.set(var::INPUT_TRANSFER_REASON, reason.map(|(_, text)| *text));
    }

    /// OL, OB and CAL.
    fn power(&mut self, facts: &Facts, words: &mut Vec<Word>) {
        if facts.is(Fact::Calibrating) {
            words.push(word::CAL);
        }
        let discharging = facts.is(Fact::Discharging);
        match facts.known(Fact::Online) {
            Some(true) if discharging => {
                self.warn();
                words.push(match self.online_discharge {
                    Meaning::Battery => word::OB,
                    Meaning::Line | Meaning::Calibration => word::OL,
                });
                if self.online_discharge == Meaning::Calibration && !words.contains(&word::CAL) {
                    words.push(word::CAL);
                }
            }
            Some(true) => words.push(word::OL),
            Some(false) => words.push(word::OB),
            None if discharging => words.push(word::OB),
            None => {}
        }
    }

    fn warn(&mut self) {
        if !self.warned && self.online_discharge == Meaning::Line {
            log!(
                Level::Warn,
                "the UPS says that mains are there and that it discharges; if this is a power cut, set \
                 onlinedischarge_onbattery, if it tests itself, onlinedischarge_calibration"
            );
        }
        self.warned = true;
    }
}

/// CHRG and DISCHRG.
fn battery(facts: &Facts, charge: Option<f64>, words: &mut Vec<Word>) {
    if facts.is(Fact::Discharging) && !facts.is(Fact::Depleted) {
        words.push(word::DISCHRG);
    }
    // Firmware that keeps the bit while nothing is charged any more: the level tells.
    let room = match facts.known(Fact::FullyCharged) {
        Some(full) => !full,
        None => charge.is_some_and(|charge| charge > 0.0 && charge < 100.0),
    };
    if facts.is(Fact::Charging) && room {
        words.push(word::CHRG);
    }
}

impl Since {
    /// Whether something that is so now has been so for longer than `ms`.
    fn lasts(&mut self, so: bool, ms: u64) -> bool {
        if !so {
            self.0 = None;
            return false;
        }
        let now = host::now_ms();
        let since = *self.0.get_or_insert(now);
        ms == 0 || now.saturating_sub(since) > ms
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(settings: &[(&str, &str)], so: &[Fact], not: &[Fact], charge: f64, expected: &str) {
        let settings = Settings::new(settings.iter().copied());
        let mut facts = Facts::default();
        so.iter().for_each(|fact| facts.set(*fact, true));
        not.iter().for_each(|fact| facts.set(*fact, false));
        let mut report = Report::new();
        let mut status = Status::new(&settings, false).unwrap();
        status.report(&facts, Some(charge), &mut report);
        let words: Vec<_> = report.status_words().collect();
        assert_eq!(words.join(" "), expected, "{so:?} {not:?}");
    }

    #[test]
    fn words_are_what_the_facts_say_and_no_more() {
        use Fact::*;
        check(&[], &[Online], &[Discharging], 100.0, "OL");
        check(&[], &[Discharging], &[Online], 80.0, "OB DISCHRG");
        check(&[], &[], &[], 80.0, "");
        check(&[], &[Discharging], &[], 80.0, "OB DISCHRG");
        check(&[], &[Discharging, Depleted], &[Online], 0.0, "OB");
        check(&[], &[Online, Charging], &[], 60.0, "OL CHRG");
        check(&[], &[Online, Charging], &[], 100.0, "OL");
        check(&[], &[Online, Charging, FullyCharged], &[], 60.0, "OL");
        check(&[], &[Online, Charging], &[FullyCharged], 100.0, "OL CHRG");
        check(&[], &[Online, LowBattery], &[], 100.0, "OL LB");
        check(&[], &[ShutdownImminent], &[Online], 9.0, "OB LB");
        check(&[], &[Online, NoBattery], &[], 9.0, "OL RB");
    }

    #[test]
    fn discharging_on_line_is_what_the_setting_says() {
        let both = &[Fact::Online, Fact::Discharging][..];
        check(&[], both, &[], 80.0, "OL DISCHRG");
        check(
            &[("onlinedischarge_onbattery", "")],
            both,
            &[],
            80.0,
            "OB DISCHRG",
        );
        check(
            &[("onlinedischarge_calibration", "")],
            both,
            &[],
            80.0,
            "OL CAL DISCHRG",
        );
    }

    #[test]
    fn a_flicker_is_no_low_battery_while_mains_are_there() {
        let settings = Settings::default();
        let mut status = Status::new(&settings, true).unwrap();
        let mut facts = Facts::default();
        facts.set(Fact::Online, true);
        facts.set(Fact::LowBattery, true);
        let mut words = |facts: &Facts| {
            let mut report = Report::new();
            status.report(facts, None, &mut report);
            report.status_words().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words(&facts), "OL");
        host::sleep_ms(3001);
        assert_eq!(words(&facts), "OL LB");
        facts.set(Fact::Online, false);
        host::sleep_ms(1);
        assert_eq!(words(&facts), "OB LB", "on battery it is believed at once");
    }
}
