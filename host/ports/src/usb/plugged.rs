//! The kernel's word that a USB device was plugged in, so that nobody waits out a pause for it.

use std::time::Duration;

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

use crate::fd::Fd;
use crate::intake::Source;
use crate::{IoError, limits};

/// The group of netlink listeners that the kernel itself tells; udev's own comes later, but not on every machine.
const KERNEL: u32 = 1;

/// Waits until the kernel tells of a new USB device; for ever where it cannot be asked. Starts listening when called, not
/// when first awaited.
pub fn plugged_in() -> impl Future<Output = ()> + Send + Sync {
    let heard = listen();
    async move {
        match heard {
            Ok(fd) => while_not_plugged(&fd).await,
            Err(_) => std::future::pending().await,
        }
    }
}

fn listen() -> Result<Fd, IoError> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        Some(netlink::KOBJECT_UEVENT),
    )?;
    bind(&socket, &SocketAddrNetlink::new(0, KERNEL))?;
    Ok(Fd::new(socket)?)
}

async fn while_not_plugged(fd: &Fd) {
    loop {
        match fd.more(Duration::from_secs(3600)).await {
            Ok(message) if tells_of_a_device(&message) => return,
            Ok(_) | Err(IoError::Timeout) => {}
            // Messages were lost because too many came: one of them may have been it.
            Err(_) => return tokio::time::sleep(limits::USB_LISTEN).await,
        }
    }
}

/// `add@/devices/…` and then `NAME=value` fields, each ended by a zero.
fn tells_of_a_device(message: &[u8]) -> bool {
    let mut fields = message.split(|&byte| byte == 0);
    let added = fields
        .next()
        .is_some_and(|head| head.starts_with(b"add@") || head.starts_with(b"bind@"));
    added && fields.any(|field| field == b"DEVTYPE=usb_device")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_usb_device_that_was_added_counts() {
        let added = b"add@/devices/x/usb1/1-2\0ACTION=add\0SUBSYSTEM=usb\0DEVTYPE=usb_device\0";
        assert!(tells_of_a_device(added));
        for other in [
            &b"remove@/devices/x/usb1/1-2\0DEVTYPE=usb_device\0"[..],
            b"add@/devices/x/usb1/1-2/1-2:1.0\0DEVTYPE=usb_interface\0",
            b"libudev\0add@",
            b"",
        ] {
            assert!(!tells_of_a_device(other));
        }
    }
}
