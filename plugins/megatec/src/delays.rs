//! The two delays of a shutdown, always ones the device can count.

use husk_driver::wire::line;
use husk_driver::{Error, Report, Settings, var};

/// What the delays of a dialect may be and usually are, in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Spans {
    pub(crate) off: Span,
    pub(crate) on: Span,
}

/// Least, most, and when nothing is configured.
#[derive(Clone, Copy)]
pub(crate) struct Span(pub(crate) u32, pub(crate) u32, pub(crate) u32);

/// 9999 minutes.
const ON_MOST: u32 = 599_940;
/// Half a minute for the machine that is still closing its files.
const OFF: u32 = 30;
/// Old GE units never come back with one or two minutes, so three.
const ON: u32 = 180;

/// The drivers replaced whose `ondelay` is in minutes.
const IN_MINUTES: &[&str] = &["blazer_ser", "blazer_usb"];

impl Spans {
    pub(crate) const MEGATEC: Self = Self {
        off: Span(12, 600, OFF),
        on: Span(0, ON_MOST, ON),
    };
    pub(crate) const VOLTRONIC_QS: Self = Self {
        off: Span(12, 540, OFF),
        on: Span(60, ON_MOST, ON),
    };
    pub(crate) const VOLTRONIC: Self = Self {
        off: Span(12, 5940, OFF),
        on: Span(0, ON_MOST, ON),
    };
    pub(crate) const MASTERGUARD: Self = Self {
        off: Span(0, 5940, OFF),
        on: Span(0, ON_MOST, ON),
    };
    pub(crate) const HUNNOX: Self = Self {
        off: Span(12, 600, 60),
        on: Span(0, ON_MOST, 0),
    };
    pub(crate) const BESTUPS: Self = Self {
        off: Span(12, 5940, OFF),
        on: Span(60, ON_MOST, ON),
    };
}

/// The delays as they are now, in seconds.
pub(crate) struct Delays {
    pub(crate) off: u32,
    pub(crate) on: u32,
    spans: Spans,
}

impl Delays {
    pub(crate) fn new(settings: &Settings, spans: Spans) -> Result<Self, Error> {
        let Spans { off, on } = spans;
        let given = |name, unit, Span(least, most, usual): Span| {
            let given = settings.whole(name, least / unit..=most / unit);
            given.map(|given| given.map_or(usual, |given| given * unit))
        };
        let name = settings.get("driver").unwrap_or_default();
        let unit = if IN_MINUTES.contains(&name) { 60 } else { 1 };
        Ok(Self {
            off: countable_off(given("offdelay", 1, off)?),
            on: countable_on(given("ondelay", unit, on)?),
            spans,
        })
    }

    /// Writes one of the two; what lies between two steps of the device is cut to the lower one.
    pub(crate) fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        let Spans { off, on } = self.spans;
        if variable == var::UPS_DELAY_SHUTDOWN.as_str() {
            self.off = countable_off(within(value, off.0, off.1)?);
        } else if variable == var::UPS_DELAY_START.as_str() {
            self.on = countable_on(within(value, on.0, on.1)?);
        } else {
            return Err(Error::Unsupported);
        }
        Ok(())
    }

    pub(crate) fn report(&self, report: &mut Report) {
        let Spans { off, on } = self.spans;
        for (name, value, Span(least, most, _)) in [
            (var::UPS_DELAY_SHUTDOWN, self.off, off),
            (var::UPS_DELAY_START, self.on, on),
        ] {
            report
                .set(name, value)
                .writable()
                .number()
                .range(least.into(), most.into());
        }
    }

    /// `.2` to `.9` are tenths of a minute, `01` and up minutes.
    pub(crate) fn off_digits(&self) -> String {
        minutes(self.off)
    }
}

/// Seconds as tenths of a minute below one, else as minutes.
pub(crate) fn minutes(seconds: u32) -> String {
    match seconds {
        ..60 => format!(".{}", seconds / 6),
        _ => format!("{:02}", seconds / 60),
    }
}

fn countable_off(seconds: u32) -> u32 {
    seconds - seconds % if seconds < 60 { 6 } else { 60 }
}

fn countable_on(seconds: u32) -> u32 {
    seconds - seconds % 60
}

/// A whole number of seconds within bounds.
pub(crate) fn within(text: &str, least: u32, most: u32) -> Result<u32, Error> {
    line::whole(text)
        .filter(|seconds| (least..=most).contains(seconds))
        .ok_or_else(|| {
            Error::InvalidArgument(format!("it takes whole seconds from {least} to {most}"))
        })
}
