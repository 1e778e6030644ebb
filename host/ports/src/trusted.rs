//! All `unsafe` of the host: ioctls that the safe wrappers lack, the reactor's promise, the loader of native code.
#![expect(unsafe_code, reason = "each block says why it is sound")]

use std::ffi::c_int;
use std::os::fd::OwnedFd;

use libc::{TIOCCBRK, TIOCMGET, TIOCMSET, TIOCOUTQ, TIOCSBRK};
use rustix::io::Result;
use rustix::ioctl::{Getter, NoArg, Opcode, Setter, ioctl};
use tokio::io::unix::AsyncFd;

// The numbers differ between CPU families, so they come from libc; only their integer type is adapted.
const GET_LINES: Opcode = TIOCMGET as Opcode;
const SET_LINES: Opcode = TIOCMSET as Opcode;
const UNSENT: Opcode = TIOCOUTQ as Opcode;
const BREAK_ON: Opcode = TIOCSBRK as Opcode;
const BREAK_OFF: Opcode = TIOCCBRK as Opcode;

/// All modem-control lines as one word of `TIOCM_*` bits.
pub(crate) fn modem_lines(tty: &OwnedFd) -> Result<c_int> {
    // SAFETY: TIOCMGET writes one int through the pointer, which is what Getter<_, c_int> holds.
    unsafe { ioctl(tty, Getter::<GET_LINES, c_int>::new()) }
}

/// Sets all outputs from one word of `TIOCM_*` bits, in one step.
pub(crate) fn set_modem_lines(tty: &OwnedFd, word: c_int) -> Result<()> {
    // SAFETY: TIOCMSET reads one int through the pointer, which is what Setter<_, c_int> holds.
    unsafe { ioctl(tty, Setter::<SET_LINES, c_int>::new(word)) }
}

/// Bytes written and not yet handed to the hardware.
pub(crate) fn unsent(fd: &OwnedFd) -> Result<c_int> {
    // SAFETY: TIOCOUTQ writes one int through the pointer, which is what Getter<_, c_int> holds.
    unsafe { ioctl(fd, Getter::<UNSENT, c_int>::new()) }
}

/// Begins or ends the break state.
pub(crate) fn set_break(tty: &OwnedFd, on: bool) -> Result<()> {
    if on {
        // SAFETY: TIOCSBRK takes no argument and touches no memory of ours.
        unsafe { ioctl(tty, NoArg::<BREAK_ON>::new()) }
    } else {
        // SAFETY: TIOCCBRK takes no argument and touches no memory of ours.
        unsafe { ioctl(tty, NoArg::<BREAK_OFF>::new()) }
    }
}

/// Registers a descriptor, which must be non-blocking, with the reactor of this runtime.
pub(crate) fn on_reactor(fd: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is open, always the same, and AsyncFd gives it out by shared reference only.
    Ok(unsafe { AsyncFd::register(fd)? })
}

/// Gives `code` to a loader that is unsafe only because it cannot know where code comes from.
pub(crate) fn load<'a, E, T>(engine: &E, code: &'a [u8], load: unsafe fn(&E, &'a [u8]) -> T) -> T {
    // SAFETY: the only caller is OwnCode::load_by, whose bytes are vouched for and whose contract limits `load`.
    unsafe { load(engine, code) }
}
