//! What these devices do not measure: charge and runtime, guessed from the battery voltage and from a calibration
//! the user made (`runtimecal`).
//!
//! Refuses to guess without the voltages of a full and an empty battery: they are configured, or derived from the
//! nominal voltage (lead-acid: 104/120 and 130/120 of it).

use crate::picture::Picture;
use husk_driver::wire::line;
use husk_driver::{Error, Settings, var};

/// Packs in series that are tried, the most first. Source: NUT's blazer and nutdrv_qx.
const PACKS: &[f64] = &[
    120.0, 100.0, 80.0, 60.0, 48.0, 36.0, 30.0, 24.0, 18.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0, 0.5,
];
/// Half a day, when `chargetime` is not given.
const CHARGE_SECONDS: f64 = 43_200.0;
/// Percent, when `idleload` is not given.
const IDLE_LOAD: f64 = 10.0;
/// Bounds of what users may configure: no battery of this family comes near.
const VOLTS_MAX: f64 = 1000.0;
const SECONDS_MAX: f64 = 10_000_000.0;

/// Voltages of an empty and of a full battery.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
}

/// What the device says of its battery.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) nominal: Option<f64>,
    pub(crate) limits: Limits,
    pub(crate) packs: Option<f64>,
}

impl Told {
    pub(crate) fn by(picture: &Picture) -> Self {
        Self {
            nominal: picture.get(var::BATTERY_VOLTAGE_NOMINAL),
            limits: Limits {
                low: picture.get(var::BATTERY_VOLTAGE_LOW),
                high: picture.get(var::BATTERY_VOLTAGE_HIGH),
            },
            packs: picture.get(var::BATTERY_PACKS),
        }
    }
}

/// What is guessed: percent and seconds.
#[derive(Default)]
pub(crate) struct Guess {
    pub(crate) charge: Option<f64>,
    pub(crate) runtime: Option<f64>,
}

/// What is known of one battery.
pub(crate) struct Battery {
    nominal: Option<f64>,
    given: Limits,
    told: Limits,
    packs: Option<f64>,
    /// The device measures one pack, and users want to read all of them.
    reports_one_pack: bool,
    calibration: Option<Calibration>,
}

/// Runtime as a function of load, and how much of it is left.
struct Calibration {
    /// Runtime at full load, seconds.
    full: f64,
    exponent: f64,
    charge_seconds: f64,
    idle: f64,
    /// Seconds at full load that are left; known from the first poll on.
    left: Option<f64>,
    last_ms: Option<u64>,
}

impl Battery {
    /// `told` is what the device says of its battery, `state` what a predecessor saved.
    pub(crate) fn new(
        settings: &Settings,
        told: &Told,
        state: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let volts = |name: &str| settings.number(name, 0.1..=VOLTS_MAX);
        let given = |name: &str| match volts(&format!("override.{name}")) {
            Ok(None) => volts(&format!("default.{name}")),
            forced => forced,
        };
        let left = state
            .and_then(line::printable)
            .and_then(line::whole)
            .map(f64::from);
        Ok(Self {
            nominal: volts("override.battery.voltage.nominal")?
                .or(told.nominal)
                .or(volts("default.battery.voltage.nominal")?),
            given: Limits {
                low: given("battery.voltage.low")?,
                high: given("battery.voltage.high")?,
            },
            told: told.limits,
            packs: given("battery.packs")?.or(told.packs.filter(|packs| *packs > 0.0)),
            reports_one_pack: settings.flag("battery_voltage_reports_one_pack"),
            calibration: Calibration::new(settings, left)?,
        })
    }

    /// Finds out how many packs one measured voltage stands for, unless that was configured.
    pub(crate) fn count_packs(&mut self, volts: Option<f64>) {
        let (None, Some(volts), Some(nominal)) = (self.packs, volts, self.nominal) else {
            return;
        };
        self.packs = PACKS
            .iter()
            .copied()
            .find(|packs| packs * volts <= 1.25 * nominal)
            .filter(|packs| packs * volts >= 0.8 * nominal);
    }

    /// The voltage of all packs, when the device measures one of them.
    pub(crate) fn total(&self, volts: f64) -> Option<f64> {
        self.packs
            .filter(|_| self.reports_one_pack)
            .map(|packs| packs * volts)
    }

    /// The limits that were guessed; what was configured is published by the host, and what the device says by its row.
    pub(crate) fn guessed_limits(&self) -> Limits {
        let limits = self.limits();
        let known = |given: Option<f64>, told: Option<f64>| given.or(told).is_some();
        Limits {
            low: limits.low.filter(|_| !known(self.given.low, self.told.low)),
            high: limits
                .high
                .filter(|_| !known(self.given.high, self.told.high)),
        }
    }

    /// What is left at this moment. `now_ms` is monotonic; the guess of the runtime goes on from call to call.
    pub(crate) fn guess(
        &mut self,
        volts: Option<f64>,
        load: Option<f64>,
        on_line: bool,
        now_ms: u64,
    ) -> Guess {
        let charge = volts.and_then(|volts| self.charge(volts));
        match &mut self.calibration {
            Some(calibration) => calibration.guess(charge, load, on_line, now_ms),
            None => Guess {
                charge: charge.map(|part| 100.0 * part),
                runtime: None,
            },
        }
    }

    /// For a successor: seconds at full load that are left.
    pub(crate) fn save(&self) -> Vec<u8> {
        let left = self
            .calibration
            .as_ref()
            .and_then(|calibration| calibration.left);
        left.map_or_else(Vec::new, |seconds| {
            (seconds as u32).to_string().into_bytes()
        })
    }

    fn limits(&self) -> Limits {
        Limits {
            low: self
                .given
                .low
                .or(self.told.low)
                .or(self.nominal.map(|nominal| 104.0 * nominal / 120.0)),
            high: self
                .given
                .high
                .or(self.told.high)
                .or(self.nominal.map(|nominal| 130.0 * nominal / 120.0)),
        }
    }

    /// 0 to 1, by the voltage alone.
    #[expect(
        clippy::manual_clamp,
        reason = "clamp's panic prints floats: 28 KB of code for a sixth of the plugin"
    )]
    fn charge(&self, volts: f64) -> Option<f64> {
        let packs = match (self.packs, self.nominal) {
            (Some(packs), _) => packs,
            (None, None) => 1.0,
            // The voltage fits no number of packs: one of the two is not what it seems.
            (None, Some(_)) => return None,
        };
        let Limits {
            low: Some(low),
            high: Some(high),
        } = self.limits()
        else {
            return None;
        };
        (high > low).then(|| ((packs * volts - low) / (high - low)).min(1.0).max(0.0))
    }
}

impl Calibration {
    /// `runtimecal = rh,lh,rl,ll`: seconds at a high load in percent, then at a low one.
    fn new(settings: &Settings, left: Option<f64>) -> Result<Option<Self>, Error> {
        let curve = |text: &str| {
            let numbers: Vec<f64> = text
                .split(',')
                .map(|one| line::number(one.trim()))
                .collect::<Option<_>>()?;
            let [high_runtime, high_load, low_runtime, low_load] = *numbers.as_slice() else {
                return None;
            };
            let sane = low_load > 0.0
                && low_load < high_load
                && high_load <= 100.0
                && high_runtime > 0.0
                && high_runtime < low_runtime
                && low_runtime <= SECONDS_MAX;
            let exponent = (low_runtime / high_runtime).ln() / (high_load / low_load).ln();
            sane.then(|| (high_runtime * (high_load / 100.0).powf(exponent), exponent))
        };
        let expected = || {
            "four numbers, seconds,percent,seconds,percent: the runtime at a high load and the longer one at a \
             lower load"
                .to_owned()
        };
        let charge_seconds = settings
            .number("chargetime", 1.0..=SECONDS_MAX)?
            .unwrap_or(CHARGE_SECONDS);
        let idle = settings
            .number("idleload", 0.0..=100.0)?
            .unwrap_or(IDLE_LOAD)
            / 100.0;
        let Some((full, exponent)) = settings.parsed("runtimecal", curve, expected)? else {
            return Ok(None);
        };
        let left = left.map(|left| left.min(full));
        Ok(Some(Self {
            full,
            exponent,
            charge_seconds,
            idle,
            left,
            last_ms: None,
        }))
    }

    fn guess(
        &mut self,
        charge: Option<f64>,
        load: Option<f64>,
        on_line: bool,
        now_ms: u64,
    ) -> Guess {
        let passed = self.last_ms.map_or(0, |last| now_ms.saturating_sub(last)) as f64 / 1000.0;
        self.last_ms = Some(now_ms);
        // The seconds of full load that one second at this load costs. Near 0 % the curve promises eternity.
        let cost = (load.unwrap_or(0.0) / 100.0)
            .powf(self.exponent)
            .max(self.idle)
            .max(0.001);
        // Without a voltage to go by, the battery is taken for full when the driver starts.
        let before = self.left.unwrap_or(self.full * charge.unwrap_or(1.0));
        let left = match on_line {
            true => before + self.full * passed / self.charge_seconds,
            false => before - cost * passed,
        };
        // Never more than the voltage allows.
        let left = left.min(self.full * charge.unwrap_or(1.0)).max(0.0);
        self.left = Some(left);
        Guess {
            charge: Some(100.0 * left / self.full),
            runtime: Some(left / cost),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn battery(pairs: &[(&str, &str)], rated: Option<f64>) -> Battery {
        let told = Told {
            nominal: rated,
            ..Told::default()
        };
        Battery::new(&Settings::new(pairs.iter().copied()), &told, None).unwrap()
    }

    #[test]
    fn packs_are_counted_from_the_top_and_only_when_they_fit() {
        for (nominal, volts, packs) in [
            (24.0, 27.2, Some(1.0)),
            (24.0, 13.6, Some(2.0)),
            (36.0, 2.25, Some(18.0)),
            (12.0, 24.5, Some(0.5)),
            (12.0, 9.0, None),
            (240.0, 0.0, None),
        ] {
            let mut battery = battery(&[], Some(nominal));
            battery.count_packs(Some(volts));
            assert_eq!(battery.packs, packs, "{volts} V of {nominal} V");
        }
    }

    #[test]
    fn a_voltage_that_fits_no_packs_gives_no_charge() {
        let mut unfit = battery(&[], Some(12.0));
        unfit.count_packs(Some(9.0));
        assert_eq!(unfit.guess(Some(9.0), None, true, 0).charge, None);
        let mut told = battery(&[("override.battery.packs", "1")], Some(12.0));
        told.count_packs(Some(9.0));
        assert_eq!(told.guess(Some(9.0), None, true, 0).charge, Some(0.0));
        let mut unknown = battery(&[], None);
        assert_eq!(unknown.guess(Some(13.0), None, true, 0).charge, None);
    }

    #[test]
    fn configured_limits_win_and_are_not_published_again() {
        let mut given = battery(
            &[
                ("default.battery.voltage.low", "20"),
                ("override.battery.voltage.high", "30"),
            ],
            Some(24.0),
        );
        given.count_packs(Some(25.0));
        assert_eq!(given.guess(Some(25.0), None, true, 0).charge, Some(50.0));
        assert!(given.guessed_limits().low.is_none() && given.guessed_limits().high.is_none());
        assert!(
            Battery::new(
                &Settings::new([("default.battery.voltage.low", "x")]),
                &Told::default(),
                None
            )
            .is_err()
        );
    }

    #[test]
    fn a_calibrated_battery_runs_down_and_charges() {
        // 8640 s at full load, twice that at half: the exponent is 1, and 14 % cost 0.14 s a second.
        let settings = [("runtimecal", "8640,100,17280,50"), ("chargetime", "24000")];
        let mut one = battery(&settings, None);
        let full = one.guess(None, Some(14.0), true, 0);
        assert_eq!(full.charge, Some(100.0));
        assert!((full.runtime.unwrap() - 61_714.0).abs() < 1.0);
        let later = one.guess(None, Some(14.0), false, 6_171_400);
        assert!((later.charge.unwrap() - 90.0).abs() < 0.1);
        let charged = one.guess(None, Some(14.0), true, 6_171_400 + 1_200_000);
        assert!((charged.charge.unwrap() - 95.0).abs() < 0.1);

        let saved = one.save();
        let mut next =
            Battery::new(&Settings::new(settings), &Told::default(), Some(&saved)).unwrap();
        assert!((next.guess(None, Some(14.0), true, 0).charge.unwrap() - 95.0).abs() < 0.1);
        // Idle loads are counted as 10 %.
        assert!((next.guess(None, Some(0.0), true, 0).runtime.unwrap() - 82_080.0).abs() < 100.0);
    }

    #[test]
    fn a_calibration_that_is_none_is_refused() {
        for bad in [
            "",
            "1",
            "120,100,480",
            "480,100,120,50",
            "120,50,480,100",
            "120,100,480,0",
            "a,b,c,d",
            "0,100,1,50",
        ] {
            assert!(
                Battery::new(
                    &Settings::new([("runtimecal", bad)]),
                    &Told::default(),
                    None
                )
                .is_err(),
                "{bad}"
            );
        }
    }
}
