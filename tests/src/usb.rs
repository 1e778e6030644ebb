//! Simulated USB devices, down to the packets: what a kernel or a driver sees is what a real device on a cable would show.
//!
//! The device side of USB/IP ([`ip`]) over any socket: one end of a pair handed to the kernel's virtual controller
//! ([`bus`]), or the socket a server connects to. There is no usbip program, no network and no import handshake in it.
//! Standards: USB 2.0 §9 (requests), HID 1.11, HID Power Device Class 1.1.

pub mod bridge;
pub mod bus;
pub mod ftdi;
pub mod hid;
pub mod ip;
pub mod recording;
pub mod socket;
pub mod ups;

pub use ip::Simulated;

/// A control request's eight bytes, but for the length of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Direction, type and recipient.
    pub request_type: u8,
    /// What is asked.
    pub request: u8,
    /// Its first argument.
    pub value: u16,
    /// Its second one; the interface or endpoint.
    pub index: u16,
}

/// What a device does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Answers, or accepts what it was sent.
    Data(Vec<u8>),
    /// Refuses.
    Stall,
    /// Says nothing, so that the host waits. It is asked again after each change of the device.
    Silence,
}

/// A device.
pub trait Device: Send + 'static {
    /// Power comes on with the cable.
    fn plugged(&mut self);
    /// A request to endpoint 0.
    fn control(&mut self, setup: Setup, data: &[u8]) -> Answer;
    /// The host wants data of an endpoint.
    fn read(&mut self, endpoint: u8) -> Answer;
    /// The host sends data to an endpoint.
    fn write(&mut self, endpoint: u8, data: &[u8]) -> Answer;
}

/// Who a device says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// idVendor.
    pub vendor: u16,
    /// idProduct.
    pub product: u16,
    /// bcdDevice.
    pub release: u16,
    /// String descriptors from number 1 on: manufacturer, product, serial number, then any.
    pub strings: Vec<String>,
}

impl Identity {
    /// The device descriptor, USB 2.0 §9.6.1.
    pub fn device_descriptor(&self) -> Vec<u8> {
        let mut bytes = vec![18, 1, 0x10, 0x01, 0, 0, 0, 64];
        for number in [self.vendor, self.product, self.release] {
            bytes.extend(number.to_le_bytes());
        }
        let index = |number: u8| match usize::from(number) <= self.strings.len() {
            true => number,
            false => 0,
        };
        bytes.extend([index(1), index(2), index(3), 1]);
        bytes
    }

    /// A string descriptor, §9.6.7; number 0 is the list of languages: US English.
    pub fn string_descriptor(&self, number: u8) -> Answer {
        let units: Vec<u16> = match usize::from(number).checked_sub(1) {
            None => vec![0x0409],
            Some(at) => match self.strings.get(at) {
                Some(text) => text.encode_utf16().take(126).collect(),
                None => return Answer::Stall,
            },
        };
        let length = u8::try_from(2 + 2 * units.len()).unwrap_or(u8::MAX);
        let bytes = units.into_iter().flat_map(u16::to_le_bytes);
        Answer::Data([length, 3].into_iter().chain(bytes).collect())
    }
}
