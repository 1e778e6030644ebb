//! The component: a dull device until it is time to attack.

use std::cell::Cell;

use crate::attack::{self, Attack};
use crate::bindings::exports::ups::driver::driver::{
    Description, Guest as Driver, GuestDevice, Hardware, Parameter,
};
use crate::bindings::exports::ups::driver::files_driver::{Device, Guest as FilesDriver};
use crate::bindings::ups::driver::files::Directory;
use crate::bindings::ups::driver::host::{Level, log};
use crate::bindings::ups::driver::types::{DriverError, Setting, Update, Variable, Wake};

/// The exports.
pub(crate) struct Hostile;

/// The opened device.
pub(crate) struct Opened {
    directory: Option<Directory>,
    /// The value of the secret setting, to be blurted out.
    pub(crate) password: String,
    attack: Option<Attack>,
    polls: Cell<u32>,
}

impl Driver for Hostile {
    type Device = Opened;

    fn describe() -> Description {
        Description {
            name: "hostile".into(),
            version: "1.0".into(),
            protocol: "whatever hurts".into(),
            aliases: Vec::new(),
            parameters: vec![
                parameter("attack", "which attack", false),
                parameter("when", "`open`, or from the second poll on", false),
                parameter("password", "something to blurt out", true),
            ],
            dangerous: Vec::new(),
        }
    }

    fn supported() -> Vec<Hardware> {
        Vec::new()
    }
}

impl FilesDriver for Hostile {
    fn open(
        directory: Directory,
        settings: Vec<Setting>,
        _state: Option<Vec<u8>>,
    ) -> Result<Device, DriverError> {
        std::panic::set_hook(Box::new(|info| {
            log(Level::Error, &info.to_string());
        }));
        let setting = |name: &str| {
            let found = settings.iter().find(|setting| setting.name == name);
            found.map(|setting| setting.value.clone())
        };
        let attack = match setting("attack").as_deref() {
            None | Some("none") => None,
            Some(name) => Some(attack::named(name).ok_or_else(|| {
                DriverError::BadSetting(("attack".into(), "the name of an attack".into()))
            })?),
        };
        let opened = Opened {
            directory: Some(directory),
            password: setting("password").unwrap_or_default(),
            attack,
            polls: Cell::new(0),
        };
        if setting("when").as_deref() == Some("open") {
            opened.strike()?;
        }
        Ok(Device::new(opened))
    }
}

impl GuestDevice for Opened {
    fn poll(&self, _why: Wake) -> Result<Update, DriverError> {
        self.polls.set(self.polls.get() + 1);
        if self.polls.get() > 1 {
            return self.strike();
        }
        Ok(harmless())
    }

    fn command(&self, _name: String, _value: Option<String>) -> Result<(), DriverError> {
        self.strike().map(|_| ())
    }

    fn set(&self, _variable: String, _value: String) -> Result<(), DriverError> {
        self.strike().map(|_| ())
    }

    fn shutdown(&self) -> Result<(), DriverError> {
        self.strike().map(|_| ())
    }

    fn save(&self) -> Vec<u8> {
        match self.strike() {
            Ok(_) => self.polls.get().to_le_bytes().to_vec(),
            Err(_) => vec![7; 100_000],
        }
    }
}

impl Opened {
    /// A second device beside the one that was granted.
    pub(crate) fn without_port() -> Self {
        Self {
            directory: None,
            password: String::new(),
            attack: None,
            polls: Cell::new(0),
        }
    }

    /// Whether the file can be read.
    pub(crate) fn reads(&self, name: &str) -> bool {
        self.directory
            .as_ref()
            .is_some_and(|directory| directory.read(name).is_ok())
    }

    fn strike(&self) -> Result<Update, DriverError> {
        match self.attack {
            Some(attack) => attack(self),
            None => Ok(harmless()),
        }
    }
}

/// What a device that is well says.
pub(crate) fn harmless() -> Update {
    Update {
        complete: true,
        set: vec![variable("battery.charge", "100")],
        clear: Vec::new(),
        traits: Vec::new(),
        status: Some(vec!["OL".into()]),
        alarms: None,
        commands: None,
        next_ms: None,
        wake_on_readable: false,
    }
}

pub(crate) fn variable(name: &str, value: &str) -> Variable {
    Variable {
        name: name.into(),
        value: value.into(),
    }
}

fn parameter(name: &str, help: &str, secret: bool) -> Parameter {
    Parameter {
        name: name.into(),
        help: help.into(),
        takes_value: true,
        secret,
    }
}
