//! The USB device, as imports of the component.

use super::bindings::exports::ups::driver::{driver, usb_driver};
use super::bindings::ups::driver::usb;
use super::{Device, Exported, types};
use crate::usb::UsbBackend;
use crate::{Deadline, Driver, IoError, Setup, Usb, UsbIdentity};

/// The host's device.
pub struct UsbDevice(usb::Device);

impl<D: Driver<Port = Usb>> usb_driver::Guest for Exported<D> {
    fn claims() -> Vec<usb_driver::UsbMatch> {
        let claim = |claim: &crate::UsbMatch| usb_driver::UsbMatch {
            vendor_id: claim.vendor_id,
            product_id: claim.product_id,
            interface: claim.interface,
        };
        D::usb_claims().iter().map(claim).collect()
    }

    fn open(
        device: usb::Device,
        settings: Vec<types::Setting>,
        state: Option<Vec<u8>>,
    ) -> Result<driver::Device, types::DriverError> {
        Device::<D>::open(Usb::new(UsbDevice(device)), settings, state)
    }
}

impl From<Setup> for usb::Setup {
    fn from(setup: Setup) -> Self {
        Self {
            request_type: setup.request_type,
            request: setup.request,
            value: setup.value,
            index: setup.index,
        }
    }
}

impl UsbBackend for UsbDevice {
    fn identity(&mut self) -> UsbIdentity {
        let identity = self.0.identity();
        UsbIdentity {
            vendor_id: identity.vendor_id,
            product_id: identity.product_id,
            release: identity.release,
            manufacturer: identity.manufacturer,
            product: identity.product,
            serial: identity.serial,
            path: identity.path,
            interface: identity.interface,
        }
    }

    fn configuration(&mut self) -> Vec<u8> {
        self.0.configuration()
    }

    fn control_in(
        &mut self,
        setup: Setup,
        length: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        Ok(self.0.control_in(setup.into(), length, deadline.into())?)
    }

    fn control_out(
        &mut self,
        setup: Setup,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<(), IoError> {
        Ok(self.0.control_out(setup.into(), data, deadline.into())?)
    }

    fn string_descriptor(
        &mut self,
        index: u8,
        language: u16,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        Ok(self
            .0
            .string_descriptor(index, language, max, deadline.into())?)
    }

    fn interrupt_in(
        &mut self,
        endpoint: u8,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        Ok(self.0.interrupt_in(endpoint, max, deadline.into())?)
    }

    fn interrupt_out(
        &mut self,
        endpoint: u8,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<(), IoError> {
        Ok(self.0.interrupt_out(endpoint, data, deadline.into())?)
    }

    fn bulk_in(&mut self, endpoint: u8, max: u16, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        Ok(self.0.bulk_in(endpoint, max, deadline.into())?)
    }

    fn bulk_out(&mut self, endpoint: u8, data: &[u8], deadline: Deadline) -> Result<(), IoError> {
        Ok(self.0.bulk_out(endpoint, data, deadline.into())?)
    }

    fn clear_halt(&mut self, endpoint: u8) -> Result<(), IoError> {
        Ok(self.0.clear_halt(endpoint)?)
    }

    fn reset(&mut self) -> Result<(), IoError> {
        Ok(self.0.reset()?)
    }
}
