//! The options of a configuration section.

use crate::shutdown::{Method, Plan};
use husk_driver::host::Level;
use husk_driver::{Error, IoError, Outputs, Parameter, Serial, Settings, log};

pub(crate) static PARAMETERS: &[Parameter] = &[
    Parameter::value(
        "cable",
        "940-0095B needs DTR on and RTS off; any other needs nothing",
    ),
    Parameter::value(
        "sdtype",
        "how to shut down: 0 S on battery, else @; 1 S, then @; 2 Z; 3 K; 4 U and S; 5 @",
    ),
    Parameter::value(
        "advorder",
        "ways to shut down to be tried in turn: 0 S, 1 @, 2 K, 3 Z, 4 U and S; or no",
    ),
    Parameter::value(
        "awd",
        "with @: units of 6 minutes to stay off beyond the usual; exactly two digits are sent as two",
    ),
    Parameter::value(
        "wugrace",
        "an older name of awd, always sent as three digits",
    ),
    Parameter::value(
        "cshdelay",
        "seconds from the simulated power failure to S, 0 to 9.9",
    ),
    Parameter::value("ttymode", "accepted and not needed: the line is always raw"),
];

/// The one cable that needs more than a line that is open.
const ALTERNATE_CABLE: &str = "940-0095B";

/// Sets the modem lines as the cable needs them. A port that has none, or may not have them moved, is told of.
pub(crate) fn cable(port: &mut Serial, settings: &Settings) -> Result<(), Error> {
    match settings.get("cable") {
        Some(cable) if cable.trim().eq_ignore_ascii_case(ALTERNATE_CABLE) => {}
        Some(other) if !other.trim().starts_with("940-") => {
            log!(
                Level::Warn,
                "cable = {other} is no number of an APC cable; treated as 940-0024C"
            );
            return Ok(());
        }
        _ => return Ok(()),
    }
    match port.set_lines(Outputs {
        dtr: true,
        rts: false,
    }) {
        Ok(()) => Ok(()),
        Err(error @ (IoError::Unsupported | IoError::Denied)) => {
            log!(
                Level::Warn,
                "cable {ALTERNATE_CABLE} needs DTR and RTS, which cannot be set: {error}"
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Seconds from `U` to `S`: long enough for the transfer to battery (NUT).
const CS_DELAY_S: f64 = 3.5;
/// Digits of `advorder`.
const METHODS_MAX: usize = 5;

/// How the unit is to be shut down.
pub(crate) fn shutdown(settings: &Settings) -> Result<Plan, Error> {
    let delay = settings
        .number("cshdelay", 0.0..=9.9)?
        .unwrap_or(CS_DELAY_S);
    let order = settings.parsed("advorder", order, || {
        "no, or up to 5 digits from 0 to 4".into()
    })?;
    let digits = || "one to three digits".to_owned();
    let wait = settings.parsed("awd", |text| is_wait(text).then(|| text.to_owned()), digits)?;
    let wait = match wait {
        Some(wait) => wait,
        None => settings
            .parsed(
                "wugrace",
                |text| is_wait(text).then(|| format!("{text:0>3}")),
                digits,
            )?
            .unwrap_or_else(|| "000".to_owned()),
    };
    Ok(Plan {
        kind: settings.choice("sdtype", TYPES)?.unwrap_or(Kind::ByStatus),
        order: order.flatten(),
        wait,
        cs_delay_ms: (delay * 1000.0) as u32,
    })
}

/// `sdtype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// S on battery, @ on mains.
    ByStatus,
    /// S on battery; @ if that fails, and on mains.
    SoftThenHard,
    Just(Method),
}

/// The old driver's 6 is its @ with three digits.
static TYPES: &[(&str, Kind)] = &[
    ("0", Kind::ByStatus),
    ("1", Kind::SoftThenHard),
    ("2", Kind::Just(Method::Instant)),
    ("3", Kind::Just(Method::StayOff)),
    ("4", Kind::Just(Method::Forced)),
    ("5", Kind::Just(Method::Hard)),
    ("6", Kind::Just(Method::Hard)),
];

/// Whether this is a wait of `@`.
pub(crate) fn is_wait(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `advorder`; the inner `None`: `sdtype` decides.
fn order(text: &str) -> Option<Option<Vec<Method>>> {
    if text.eq_ignore_ascii_case("no") {
        return Some(None);
    }
    let method = |digit: char| match digit {
        '0' => Some(Method::Soft),
        '1' => Some(Method::Hard),
        '2' => Some(Method::StayOff),
        '3' => Some(Method::Instant),
        '4' => Some(Method::Forced),
        _ => None,
    };
    let methods: Option<Vec<Method>> = text.chars().map(method).collect();
    methods
        .filter(|methods| (1..=METHODS_MAX).contains(&methods.len()))
        .map(Some)
}
