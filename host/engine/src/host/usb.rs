//! The one granted USB device. What a driver may ask of it is judged by `husk-ports`.

use husk_ports::usb::Setup as PortSetup;
use wasmtime::component::Resource;

use super::handles::UsbHandle;
use super::{Answer, State};
use crate::bindings::ups::driver::types::{Deadline, IoError};
use crate::bindings::ups::driver::usb::{Host, HostDevice, Identity, Setup};
use crate::limits;

type Handle = Resource<UsbHandle>;

impl Host for State {}

impl HostDevice for State {
    fn identity(&mut self, device: Handle) -> wasmtime::Result<Identity> {
        let device = self.usb(&device)?;
        let identity = device.identity();
        Ok(Identity {
            vendor_id: identity.vendor_id,
            product_id: identity.product_id,
            release: identity.release,
            manufacturer: identity.manufacturer.clone(),
            product: identity.product.clone(),
            serial: identity.serial.clone(),
            path: identity.path(),
            interface: device.interface(),
        })
    }

    fn configuration(&mut self, device: Handle) -> wasmtime::Result<Vec<u8>> {
        Ok(self.usb(&device)?.configuration().to_vec())
    }

    async fn control_in(
        &mut self,
        device: Handle,
        setup: Setup,
        length: u16,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        let device = self.usb(&device)?;
        let deadline = self.deadline(deadline);
        self.io(device.control_in(whole(setup, length), deadline))
            .await
    }

    async fn control_out(
        &mut self,
        device: Handle,
        setup: Setup,
        data: Vec<u8>,
        deadline: Deadline,
    ) -> Answer<()> {
        let device = self.usb(&device)?;
        let Ok(length) = u16::try_from(data.len()) else {
            return Ok(Err(IoError::TooLong));
        };
        let deadline = self.deadline(deadline);
        self.io(device.control_out(whole(setup, length), &data, deadline))
            .await
    }

    async fn string_descriptor(
        &mut self,
        device: Handle,
        index: u8,
        language: u16,
        max: u16,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        let device = self.usb(&device)?;
        let deadline = self.deadline(deadline);
        self.io(device.control_in(PortSetup::string(index, language, max), deadline))
            .await
    }

    async fn interrupt_in(
        &mut self,
        device: Handle,
        endpoint: u8,
        max: u16,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        self.read(&device, endpoint, max, deadline).await
    }

    async fn interrupt_out(
        &mut self,
        device: Handle,
        endpoint: u8,
        data: Vec<u8>,
        deadline: Deadline,
    ) -> Answer<()> {
        self.write(&device, endpoint, &data, deadline).await
    }

    async fn bulk_in(
        &mut self,
        device: Handle,
        endpoint: u8,
        max: u16,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        self.read(&device, endpoint, max, deadline).await
    }

    async fn bulk_out(
        &mut self,
        device: Handle,
        endpoint: u8,
        data: Vec<u8>,
        deadline: Deadline,
    ) -> Answer<()> {
        self.write(&device, endpoint, &data, deadline).await
    }

    async fn clear_halt(&mut self, device: Handle, endpoint: u8) -> Answer<()> {
        let device = self.usb(&device)?;
        self.io(device.clear_halt(endpoint)).await
    }

    async fn reset(&mut self, device: Handle) -> Answer<()> {
        let device = self.usb(&device)?;
        self.io(device.reset()).await
    }

    async fn drop(&mut self, device: Handle) -> wasmtime::Result<()> {
        self.table.delete(device)?;
        Ok(())
    }
}

impl State {
    /// How an endpoint moves data is written in the configuration descriptor, not in the call.
    async fn read(
        &mut self,
        device: &Handle,
        endpoint: u8,
        max: u16,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        let device = self.usb(device)?;
        let deadline = self.deadline(deadline);
        self.io(device.read(endpoint, max, deadline)).await
    }

    async fn write(
        &mut self,
        device: &Handle,
        endpoint: u8,
        data: &[u8],
        deadline: Deadline,
    ) -> Answer<()> {
        let device = self.usb(device)?;
        if data.len() > limits::TRANSFER {
            return Ok(Err(IoError::TooLong));
        }
        let deadline = self.deadline(deadline);
        self.io(device.write(endpoint, data, deadline)).await
    }
}

fn whole(setup: Setup, length: u16) -> PortSetup {
    PortSetup {
        request_type: setup.request_type,
        request: setup.request,
        value: setup.value,
        index: setup.index,
        length,
    }
}
