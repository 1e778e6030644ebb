//! Requests carried by USB.

use super::{Exchange, Transport};
use husk_driver::wire::hid::Setup;
use husk_driver::{Deadline, IoError, Usb};

impl Transport for Usb {
    fn configuration(&mut self) -> Vec<u8> {
        Self::configuration(self)
    }

    fn exchange(
        &mut self,
        setup: Setup,
        exchange: Exchange<'_>,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        let Setup { length, .. } = setup;
        match exchange {
            Exchange::Read => self.control_in(transfer(setup), length, deadline),
            Exchange::Write(data) => {
                let written = self.control_out(transfer(setup), data, deadline);
                written.map(|()| Vec::new())
            }
            Exchange::Text(index) => self.string_descriptor(index, setup.index, length, deadline),
        }
    }

    fn tells(&self) -> bool {
        true
    }

    fn interrupt(&mut self, endpoint: u8, max: u16) -> Result<Vec<u8>, IoError> {
        match self.interrupt_in(endpoint, max, Deadline::ms(0)) {
            Err(IoError::Stall) => self.clear_halt(endpoint).map(|()| Vec::new()),
            outcome => outcome,
        }
    }
}

fn transfer(setup: Setup) -> husk_driver::Setup {
    husk_driver::Setup {
        request_type: setup.request_type,
        request: setup.request,
        value: setup.value,
        index: setup.index,
    }
}
