//! Many objects in few packets: how many at once, and what to do when the agent does not like that. Pure: outcomes in, the
//! next packet out.
//!
//! Agents differ. Some answer tooBig, some genErr, some nothing at all to what they find too large; those of version 1 refuse
//! a whole packet for one object they do not have; some answer only the first few. Each object is asked for until there is a
//! word about it alone.

use std::collections::VecDeque;

use husk_wire::snmp::{Oid, SnmpValue, Varbind};

use super::SnmpError;
use crate::{IoError, limits};

/// error-status of RFC 3416 §3.
pub(super) const TOO_BIG: u32 = 1;
/// error-status: version 1's word for an object that is not there.
const NO_SUCH_NAME: u32 = 2;
/// error-status: anything else.
pub(super) const GEN_ERR: u32 = 5;

/// What is known of an agent: how much it takes at once.
#[derive(Clone, Debug)]
pub(super) struct Size {
    most: usize,
    strikes: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            most: limits::SNMP_VARBINDS,
            strikes: 0,
        }
    }
}

impl Size {
    fn lower(&mut self, to: usize) {
        self.most = self.most.min(to.max(1));
        self.strikes = 0;
    }
}

/// Whether the objects themselves are asked for, or those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Themselves,
    Following,
}

impl Ask {
    /// What stands for an object that is not there.
    fn absent(self) -> SnmpValue {
        match self {
            Self::Themselves => SnmpValue::NoSuchObject,
            Self::Following => SnmpValue::EndOfMibView,
        }
    }
}

/// How the packet of [`Batch::packet`] ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Values, or a status about an object (from 1) of the packet.
    Answer {
        status: u32,
        index: u32,
        bindings: Vec<Varbind>,
    },
    /// No answer.
    Silence,
}

/// One call of a driver.
pub(super) struct Batch<'a> {
    ask: Ask,
    oids: &'a [Oid],
    answers: Vec<Option<Varbind>>,
    waiting: VecDeque<usize>,
    /// Asked for alone, because the agent has blamed them in a packet.
    alone: VecDeque<usize>,
    current: Vec<usize>,
    /// Objects in the next packet at most.
    cap: usize,
    /// The packet before got no answer and this one, with one object, tells whether it was too large.
    doubt: Option<usize>,
    /// The smallest packet that was refused as a whole, and whether an object was found guilty of any refusal.
    refused: Option<usize>,
    guilty: usize,
    last_refusal: Option<u32>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(ask: Ask, oids: &'a [Oid], size: &Size) -> Self {
        Self {
            ask,
            oids,
            answers: vec![None; oids.len()],
            waiting: (0..oids.len()).collect(),
            alone: VecDeque::new(),
            current: Vec::new(),
            cap: size.most,
            doubt: None,
            refused: None,
            guilty: 0,
            last_refusal: None,
        }
    }

    /// The objects of the next packet; empty when all are answered.
    pub(super) fn packet(&mut self) -> Vec<Oid> {
        let cap = match self.doubt {
            Some(_) => 1,
            None => self.cap.max(1),
        };
        self.current = self.waiting.iter().take(cap).copied().collect();
        if self.current.is_empty() {
            self.current.extend(self.alone.front());
        }
        let oids = self.current.iter().filter_map(|at| self.oids.get(*at));
        oids.cloned().collect()
    }

    /// Whether the packet is one whose silence may only mean that it is too large.
    pub(super) fn is_large(&self) -> bool {
        self.current.len() > 1
    }

    /// Takes the outcome of the last packet.
    pub(super) fn take(&mut self, outcome: Outcome, size: &mut Size) -> Result<(), SnmpError> {
        match outcome {
            Outcome::Silence => self.silence(),
            Outcome::Answer {
                status: 0,
                bindings,
                ..
            } => self.values(bindings, size),
            Outcome::Answer { status, index, .. } => self.refusal(status, index, size),
        }
    }

    /// All answers, in the order asked.
    pub(super) fn finish(self, size: &mut Size) -> Result<Vec<Varbind>, SnmpError> {
        if let (Some(refused), 0) = (self.refused, self.guilty) {
            // Every object of a refused packet is well when it comes in a smaller one.
            size.lower(refused / 2);
        }
        let all_guilty = self.guilty > 0 && self.guilty == self.oids.len();
        if let (true, Some(status)) = (all_guilty, self.last_refusal) {
            let index = u32::from(self.oids.len() == 1);
            return Err(SnmpError::Refused { status, index });
        }
        let absent = || SnmpError::Io(IoError::Other("an object was left out".to_owned()));
        let answers = self
            .answers
            .into_iter()
            .map(|answer| answer.ok_or_else(absent));
        answers.collect()
    }

    fn silence(&mut self) -> Result<(), SnmpError> {
        if self.current.len() <= 1 {
            return Err(SnmpError::Io(IoError::Timeout));
        }
        self.doubt = Some(self.current.len());
        Ok(())
    }

    fn values(&mut self, bindings: Vec<Varbind>, size: &mut Size) -> Result<(), SnmpError> {
        let asked = std::mem::take(&mut self.current);
        let mut taken = 0;
        let unfit = |(at, binding): (&usize, &Varbind)| !self.fits(*at, binding);
        let fitting = match asked.iter().zip(&bindings).position(unfit) {
            None => asked.len(),
            // What came before names what was asked.
            Some(fitting) if self.ask == Ask::Themselves => fitting,
            // What came before may belong to any of them.
            Some(_) => 0,
        };
        for (at, binding) in asked.iter().zip(bindings).take(fitting) {
            self.answer(*at, binding);
            taken += 1;
        }
        if taken == 0 {
            // One object at a time is the most anybody can ask for politely.
            if asked.len() <= 1 {
                let text = "the agent answers about another object than was asked for";
                return Err(SnmpError::Io(IoError::Other(text.to_owned())));
            }
            self.cap = asked.len() / 2;
            return Ok(());
        }
        if !self.was_too_large(size) && taken == asked.len() && taken >= size.most {
            size.strikes = 0;
        }
        Ok(())
    }

    /// Whether a binding can be the answer about an object.
    fn fits(&self, at: usize, binding: &Varbind) -> bool {
        let asked = self.oids.get(at);
        match self.ask {
            Ask::Themselves => asked == Some(&binding.oid),
            // An agent that answers in another order, or walks in circles, names one that cannot follow.
            Ask::Following => {
                !binding.value.exists() || asked.is_some_and(|asked| binding.oid > *asked)
            }
        }
    }

    /// An answer, whatever it says, to one object tells that the silent packet before was too large, if there was one.
    fn was_too_large(&mut self, size: &mut Size) -> bool {
        let Some(large) = self.doubt.take() else {
            return false;
        };
        self.cap = large / 2;
        size.strikes += 1;
        if size.strikes >= limits::SNMP_STRIKES {
            size.lower(large / 2);
        }
        true
    }

    fn answer(&mut self, at: usize, binding: Varbind) {
        self.waiting.retain(|waiting| *waiting != at);
        self.alone.retain(|alone| *alone != at);
        if let Some(answer) = self.answers.get_mut(at) {
            *answer = Some(binding);
        }
    }

    fn absent(&mut self, at: usize, value: SnmpValue) {
        let oid = self.oids.get(at).cloned().unwrap_or_default();
        self.answer(at, Varbind { oid, value });
    }

    fn refusal(&mut self, status: u32, index: u32, size: &mut Size) -> Result<(), SnmpError> {
        self.was_too_large(size);
        let asked = std::mem::take(&mut self.current);
        let blamed = usize::try_from(index)
            .ok()
            .and_then(|index| index.checked_sub(1));
        let blamed = blamed.and_then(|at| asked.get(at).copied());
        match (status, asked.as_slice(), blamed) {
            (TOO_BIG, [_], _) => Err(SnmpError::Refused { status, index: 1 }),
            (TOO_BIG, ..) => {
                size.lower(asked.len() / 2);
                self.cap = size.most;
                Ok(())
            }
            (NO_SUCH_NAME, &[at], _) | (NO_SUCH_NAME, _, Some(at)) => {
                self.absent(at, self.ask.absent());
                Ok(())
            }
            (_, [at], _) => {
                // The agent has it and cannot say it now: unknown, for this object alone.
                self.guilty += 1;
                self.last_refusal = Some(status);
                let value = match self.ask {
                    Ask::Themselves => SnmpValue::NoSuchInstance,
                    Ask::Following => return Err(SnmpError::Refused { status, index: 1 }),
                };
                self.absent(*at, value);
                Ok(())
            }
            (_, _, Some(at)) => {
                self.note_refused(asked.len());
                self.waiting.retain(|waiting| *waiting != at);
                self.alone.push_back(at);
                Ok(())
            }
            (_, _, None) => {
                self.note_refused(asked.len());
                self.cap = asked.len() / 2;
                Ok(())
            }
        }
    }

    fn note_refused(&mut self, count: usize) {
        self.refused = Some(self.refused.map_or(count, |before| before.min(count)));
    }
}
