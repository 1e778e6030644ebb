//! The calls into a recorded instance, written beside the bytes on its port: such a recording replays in the
//! SDK as it is.

use super::Device;
use crate::driver::{Call, Instance};
use husk_core::report::{Failure, Update, Wake};
use husk_ports::record::{self, Recording, Step};

impl Device {
    /// The instance, with a tape before it if its port has one.
    pub(super) fn taped(&self, instance: Box<dyn Instance>) -> Box<dyn Instance> {
        match &self.tape {
            Some(tape) => Box::new(Taped {
                instance,
                tape: tape.clone(),
            }),
            None => instance,
        }
    }

    /// An instance is about to be opened.
    pub(super) fn tape_open(&self) {
        if let Some(tape) = &self.tape {
            tape.step(&Step::Call(record::Call::Open));
        }
    }
}

struct Taped {
    instance: Box<dyn Instance>,
    tape: Recording,
}

impl Taped {
    fn note(&self, call: record::Call) {
        self.tape.step(&Step::Call(call));
    }
}

impl Instance for Taped {
    fn poll(&mut self, why: Wake) -> Call<'_, Result<Update, Failure>> {
        self.note(record::Call::Poll);
        self.instance.poll(why)
    }

    fn command<'a>(
        &'a mut self,
        name: &'a str,
        value: Option<&'a str>,
    ) -> Call<'a, Result<(), Failure>> {
        self.note(record::Call::Command(
            name.to_owned(),
            value.map(str::to_owned),
        ));
        self.instance.command(name, value)
    }

    fn set<'a>(&'a mut self, variable: &'a str, value: &'a str) -> Call<'a, Result<(), Failure>> {
        self.note(record::Call::Set(variable.to_owned(), value.to_owned()));
        self.instance.set(variable, value)
    }

    fn shutdown(&mut self) -> Call<'_, Result<(), Failure>> {
        self.note(record::Call::Shutdown);
        self.instance.shutdown()
    }

    fn save(&mut self) -> Call<'_, Vec<u8>> {
        self.instance.save()
    }

    fn is_usable(&self) -> bool {
        self.instance.is_usable()
    }
}
