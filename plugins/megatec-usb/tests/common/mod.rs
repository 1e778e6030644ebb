//! A simulated bridge as the device that the driver is handed.
#![allow(dead_code, reason = "each test uses a part of it")]

use husk_driver::{Driver, Error, IoError, RespondUsb, Settings, Usb, UsbIdentity, UsbTransfer};
use husk_plugin_megatec_usb::MegatecUsb;
use husk_tests::usb::bridge::{Bridge, Kind};
use husk_tests::usb::{Answer, Device, Setup};
use std::cell::RefCell;
use std::rc::Rc;

/// Every bridge, with what `subdriver` it needs when it cannot be told from another.
pub(crate) const KINDS: &[(Kind, Option<&str>)] = &[
    (Kind::Cypress, None),
    (Kind::Phoenix, None),
    (Kind::Ippon, None),
    (Kind::Omron, None),
    (Kind::Gtec, Some("gtec")),
    (Kind::Sgs, None),
    (Kind::Phoenixtec, None),
    (Kind::Krauler, None),
    (Kind::Fabula, None),
    (Kind::Hunnox, None),
    (Kind::Snr, Some("snr")),
    (Kind::Fuji, None),
    (Kind::Ablerex, None),
    (Kind::Armac, None),
    (Kind::ArmacFast, None),
];

/// A bridge that the test holds and the driver uses.
pub(crate) type Shared = Rc<RefCell<Bridge>>;

pub(crate) fn shared(bridge: Bridge) -> Shared {
    Rc::new(RefCell::new(bridge))
}

/// The bridge on the bus.
pub(crate) fn usb(bridge: &Shared) -> Usb {
    usb_through(bridge, |_, answer| answer)
}

/// The bridge on a bus that does something to what it answers.
pub(crate) fn usb_through(
    bridge: &Shared,
    mut bus: impl FnMut(&UsbTransfer, Result<Vec<u8>, IoError>) -> Result<Vec<u8>, IoError> + 'static,
) -> Usb {
    let (identity, configuration) = {
        let bridge = bridge.borrow();
        let string = |at: usize| {
            let text = bridge.identity.strings.get(at).cloned();
            text.filter(|text| !text.is_empty())
        };
        let identity = UsbIdentity {
            vendor_id: bridge.identity.vendor,
            product_id: bridge.identity.product,
            release: bridge.identity.release,
            manufacturer: string(0),
            product: string(1),
            ..UsbIdentity::default()
        };
        (identity, bridge.configuration())
    };
    let bridge = Rc::clone(bridge);
    let device = move |transfer: &UsbTransfer| {
        let answer = carry(&mut bridge.borrow_mut(), transfer);
        bus(transfer, answer)
    };
    Usb::new(RespondUsb::new(identity, &configuration, device))
}

/// Opens the driver on the bridge, with these options.
pub(crate) fn open(bridge: &Shared, options: &[(&str, &str)]) -> Result<MegatecUsb, Error> {
    MegatecUsb::open(usb(bridge), &Settings::new(options.iter().copied()), None)
}

fn carry(bridge: &mut Bridge, transfer: &UsbTransfer) -> Result<Vec<u8>, IoError> {
    let control = |bridge: &mut Bridge, setup: husk_driver::Setup, data: &[u8], max: u16| {
        let setup = Setup {
            request_type: setup.request_type,
            request: setup.request,
            value: setup.value,
            index: setup.index,
        };
        let mut got = outcome(bridge.control(setup, data))?;
        got.truncate(max.into());
        Ok(got)
    };
    match transfer {
        UsbTransfer::ControlIn(setup, max) => control(bridge, *setup, &[], *max),
        UsbTransfer::ControlOut(setup, data) => control(bridge, *setup, data, 0),
        UsbTransfer::String {
            index,
            language,
            max,
        } => {
            let setup = husk_driver::Setup {
                request_type: 0x80,
                request: 6,
                value: u16::from_be_bytes([3, *index]),
                index: *language,
            };
            control(bridge, setup, &[], *max)
        }
        UsbTransfer::In(endpoint, _) => outcome(bridge.read(*endpoint)),
        UsbTransfer::Out(endpoint, data) => outcome(bridge.write(*endpoint, data)),
        UsbTransfer::ClearHalt(endpoint) => {
            let setup = husk_driver::Setup {
                request_type: 2,
                request: 1,
                value: 0,
                index: (*endpoint).into(),
            };
            control(bridge, setup, &[], 0)
        }
        UsbTransfer::Reset => {
            bridge.plugged();
            Ok(Vec::new())
        }
    }
}

fn outcome(answer: Answer) -> Result<Vec<u8>, IoError> {
    match answer {
        Answer::Data(bytes) => Ok(bytes),
        Answer::Stall => Err(IoError::Stall),
        Answer::Silence => Err(IoError::Timeout),
    }
}
