//! A simulated device at the other end of a Unix socket, for `port = usbip:PATH`: USB for whole programs where the kernel
//! has none.

use super::{Device, Simulated};
use std::io;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// The socket that the device's cable ends in.
pub struct Socket<D: Device> {
    /// Where it is.
    pub path: PathBuf,
    /// What is plugged into it.
    pub device: Simulated<D>,
}

impl<D: Device> Socket<D> {
    /// Whoever connects from now on has the device on the line.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn plug(&self) -> io::Result<()> {
        let listener = UnixListener::bind(&self.path)?;
        let device = self.device.clone();
        std::thread::spawn(move || {
            while let Ok((cable, _)) = listener.accept() {
                if device.serve(cable).is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    /// The device is gone, and so is the place where it was.
    ///
    /// # Errors
    /// It was not there.
    pub fn unplug(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)?;
        self.device.unplug();
        Ok(())
    }
}
