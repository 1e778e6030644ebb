//! The memory of a device, the ladder, and the judgement of its progress.
#![allow(clippy::unwrap_used)]

use super::*;
use husk_ports::usb::Setup;
use husk_ports::{Deadline, Fut, IoError};
use std::sync::atomic::{AtomicU64, Ordering};

/// A device that only counts.
#[derive(Default)]
struct Counting {
    identity: Identity,
    completed: AtomicU64,
}

impl UsbPort for Counting {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn interface(&self) -> u8 {
        0
    }

    fn configuration(&self) -> &[u8] {
        &[]
    }

    fn control_in(&self, _: Setup, _: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async { Err(IoError::Timeout) })
    }

    fn control_out<'a>(&'a self, _: Setup, _: &'a [u8], _: Deadline) -> Fut<'a, ()> {
        Box::pin(async { Err(IoError::Timeout) })
    }

    fn read(&self, _: u8, _: u16, _: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async { Err(IoError::Timeout) })
    }

    fn write<'a>(&'a self, _: u8, _: &'a [u8], _: Deadline) -> Fut<'a, ()> {
        Box::pin(async { Err(IoError::Timeout) })
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
        self.completed.load(Ordering::Relaxed)
    }

    fn readable(&self) -> Fut<'_, ()> {
        Box::pin(std::future::pending())
    }
}

fn counting(bus: u8, address: u8) -> Arc<Counting> {
    Arc::new(Counting {
        identity: Identity {
            bus,
            address,
            ..Identity::default()
        },
        ..Counting::default()
    })
}

#[test]
fn the_ladder_is_climbed_rung_by_rung() {
    use Rung::{ClearHalts, Reopen, Reset, Retry};
    let rungs = |failure: &Failure| (1..=5).map(|n| Rung::of(n, failure)).collect::<Vec<_>>();
    let wrong = Failure::Protocol("short".to_owned());
    assert_eq!(rungs(&wrong), [Retry, ClearHalts, Reset, Reopen, Reopen]);
    assert_eq!(
        rungs(&Failure::Timeout),
        [Retry, Reset, Reopen, Reopen, Reopen]
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_device_is_waited_for_by_name_and_then_given_up() {
    let ours = Identity {
        vendor_id: 0x051d,
        ..Identity::default()
    };
    let mut memory = Memory {
        served: Some(ours.clone()),
        ..Memory::default()
    };
    let before = |memory: &mut Memory| {
        let mut request = Request::default();
        memory.refine(&mut request);
        request.before
    };
    assert_eq!(before(&mut memory), Some(ours.clone()));
    memory.failed();
    assert_eq!(memory.pause(Duration::from_secs(30)), limits::USB_SETTLE);
    tokio::time::advance(limits::STRANGER_AFTER - Duration::from_secs(1)).await;
    assert_eq!(before(&mut memory), Some(ours));
    assert_eq!(memory.pause(Duration::from_secs(30)), limits::USB_LOOK);
    memory.plugged();
    assert_eq!(memory.pause(Duration::from_secs(30)), limits::USB_SETTLE);
    tokio::time::advance(Duration::from_secs(1)).await;
    memory.failed();
    assert_eq!(before(&mut memory), None);
    assert_eq!(memory.reconnects, 2);
}

#[test]
fn other_ports_keep_their_pauses() {
    let usual = Duration::from_secs(30);
    assert_eq!(Memory::default().pause(usual), usual);
}

#[tokio::test(start_paused = true)]
async fn a_report_without_transfers_is_believed_for_a_minute() {
    let device = counting(1, 4);
    let port = Port::Usb(device.clone());
    let mut progress = Progress::of(&port);
    let poll = Duration::from_secs(2);
    for _ in 0..100 {
        tokio::time::advance(poll).await;
        device.completed.fetch_add(1, Ordering::Relaxed);
        assert_eq!(progress.check(&port), Ok(()), "data come");
    }
    let mut silent = Duration::ZERO;
    while progress.check(&port).is_ok() {
        tokio::time::advance(poll).await;
        silent += poll;
        assert!(silent <= limits::USB_PROGRESS, "it is believed for ever");
    }
    assert_eq!(silent, limits::USB_PROGRESS);
    device.completed.fetch_add(1, Ordering::Relaxed);
    assert_eq!(progress.check(&port), Ok(()), "and again at once");
}

#[test]
fn a_candidate_the_driver_does_not_want_is_passed_over_until_it_serves_another() {
    let mut memory = Memory::default();
    let (first, second) = (Port::Usb(counting(1, 4)), Port::Usb(counting(1, 5)));
    let not_mine = Failure::NotMine("it is a mouse".to_owned());
    assert!(memory.pass_over(&first, &not_mine), "the next one is tried");
    assert!(
        !memory.pass_over(&first, &not_mine),
        "not the same for ever"
    );
    assert!(
        !memory.pass_over(&second, &Failure::Timeout),
        "it may be mine"
    );
    let mut request = Request::default();
    memory.refine(&mut request);
    assert_eq!(request.passed_over, BTreeSet::from([(1, 4)]));
    assert_eq!(memory.serves(&second), None);
    let mut request = Request::default();
    memory.refine(&mut request);
    assert!(
        request.passed_over.is_empty(),
        "firmware may answer differently next time"
    );
    let before = request.before.map(|device| device.address);
    assert_eq!(before, Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_hangs_before_it_is_served_is_reset_now_and_then() {
    let mut memory = Memory::default();
    let port = Port::Usb(counting(1, 4));
    let resets = |memory: &mut Memory| memory.hangs(&port, &Failure::Timeout).is_some();
    assert!(memory.hangs(&port, &Failure::Lost).is_none());
    assert!(resets(&mut memory) && !resets(&mut memory));
    tokio::time::advance(limits::USB_RESET_PAUSE).await;
    assert!(
        resets(&mut memory),
        "it may have taken longer to hang again"
    );
}
