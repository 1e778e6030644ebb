//! The border for USB: what a driver claims, which port it gets, and a device that answers nonsense on purpose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use common::{Built, Lines, Scratch, built, settings};
use husk_core::report::{Failure, Wake};
use husk_engine::{Grant, Instance, Plugin, Sandbox, Transport};
use husk_ports::usb::matching::Identity;
use husk_ports::usb::{Claim, Setup, UsbPort};
use husk_ports::{Deadline, Fut, IoError, Port};

const USB: Grant = Grant {
    transport: Transport::Usb,
    modem_lines: false,
};
/// Devices of the soak, each another number of the generator; every tenth is told a true report descriptor.
const DEVICES: u64 = 120;

/// UPS.PowerSummary: RemainingCapacity in report 1; PresentStatus.ACPresent and .Discharging in report 2.
const REPORT_DESCRIPTOR: [u8; 58] = [
    0x05, 0x84, 0x09, 0x04, 0xa1, 0x01, 0x09, 0x24, 0xa1, 0x02, 0x05, 0x85, 0x09, 0x66, 0x85, 0x01,
    0x75, 0x08, 0x95, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0xb1, 0x02, 0x05, 0x84, 0x09, 0x02, 0xa1,
    0x02, 0x05, 0x85, 0x09, 0xd0, 0x09, 0x45, 0x85, 0x02, 0x75, 0x01, 0x95, 0x02, 0x25, 0x01, 0xb1,
    0x02, 0x75, 0x06, 0x95, 0x01, 0xb1, 0x03, 0xc0, 0xc0, 0xc0,
];

const CONFIGURATION: [u8; 34] = [
    9, 2, 34, 0, 1, 1, 0, 0xa0, 50, 9, 4, 0, 0, 1, 3, 0, 0, 0, 9, 0x21, 0x10, 1, 0, 1, 0x22, 58, 0,
    7, 5, 0x81, 3, 8, 0, 10,
];

/// A device whose firmware has gone mad in a way that a number decides.
struct Mad {
    identity: Identity,
    configuration: Vec<u8>,
    descriptor: Vec<u8>,
    random: Mutex<u64>,
    asked: AtomicU64,
    sane: bool,
}

impl Mad {
    fn new(number: u64, sane: bool) -> Self {
        let mut mad = Self {
            identity: Identity {
                vendor_id: 0x051d,
                product_id: 2,
                ..Identity::default()
            },
            configuration: CONFIGURATION.to_vec(),
            descriptor: REPORT_DESCRIPTOR.to_vec(),
            random: Mutex::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            asked: AtomicU64::new(0),
            sane,
        };
        if !sane && !number.is_multiple_of(10) {
            for _ in 0..1 + mad.below(6) {
                let at = mad.below(REPORT_DESCRIPTOR.len());
                mad.descriptor[at] = mad.byte();
            }
            let at = mad.below(CONFIGURATION.len());
            mad.configuration[at] = mad.byte();
        }
        mad
    }

    /// The xorshift generator of G. Marsaglia.
    fn next(&self) -> u64 {
        let mut random = self.random.lock().unwrap();
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        *random
    }

    fn below(&self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn byte(&self) -> u8 {
        (self.next() >> 32) as u8
    }

    fn noise(&self, most: usize) -> Result<Vec<u8>, IoError> {
        match self.below(10) {
            0 => Err(IoError::Stall),
            1 => Err(IoError::Timeout),
            2 => Err(IoError::Overflow),
            _ => {
                let length = self.below(most.max(1) + 1);
                Ok((0..length).map(|_| self.byte()).collect())
            }
        }
    }
}

impl UsbPort for Mad {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn interface(&self) -> u8 {
        0
    }

    fn configuration(&self) -> &[u8] {
        &self.configuration
    }

    fn control_in(&self, setup: Setup, _: Deadline) -> Fut<'_, Vec<u8>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let [id, kind] = setup.value.to_le_bytes();
        let answer = match (setup.request, kind, id) {
            (6, 0x22, _) => Ok(self.descriptor.clone()),
            (1, 3, 1) if self.sane => Ok(vec![1, 97]),
            (1, 3, 2) if self.sane => Ok(vec![2, 1]),
            _ if self.sane => Err(IoError::Stall),
            _ => self.noise(setup.length.into()),
        };
        Box::pin(async move { answer })
    }

    fn control_out<'a>(&'a self, _: Setup, _: &'a [u8], _: Deadline) -> Fut<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn read(&self, _: u8, max: u16, _: Deadline) -> Fut<'_, Vec<u8>> {
        let answer = if self.sane {
            Err(IoError::Timeout)
        } else {
            self.noise(max.into())
        };
        Box::pin(async move { answer })
    }

    fn write<'a>(&'a self, _: u8, _: &'a [u8], _: Deadline) -> Fut<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn clear_halt(&self, _: u8) -> Fut<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn clear_halts(&self) -> Fut<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn reset(&self) -> Fut<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn completed(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn readable(&self) -> Fut<'_, ()> {
        Box::pin(std::future::pending())
    }
}

async fn usbhid(built: &Built) -> Option<Arc<Plugin>> {
    let guests = std::env::var_os("HUSK_GUESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wasm32-unknown-unknown/plugin"),
        Into::into,
    );
    let wasm = fs::read(guests.join("husk_plugin_usbhid.wasm")).ok();
    let Some(wasm) = wasm else {
        common::skip("husk_plugin_usbhid is not built; run cargo xtask test");
        return None;
    };
    let sandbox = Sandbox::new().unwrap();
    Some(sandbox.load(&wasm, &built.compiler()).await.unwrap())
}

async fn open(plugin: &Arc<Plugin>, device: Mad) -> Result<Instance, Failure> {
    let port = Port::Usb(Arc::new(device));
    let options = settings(&[("port", "auto")]);
    plugin
        .open(&USB, port, &options, None, Lines::default().sink())
        .await
}

#[tokio::test]
async fn a_driver_for_usb_tells_its_devices_and_reaches_nothing_but_its_own() {
    let Some(built) = built() else { return };
    let Some(plugin) = usbhid(&built).await else {
        return;
    };
    assert_eq!(plugin.transports, [Transport::Usb]);
    assert_eq!(
        plugin.imports,
        [
            "ups:driver/host@0.1.0",
            "ups:driver/types@0.1.0",
            "ups:driver/usb@0.1.0"
        ]
    );
    let apc = |claim: &Claim| claim.vendor_id == 0x051d && claim.product_id == Some(2);
    assert!(plugin.claims.iter().any(apc), "{:?}", plugin.claims);

    let files = Scratch::new();
    let opened = plugin
        .open(&USB, files.port().await, &[], None, Lines::default().sink())
        .await;
    let Err(Failure::Other(reason)) = opened else {
        panic!("a directory was taken for a USB device");
    };
    assert!(reason.contains("the port is of kind files"), "{reason}");
}

#[tokio::test]
async fn a_small_device_is_served() {
    let Some(built) = built() else { return };
    let Some(plugin) = usbhid(&built).await else {
        return;
    };
    let mut instance = open(&plugin, Mad::new(1, true)).await.unwrap();
    let update = instance.poll(Wake::Interval).await.unwrap();
    let charge = ("battery.charge".to_owned(), "97".to_owned());
    assert!(update.set.contains(&charge), "{update:?}");
    assert_eq!(update.status, Some(vec!["OL".to_owned()]));
}

#[tokio::test]
async fn no_device_however_mad_crashes_its_driver() {
    let Some(built) = built() else { return };
    let Some(plugin) = usbhid(&built).await else {
        return;
    };
    let (mut opened, mut polled) = (0, 0);
    for number in 0..DEVICES {
        let mut instance = match open(&plugin, Mad::new(number, false)).await {
            Ok(instance) => instance,
            Err(Failure::Crashed(reason)) => panic!("device {number}: {reason}"),
            Err(_) => continue,
        };
        opened += 1;
        for _ in 0..3 {
            match instance.poll(Wake::Interval).await {
                Ok(_) => polled += 1,
                Err(Failure::Crashed(reason)) => panic!("device {number}: {reason}"),
                Err(_) => {}
            }
        }
    }
    println!("{opened} of {DEVICES} mad devices opened, {polled} polls gave a report");
    assert!(opened >= DEVICES / 10, "the soak reaches no driver");
}
