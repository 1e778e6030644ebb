//! USB transfers on a tape: `>` the eight bytes of a setup packet and what was sent, or an endpoint's address; `<` what came.
//! A request without an answer failed.

use super::Recorded;
use crate::usb::matching::Identity;
use crate::usb::{Setup, UsbPort};
use crate::{Deadline, Fut};

impl UsbPort for Recorded<dyn UsbPort> {
    fn identity(&self) -> &Identity {
        self.port.identity()
    }

    fn interface(&self) -> u8 {
        self.port.interface()
    }

    fn configuration(&self) -> &[u8] {
        self.port.configuration()
    }

    fn control_in(&self, setup: Setup, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            self.tape.sent(&setup.bytes());
            let outcome = self.port.control_in(setup, deadline).await;
            self.tape.received(&outcome, deadline);
            outcome
        })
    }

    fn control_out<'a>(&'a self, setup: Setup, data: &'a [u8], deadline: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            self.port.control_out(setup, data, deadline).await?;
            self.tape.sent(&[&setup.bytes(), data].concat());
            Ok(())
        })
    }

    fn read(&self, endpoint: u8, max: u16, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            let outcome = self.port.read(endpoint, max, deadline).await;
            self.tape.sent(&[endpoint]);
            self.tape.received(&outcome, deadline);
            outcome
        })
    }

    fn write<'a>(&'a self, endpoint: u8, data: &'a [u8], deadline: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            self.port.write(endpoint, data, deadline).await?;
            self.tape.sent(&[&[endpoint], data].concat());
            Ok(())
        })
    }

    fn clear_halt(&self, endpoint: u8) -> Fut<'_, ()> {
        self.port.clear_halt(endpoint)
    }

    fn clear_halts(&self) -> Fut<'_, ()> {
        self.port.clear_halts()
    }

    fn reset(&self) -> Fut<'_, ()> {
        self.port.reset()
    }

    fn completed(&self) -> u64 {
        self.port.completed()
    }

    fn readable(&self) -> Fut<'_, ()> {
        self.port.readable()
    }
}
