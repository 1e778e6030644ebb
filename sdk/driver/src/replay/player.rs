//! The device of a trace, played to the driver behind a [`SerialBackend`].

use super::{Expected, Mismatch};
use crate::{Deadline, Direction, Inputs, IoError, Outputs, SerialBackend, host};
use husk_wire::trace::{Call, Step, Trace, escape};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// The device of a trace: for each call, what is said on the line meanwhile.
#[derive(Default)]
pub(super) struct Player {
    pub(super) calls: VecDeque<(usize, Call)>,
    pub(super) sections: VecDeque<VecDeque<(usize, Step)>>,
    now: VecDeque<(usize, Step)>,
    pub(super) expected: Vec<Expected>,
    /// What the driver wrote and no `>` line has matched yet.
    written: Vec<u8>,
    /// The first difference; the driver may hide the error it got for it.
    pub(super) mismatch: Option<Mismatch>,
}

impl Player {
    /// Splits a trace at its calls. What stands before the first call belongs to the opening.
    pub(super) fn new(trace: &Trace) -> Self {
        let mut player = Self {
            sections: VecDeque::from([VecDeque::new()]),
            ..Self::default()
        };
        let mut begun = false;
        for (line, step) in &trace.steps {
            match step {
                Step::Setting { .. } => {}
                Step::Call(call) => {
                    player.calls.push_back((*line, call.clone()));
                    if begun || !matches!(call, Call::Open) {
                        player.sections.push_back(VecDeque::new());
                    }
                    begun = true;
                }
                _ => {
                    begun = true;
                    if let Some(section) = player.sections.back_mut() {
                        section.push_back((*line, step.clone()));
                    }
                }
            }
        }
        player
    }

    /// Takes up the conversation of the next call.
    pub(super) fn enter(&mut self) {
        let section = self.sections.pop_front().unwrap_or_default();
        self.written.clear();
        for (line, step) in section {
            match step {
                Step::Expect { subject, value } => self.expected.push((line, subject, value)),
                step => self.now.push_back((line, step)),
            }
        }
    }

    /// After a call: everything said, everything heard.
    pub(super) fn left(&mut self) -> Result<(), Mismatch> {
        match self.now.pop_front() {
            Some((line, step)) => Err(Mismatch {
                line,
                what: format!("the driver stopped before `{step}`"),
            }),
            None => Ok(()),
        }
    }

    fn differ(&mut self, what: String) -> IoError {
        let line = self.now.front().map_or(0, |(line, _)| *line);
        self.mismatch.get_or_insert(Mismatch {
            line,
            what: what.clone(),
        });
        IoError::Other(what)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), IoError> {
        self.written.extend(bytes);
        match self.now.front() {
            Some((_, Step::Sent(wanted))) if wanted.starts_with(&self.written) => {
                if wanted.len() == self.written.len() {
                    self.written.clear();
                    self.now.pop_front();
                }
                Ok(())
            }
            other => {
                let wanted = other.map_or_else(
                    || "the end of the call".to_owned(),
                    |(_, step)| format!("`{step}`"),
                );
                let what = format!(
                    "the driver wrote `{}` where the trace has {wanted}",
                    escape(&self.written)
                );
                Err(self.differ(what))
            }
        }
    }

    fn read(&mut self, max: usize, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        match self.now.front_mut() {
            Some((_, Step::Received(bytes))) => {
                let taken = bytes.drain(..max.min(bytes.len())).collect();
                if bytes.is_empty() {
                    self.now.pop_front();
                }
                Ok(taken)
            }
            Some((_, Step::Silence(ms))) => {
                host::native::advance(Duration::from_millis((*ms).into()).max(deadline.total));
                self.now.pop_front();
                Err(IoError::Timeout)
            }
            _ => {
                host::native::advance(deadline.total);
                Err(IoError::Timeout)
            }
        }
    }

    fn set_lines(&mut self, lines: Outputs) -> Result<(), IoError> {
        match self.now.front() {
            Some((_, Step::Outputs { dtr, rts })) if (*dtr, *rts) == (lines.dtr, lines.rts) => {
                self.now.pop_front();
                Ok(())
            }
            Some((_, Step::Outputs { .. })) => {
                Err(self.differ(format!("the driver set {lines:?}")))
            }
            _ => Err(IoError::Unsupported),
        }
    }

    fn get_lines(&mut self) -> Result<Inputs, IoError> {
        match self.now.front() {
            Some((_, Step::Inputs { cts, dsr, dcd, ri })) => {
                let inputs = Inputs {
                    cts: *cts,
                    dsr: *dsr,
                    dcd: *dcd,
                    ri: *ri,
                };
                self.now.pop_front();
                Ok(inputs)
            }
            _ => Err(IoError::Unsupported),
        }
    }
}

/// The port handed to the driver; the test keeps the other end.
pub(super) struct Shared(pub(super) Rc<RefCell<Player>>);

impl SerialBackend for Shared {
    fn write(&mut self, bytes: &[u8], _pace_us: u32, _deadline: Deadline) -> Result<(), IoError> {
        self.0.borrow_mut().write(bytes)
    }

    fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        self.0.borrow_mut().read(max as usize, deadline)
    }

    /// What is buffered are the answers that stand before the next request.
    fn discard(&mut self, direction: Direction) -> Result<(), IoError> {
        let mut player = self.0.borrow_mut();
        while direction != Direction::Output
            && matches!(player.now.front(), Some((_, Step::Received(_))))
        {
            player.now.pop_front();
        }
        Ok(())
    }

    fn unread(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.0
                .borrow_mut()
                .now
                .push_front((0, Step::Received(bytes)));
        }
    }

    fn set_lines(&mut self, lines: Outputs) -> Result<(), IoError> {
        self.0.borrow_mut().set_lines(lines)
    }

    fn get_lines(&mut self) -> Result<Inputs, IoError> {
        self.0.borrow_mut().get_lines()
    }
}
