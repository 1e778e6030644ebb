//! What carries commands and answers: a serial line, or one of the bridges built into units with a USB plug.
//!
//! Refuses to read answers: a link moves bytes, and which of them make sense is the dialect's to say.

use husk_driver::{Deadline, Error};

/// Moves one command to the device and its answer back.
pub(crate) trait Link {
    /// Sends one command, which has no carriage return yet, and gives the answer without its own.
    ///
    /// An empty answer is one that consists of its end. What was left over of earlier answers is thrown away first.
    ///
    /// # Errors
    /// [`Error::Timeout`] for silence, [`Error::Protocol`] for an answer that broke off or does not end,
    /// [`Error::Lost`] when the port is gone.
    fn ask(&mut self, command: &[u8], expect: &Expect) -> Result<Vec<u8>, Error>;

    /// idVendor of the bridge: some dialects are only looked for behind the bridges of their maker.
    fn usb_vendor(&self) -> Option<u16> {
        None
    }
}

/// What is known of an answer before it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    /// For the whole answer.
    pub(crate) within: Deadline,
    /// Bytes at the beginning that may be anything: a carriage return among them does not end the answer.
    pub(crate) raw: usize,
}

/// 47 bytes take 0.2 s at 2400 baud, and the units think for up to half a second.
const ANSWER_WITHIN: Deadline = Deadline::ms(1000);

impl Expect {
    /// A line of text.
    pub(crate) const LINE: Self = Self {
        within: ANSWER_WITHIN,
        raw: 0,
    };
}

/// Bytes of the longest answer known, 118, and of a line that is noise.
pub(crate) const ANSWER_MAX: u32 = 256;
