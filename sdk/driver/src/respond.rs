//! A device played by a function: the test double for what a trace cannot say.

use crate::{Deadline, Direction, IoError, SerialBackend};
use std::collections::VecDeque;

/// A device played by a function: each request is answered or not. For tests.
pub struct Respond<F> {
    /// Ends a request; `None`: every byte is one.
    stop: Option<u8>,
    device: F,
    asked: Vec<u8>,
    answer: VecDeque<u8>,
}

impl<F: FnMut(&[u8]) -> Option<Vec<u8>>> Respond<F> {
    /// A device whose requests end with `stop`; `device` gets a request with its end, and may answer.
    pub fn new(stop: u8, device: F) -> Self {
        Self::cut_at(Some(stop), device)
    }

    /// A device to which every byte is a request.
    pub fn each_byte(device: F) -> Self {
        Self::cut_at(None, device)
    }

    fn cut_at(stop: Option<u8>, device: F) -> Self {
        Self {
            stop,
            device,
            asked: Vec::new(),
            answer: VecDeque::new(),
        }
    }
}

impl<F> std::fmt::Debug for Respond<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Respond")
    }
}

impl<F: FnMut(&[u8]) -> Option<Vec<u8>>> SerialBackend for Respond<F> {
    fn write(&mut self, bytes: &[u8], _pace_us: u32, _deadline: Deadline) -> Result<(), IoError> {
        for byte in bytes {
            self.asked.push(*byte);
            if self.stop.is_none_or(|stop| *byte == stop) {
                let request = std::mem::take(&mut self.asked);
                self.answer
                    .extend((self.device)(&request).into_iter().flatten());
            }
        }
        Ok(())
    }

    fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        let count = self.answer.len().min(max as usize);
        if count == 0 {
            crate::host::native::advance(deadline.total);
            return Err(IoError::Timeout);
        }
        Ok(self.answer.drain(..count).collect())
    }

    fn discard(&mut self, _direction: Direction) -> Result<(), IoError> {
        self.answer.clear();
        Ok(())
    }

    fn unread(&mut self, bytes: Vec<u8>) {
        for byte in bytes.into_iter().rev() {
            self.answer.push_front(byte);
        }
    }
}
