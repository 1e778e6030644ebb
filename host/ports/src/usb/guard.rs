//! What a driver may not ask of its device. Pure: bytes of a request in, a verdict out.
//!
//! Refused are SET_ADDRESS, SET_CONFIGURATION and SET_INTERFACE, every request to an interface or endpoint that is not
//! part of the one claimed, and data against an endpoint's direction. Class and vendor requests to the device itself
//! pass: that is what drivers are for. Numbers: USB 2.0 table 9-2 and table 9-4.

use crate::IoError;

use super::Setup;

/// The interface claimed, as the configuration descriptor has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) number: u8,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// One endpoint of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// With the direction in bit 7.
    pub(crate) address: u8,
    pub(crate) kind: Transfer,
    /// Bytes of its largest packet.
    pub(crate) packet: u16,
}

/// How an endpoint moves data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    Interrupt,
    Bulk,
}

/// Set in an endpoint's address and in bmRequestType when data come from the device.
pub(crate) const TO_HOST: u8 = 0x80;

const INTERFACE_DESCRIPTOR: u8 = 4;
const ENDPOINT_DESCRIPTOR: u8 = 5;

impl Interface {
    /// Finds an interface and the endpoints of all its settings in an active configuration descriptor.
    pub(crate) fn in_configuration(configuration: &[u8], number: u8) -> Option<Self> {
        let mut rest = configuration;
        let mut here = false;
        let mut found: Option<Self> = None;
        while let [length, kind, ..] = *rest {
            let Some((one, after)) = rest.split_at_checked(usize::from(length.max(2))) else {
                break;
            };
            match (kind, one) {
                (INTERFACE_DESCRIPTOR, [_, _, this, ..]) => {
                    here = *this == number;
                    if here && found.is_none() {
                        found = Some(Self {
                            number,
                            endpoints: Vec::new(),
                        });
                    }
                }
                (ENDPOINT_DESCRIPTOR, [_, _, address, attributes, low, high, ..]) if here => {
                    let kind = match attributes & 3 {
                        2 => Some(Transfer::Bulk),
                        3 => Some(Transfer::Interrupt),
                        _ => None,
                    };
                    if let (Some(kind), Some(interface)) = (kind, &mut found) {
                        interface.add(Endpoint {
                            address: *address,
                            kind,
                            // The upper bits count packets of high-speed endpoints.
                            packet: u16::from_le_bytes([*low, *high]) & 0x07ff,
                        });
                    }
                }
                _ => {}
            }
            rest = after;
        }
        found
    }

    fn add(&mut self, endpoint: Endpoint) {
        if self.endpoint(endpoint.address).is_none() {
            self.endpoints.push(endpoint);
        }
    }

    fn endpoint(&self, address: u8) -> Option<Endpoint> {
        let mut endpoints = self.endpoints.iter();
        endpoints.find(|one| one.address == address).copied()
    }

    /// The first endpoint on which the device speaks by itself.
    pub(crate) fn interrupt_in(&self) -> Option<Endpoint> {
        let speaks =
            |one: &&Endpoint| one.kind == Transfer::Interrupt && one.address & TO_HOST != 0;
        self.endpoints.iter().find(speaks).copied()
    }

    /// An endpoint for data in one direction.
    pub(crate) fn data(&self, address: u8, to_host: bool) -> Result<Endpoint, IoError> {
        match self.endpoint(address) {
            Some(endpoint) if (address & TO_HOST != 0) == to_host => Ok(endpoint),
            _ => Err(IoError::Denied),
        }
    }

    /// Whether a halt may be taken off this endpoint.
    pub(crate) fn own(&self, address: u8) -> Result<(), IoError> {
        self.endpoint(address).map(drop).ok_or(IoError::Denied)
    }

    /// Whether a control request may go out.
    pub(crate) fn control(&self, setup: &Setup, to_host: bool) -> Result<(), IoError> {
        const STANDARD: u8 = 0;
        const SET_ADDRESS: u8 = 5;
        const SET_CONFIGURATION: u8 = 9;
        const SET_INTERFACE: u8 = 11;
        let kind = (setup.request_type >> 5) & 3;
        let reshapes = matches!(
            setup.request,
            SET_ADDRESS | SET_CONFIGURATION | SET_INTERFACE
        );
        if setup.is_read() != to_host || (kind == STANDARD && reshapes && !to_host) {
            return Err(IoError::Denied);
        }
        let [low, _] = setup.index.to_le_bytes();
        let within = match setup.request_type & 0x1f {
            // The device, and "other", which no UPS is known to use for anything but itself.
            0 | 3 => true,
            1 => low == self.number,
            2 => low & 0x0f == 0 || self.endpoint(low).is_some(),
            _ => false,
        };
        if within { Ok(()) } else { Err(IoError::Denied) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A keyboard on interface 0 and a UPS on interface 1 with a second setting.
    const COMPOSITE: [u8; 57] = [
        9, 2, 57, 0, 2, 1, 0, 0xa0, 50, //
        9, 4, 0, 0, 1, 3, 1, 1, 0, 7, 5, 0x81, 3, 8, 0, 10, //
        9, 4, 1, 0, 2, 3, 0, 0, 0, 7, 5, 0x82, 3, 8, 0, 10, 7, 5, 0x02, 2, 64, 0, 0, //
        9, 4, 1, 1, 0, 3, 0, 0, 0,
    ];

    fn ups() -> Interface {
        Interface::in_configuration(&COMPOSITE, 1).unwrap()
    }

    fn setup(request_type: u8, request: u8, index: u16) -> Setup {
        Setup {
            request_type,
            request,
            value: 0,
            index,
            length: 8,
        }
    }

    #[test]
    fn an_interface_has_its_own_endpoints_only() {
        let ups = ups();
        let speaks = ups.interrupt_in().unwrap();
        assert_eq!((speaks.address, speaks.packet), (0x82, 8));
        assert_eq!(ups.data(0x82, true).unwrap().kind, Transfer::Interrupt);
        assert_eq!(ups.data(0x02, false).unwrap().kind, Transfer::Bulk);
        for (address, to_host) in [(0x81, true), (0x82, false), (0x02, true), (0x00, false)] {
            assert_eq!(ups.data(address, to_host), Err(IoError::Denied));
        }
        assert_eq!(ups.own(0x81), Err(IoError::Denied));
        assert_eq!(Interface::in_configuration(&COMPOSITE, 2), None);
        for cut in 0..COMPOSITE.len() {
            Interface::in_configuration(COMPOSITE.get(..cut).unwrap(), 1);
        }
        assert_eq!(Interface::in_configuration(&[0; 40], 0), None);
    }

    #[test]
    fn a_driver_reads_and_writes_its_interface() {
        let ups = ups();
        for (request_type, request, index) in [
            (0xa1, 1, 1),     // GET_REPORT
            (0x81, 6, 1),     // GET_DESCRIPTOR of the interface
            (0x80, 6, 0x409), // a string
            (0xc0, 0x51, 7),  // a vendor's own
            (0x82, 0, 0x82),  // GET_STATUS of its endpoint
            (0x82, 0, 0),     // and of the control endpoint
        ] {
            assert_eq!(
                ups.control(&setup(request_type, request, index), true),
                Ok(())
            );
        }
        assert_eq!(ups.control(&setup(0x21, 9, 1), false), Ok(()));
        // One maker takes commands as SET_DESCRIPTOR.
        assert_eq!(ups.control(&setup(0x00, 7, 0), false), Ok(()));
    }

    #[test]
    fn what_moves_the_device_or_reaches_past_the_interface_is_denied() {
        let ups = ups();
        for (request_type, request, index) in [
            (0x00, 5, 0),
            (0x00, 9, 0),
            (0x01, 11, 1),
            (0x21, 9, 0),
            (0x02, 1, 0x81),
            (0x1f, 1, 1),
        ] {
            let refused = ups.control(&setup(request_type, request, index), false);
            assert_eq!(
                refused,
                Err(IoError::Denied),
                "{request_type:02x} {request:02x}"
            );
        }
        assert!(ups.control(&setup(0xa1, 1, 0), true).is_err());
        assert!(
            ups.control(&setup(0xa1, 1, 1), false).is_err(),
            "against the direction"
        );
        assert!(ups.control(&setup(0x21, 9, 1), true).is_err());
    }
}
