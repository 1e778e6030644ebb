//! What the guests' resources stand for. Only the host's own reference to the port lies behind a handle, so taking the
//! port away or opening it again needs nothing from the guest.
#![expect(
    unreachable_pub,
    reason = "the generated bindings export these types again"
)]

use std::sync::Arc;

use husk_ports::snmp::SnmpPort;
use husk_ports::usb::UsbPort;
use husk_ports::{Connection, Directory, SerialPort};

/// Behind `serial.port`.
pub struct SerialHandle(pub(crate) Arc<dyn SerialPort>);
/// Behind `files.directory`.
pub struct DirectoryHandle(pub(crate) Arc<dyn Directory>);
/// Behind `stream.connection`.
pub struct ConnectionHandle(pub(crate) Arc<dyn Connection>);
/// Behind `usb.device`.
pub struct UsbHandle(pub(crate) Arc<dyn UsbPort>);
/// Behind `snmp.agent`.
pub struct AgentHandle(pub(crate) Arc<dyn SnmpPort>);
