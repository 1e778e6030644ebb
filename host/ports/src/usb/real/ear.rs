//! Listening on an interrupt endpoint: a thread that reads while anybody waits, and the reports that came.
//!
//! All reading of the endpoint is done here, so that a report never ends in a call that was given up.
//!
//! It is read packet by packet and put together as the bus means it (USB 2.0 §5.7.3): a transfer ends with a packet that is
//! not full, or when as much came as was asked for. Asking libusb for more than the packet that is there would wait for the
//! rest and, in vain, throw away what came: bridges that send only full packets would never be heard.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::io_error;
use super::thread::Handle;
use crate::usb::guard::Endpoint;
use crate::{IoError, limits};

/// The largest packet of a high-speed interrupt endpoint, in bytes, and what is taken for wanted while nobody has asked.
const PACKET: usize = 1024;

/// What was heard and who waits for it.
#[derive(Default)]
pub(super) struct Ear {
    state: Mutex<State>,
    /// For the thread: somebody waits, or the end.
    wanted: Condvar,
    /// For those who wait: something came.
    heard: Notify,
}

#[derive(Default)]
struct State {
    endpoint: Option<u8>,
    reports: VecDeque<Result<Vec<u8>, IoError>>,
    waiting: usize,
    /// Bytes asked for last.
    wanted: Option<usize>,
    closed: bool,
}

/// A transfer that is not over.
struct Partial {
    bytes: Vec<u8>,
    /// Bytes of a full packet.
    packet: usize,
}

impl Partial {
    /// Adds a packet; the transfer if it is over then.
    fn add(&mut self, packet: &[u8], wanted: usize) -> Option<Vec<u8>> {
        self.bytes.extend(packet);
        let over = packet.len() < self.packet || self.bytes.len() >= wanted;
        over.then(|| std::mem::take(&mut self.bytes))
    }

    /// Nothing more came: what there is, if anything.
    fn silence(&mut self) -> Option<Vec<u8>> {
        (!self.bytes.is_empty()).then(|| std::mem::take(&mut self.bytes))
    }
}

/// Somebody waits for as long as this lives.
struct Wish<'a>(&'a Ear);

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.waiting = state.waiting.saturating_sub(1);
    }
}

impl Ear {
    /// True for the first caller, who has to start the thread.
    pub(super) fn begin(&self, endpoint: u8) -> Result<bool, IoError> {
        let mut state = self.lock();
        match state.endpoint {
            Some(one) if one == endpoint => Ok(false),
            // No UPS is known to speak by itself on two.
            Some(_) => Err(IoError::Unsupported),
            None => {
                state.endpoint = Some(endpoint);
                Ok(true)
            }
        }
    }

    /// The next report.
    pub(super) async fn hear(&self, max: usize, within: Duration) -> Result<Vec<u8>, IoError> {
        self.lock().wanted = Some(max);
        timeout(within, self.something())
            .await
            .map_err(|_| IoError::Timeout)??;
        let mut state = self.lock();
        let report = state.reports.pop_front().unwrap_or(Err(IoError::Timeout))?;
        if report.len() > max {
            return Err(IoError::Overflow);
        }
        Ok(report)
    }

    /// Waits until there is a report, or an error in place of one.
    pub(super) async fn something(&self) -> Result<(), IoError> {
        let _wish = self.wish();
        loop {
            let heard = self.heard.notified();
            {
                let state = self.lock();
                if !state.reports.is_empty() {
                    return Ok(());
                }
                if state.closed {
                    return Err(IoError::Disconnected);
                }
            }
            heard.await;
        }
    }

    fn wish(&self) -> Wish<'_> {
        self.lock().waiting += 1;
        self.wanted.notify_all();
        Wish(self)
    }

    /// Ends the thread at its next look.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wanted.notify_all();
        self.heard.notify_waiters();
    }

    /// The thread's work, until the device or its owner is gone.
    pub(super) fn listen(&self, handle: &Handle, endpoint: Endpoint) {
        let size = match usize::from(endpoint.packet) {
            0 => PACKET,
            size => size,
        };
        let mut packet = vec![0; size];
        let mut partial = Partial {
            bytes: Vec::new(),
            packet: size,
        };
        while self.wait_until_wanted() {
            let read = handle.read_interrupt(endpoint.address, &mut packet, limits::USB_LISTEN);
            let outcome = match read {
                Ok(count) => {
                    let wanted = self.lock().wanted.unwrap_or(PACKET);
                    let came = packet.get(..count).unwrap_or_default();
                    partial.add(came, wanted).map(Ok)
                }
                Err(rusb::Error::Timeout | rusb::Error::Interrupted) => partial.silence().map(Ok),
                Err(error) => {
                    partial.bytes.clear();
                    Some(Err(io_error(error)))
                }
            };
            let Some(outcome) = outcome else { continue };
            let pause = outcome.is_err();
            let gone = outcome == Err(IoError::Disconnected);
            self.put(outcome);
            if gone {
                return self.close();
            }
            if pause {
                // A halted endpoint answers at once; whoever was told has to do something about it first.
                std::thread::sleep(limits::USB_LISTEN);
            }
        }
    }

    fn wait_until_wanted(&self) -> bool {
        let state = self.lock();
        let state = self
            .wanted
            .wait_while(state, |state| state.waiting == 0 && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    fn put(&self, report: Result<Vec<u8>, IoError>) {
        let mut state = self.lock();
        if state.reports.len() == limits::USB_REPORTS {
            state.reports.pop_front();
        }
        state.reports.push_back(report);
        drop(state);
        self.heard.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_ends_with_a_short_packet_or_when_it_is_as_long_as_wanted() {
        let mut partial = Partial {
            bytes: Vec::new(),
            packet: 8,
        };
        assert_eq!(partial.add(&[1; 8], 8), Some(vec![1; 8]));
        assert_eq!(partial.add(&[1; 8], 64), None);
        assert_eq!(partial.add(&[2; 3], 64).map(|bytes| bytes.len()), Some(11));
        assert_eq!(partial.add(&[1; 8], 16), None);
        assert_eq!(partial.add(&[1; 8], 16), Some(vec![1; 16]));
        assert_eq!(partial.add(&[1; 8], 64), None);
        assert_eq!(partial.silence(), Some(vec![1; 8]));
        assert_eq!(partial.silence(), None);
        assert_eq!(partial.add(&[], 64), Some(Vec::new()));
    }

    #[tokio::test]
    async fn reports_wait_for_their_reader_and_the_oldest_go_first() {
        let ear = Ear::default();
        assert_eq!(ear.begin(0x81), Ok(true));
        assert_eq!(ear.begin(0x81), Ok(false));
        assert_eq!(ear.begin(0x82), Err(IoError::Unsupported));
        let moment = Duration::from_millis(1);
        assert_eq!(ear.hear(8, moment).await, Err(IoError::Timeout));
        for number in 0..=limits::USB_REPORTS {
            ear.put(Ok(vec![u8::try_from(number).unwrap_or_default()]));
        }
        assert_eq!(ear.something().await, Ok(()));
        assert_eq!(ear.hear(8, moment).await, Ok(vec![1]));
        ear.put(Err(IoError::Stall));
        for _ in 1..limits::USB_REPORTS - 1 {
            assert!(ear.hear(8, moment).await.is_ok());
        }
        assert_eq!(ear.hear(0, moment).await, Err(IoError::Overflow));
        assert_eq!(ear.hear(8, moment).await, Err(IoError::Stall));
        ear.close();
        assert_eq!(ear.hear(8, moment).await, Err(IoError::Disconnected));
        assert_eq!(ear.lock().waiting, 0);
    }
}
