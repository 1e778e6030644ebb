//! How a simulation file is gone through.

use husk_driver::host::Level;
use husk_driver::{Error, Settings, log};

/// Why a configuration that dummy-ups accepts may be refused.
const NO_REPEATER: &str = "repeating the UPS of another server is not available";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// From top to end, again when the file changes.
    Once,
    /// From top to end, for ever.
    Loop,
    /// The same; the name published for files of no known suffix.
    Dummy,
}

const MODES: [Mode; 3] = [Mode::Once, Mode::Loop, Mode::Dummy];

impl Mode {
    /// As it is written and published.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Mode::Once => "dummy-once",
            Mode::Loop => "dummy-loop",
            Mode::Dummy => "dummy",
        }
    }

    /// From the option, else from the name of the file. NUT ignores a word it does not know; here it is logged.
    pub(crate) fn choose(settings: &Settings, port: &str) -> Result<Self, Error> {
        let option = settings.get("mode");
        if let Some(mode) =
            option.and_then(|word| MODES.into_iter().find(|mode| mode.name() == word))
        {
            return Ok(mode);
        }
        match option {
            Some("repeater") => {
                return Err(bad_setting(
                    "mode",
                    &format!("dummy-once, dummy-loop or dummy: {NO_REPEATER}"),
                ));
            }
            Some(word) => log!(
                Level::Warn,
                "mode `{word}` is not known (dummy-once, dummy-loop and dummy are); it follows from the file name"
            ),
            None => {}
        }
        match port {
            _ if port.contains('@') => Err(bad_setting(
                "port",
                &format!("the name of a .dev or .seq file: {NO_REPEATER}"),
            )),
            _ if port.ends_with(".seq") => Ok(Mode::Loop),
            _ if port.ends_with(".dev") => Ok(Mode::Once),
            _ => Ok(Mode::Dummy),
        }
    }
}

pub(crate) fn bad_setting(name: &str, expected: &str) -> Error {
    Error::BadSetting {
        name: name.to_owned(),
        expected: expected.to_owned(),
    }
}
