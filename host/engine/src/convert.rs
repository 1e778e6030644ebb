//! From the border's types to those of `husk-core`. Nothing is judged here; `Update::check` does that.

use std::time::Duration;

use husk_core::report::{Failure, Kind, Traits, Update, Wake};

use crate::bindings::ups::driver::types as wit;
use crate::limits;
use crate::text::Secrets;

impl From<wit::Update> for Update {
    fn from(update: wit::Update) -> Self {
        Self {
            complete: update.complete,
            set: update
                .set
                .into_iter()
                .map(|variable| (variable.name, variable.value))
                .collect(),
            clear: update.clear,
            traits: update.traits.into_iter().map(Into::into).collect(),
            status: update.status,
            alarms: update.alarms,
            commands: update.commands,
            next: update.next_ms.map(|ms| Duration::from_millis(ms.into())),
            wake_on_readable: update.wake_on_readable,
        }
    }
}

impl From<wit::Traits> for Traits {
    fn from(traits: wit::Traits) -> Self {
        Self {
            name: traits.name,
            writable: traits.writable,
            kind: match traits.kind {
                wit::Kind::Unspecified => Kind::Unspecified,
                wit::Kind::Number => Kind::Number,
                wit::Kind::Text(bytes) => Kind::Text(bytes),
            },
            choices: traits.choices,
            ranges: traits.ranges,
        }
    }
}

impl From<Wake> for wit::Wake {
    fn from(why: Wake) -> Self {
        match why {
            Wake::Interval => Self::Interval,
            Wake::Readable => Self::Readable,
            Wake::SettingsChanged => Self::SettingsChanged,
        }
    }
}

/// What the driver says went wrong, its words made fit to be shown.
pub(crate) fn failure(error: wit::DriverError, secrets: &Secrets) -> Failure {
    let show = |text: String| secrets.clean(&text, limits::ERROR_TEXT);
    match error {
        wit::DriverError::Timeout => Failure::Timeout,
        wit::DriverError::Protocol(text) => Failure::Protocol(show(text)),
        wit::DriverError::Lost => Failure::Lost,
        wit::DriverError::NotMine(text) => Failure::NotMine(show(text)),
        wit::DriverError::Unsupported => Failure::Unsupported,
        wit::DriverError::InvalidArgument(text) => Failure::InvalidArgument(show(text)),
        wit::DriverError::Failed(text) => Failure::Failed(show(text)),
        wit::DriverError::BadSetting((name, expected)) => Failure::BadSetting {
            name: show(name),
            expected: show(expected),
        },
        wit::DriverError::Other(text) => Failure::Other(show(text)),
    }
}
