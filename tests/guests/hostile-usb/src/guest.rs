//! The component: a dull device until it is time to attack.

use std::cell::Cell;

use crate::attack::{self, Attack};
use crate::bindings::exports::ups::driver::driver::{
    Description, Guest as Driver, GuestDevice, Hardware, Parameter,
};
use crate::bindings::exports::ups::driver::usb_driver::{Device, Guest as UsbDriver, UsbMatch};
use crate::bindings::ups::driver::types::{DriverError, Setting, Update, Variable, Wake};
use crate::bindings::ups::driver::usb::Device as Usb;

/// The exports.
pub(crate) struct Hostile;

/// The opened device.
pub(crate) struct Opened {
    usb: Usb,
    attack: Option<Attack>,
    polls: Cell<u32>,
}

impl Driver for Hostile {
    type Device = Opened;

    fn describe() -> Description {
        Description {
            name: "hostile-usb".into(),
            version: "1.0".into(),
            protocol: "whatever hurts".into(),
            aliases: Vec::new(),
            parameters: vec![Parameter {
                name: "attack".into(),
                help: "which attack".into(),
                takes_value: true,
                secret: false,
            }],
            dangerous: Vec::new(),
        }
    }

    fn supported() -> Vec<Hardware> {
        Vec::new()
    }
}

impl UsbDriver for Hostile {
    /// The vendor of the simulated device.
    fn claims() -> Vec<UsbMatch> {
        vec![UsbMatch {
            vendor_id: 0x051d,
            product_id: None,
            interface: None,
        }]
    }

    fn open(
        usb: Usb,
        settings: Vec<Setting>,
        _state: Option<Vec<u8>>,
    ) -> Result<Device, DriverError> {
        let attack = settings.iter().find(|setting| setting.name == "attack");
        let attack = match attack.map(|setting| setting.value.as_str()) {
            None | Some("none") => None,
            Some(name) => Some(attack::named(name).ok_or_else(|| {
                DriverError::BadSetting(("attack".into(), "the name of an attack".into()))
            })?),
        };
        Ok(Device::new(Opened {
            usb,
            attack,
            polls: Cell::new(0),
        }))
    }
}

impl GuestDevice for Opened {
    fn poll(&self, _why: Wake) -> Result<Update, DriverError> {
        self.polls.set(self.polls.get() + 1);
        match self.attack {
            Some(attack) if self.polls.get() > 1 => attack(&self.usb),
            _ => Ok(report("")),
        }
    }

    fn command(&self, _name: String, _value: Option<String>) -> Result<(), DriverError> {
        Err(DriverError::Unsupported)
    }

    fn set(&self, _variable: String, _value: String) -> Result<(), DriverError> {
        Err(DriverError::Unsupported)
    }

    fn shutdown(&self) -> Result<(), DriverError> {
        Err(DriverError::Unsupported)
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// What a device that is well says, and a word of success where ups.mfr stands.
pub(crate) fn report(won: &str) -> Update {
    let variable = |name: &str, value: &str| Variable {
        name: name.into(),
        value: value.into(),
    };
    Update {
        complete: true,
        set: vec![
            variable("battery.charge", "100"),
            variable("ups.mfr", &format!("won: {won}")),
        ],
        clear: Vec::new(),
        traits: Vec::new(),
        status: Some(vec!["OL".into()]),
        alarms: None,
        commands: None,
        next_ms: None,
        wake_on_readable: false,
    }
}
