//! An SNMP agent on a tape: `>` what was asked, `<` each object that came, in the words of a `.snmprec`. Behind the marks
//! taken away, what came is an agent that can be served again.

use std::time::Duration;

use husk_wire::snmp::record;

use super::{Recorded, Step};
use crate::snmp::{Asking, Identity, Oid, SnmpError, SnmpPort, SnmpValue, Varbind};

impl Recorded<dyn SnmpPort> {
    fn asked<'a>(&self, what: &str, oids: impl Iterator<Item = &'a Oid>) {
        let words = std::iter::once(what.to_owned()).chain(oids.map(Oid::to_string));
        let words: Vec<String> = words.collect();
        self.tape.sent(words.join(" ").as_bytes());
    }

    fn came<'a>(&self, objects: impl Iterator<Item = (&'a Oid, &'a SnmpValue)>) {
        for line in objects.filter_map(|(oid, value)| record::line(oid, value)) {
            self.tape.step(&Step::Received(line.into_bytes()));
        }
    }

    fn all_came(&self, outcome: &Result<Vec<Varbind>, SnmpError>) {
        let bindings = outcome.iter().flatten();
        self.came(bindings.map(|binding| (&binding.oid, &binding.value)));
    }
}

impl SnmpPort for Recorded<dyn SnmpPort> {
    fn identity(&self) -> &Identity {
        self.port.identity()
    }

    fn get<'a>(&'a self, oids: &'a [Oid], within: Duration) -> Asking<'a, Vec<SnmpValue>> {
        Box::pin(async move {
            self.asked("get", oids.iter());
            let outcome = self.port.get(oids, within).await;
            self.came(oids.iter().zip(outcome.iter().flatten()));
            outcome
        })
    }

    fn next<'a>(&'a self, oids: &'a [Oid], within: Duration) -> Asking<'a, Vec<Varbind>> {
        Box::pin(async move {
            self.asked("next", oids.iter());
            let outcome = self.port.next(oids, within).await;
            self.all_came(&outcome);
            outcome
        })
    }

    fn walk<'a>(&'a self, root: &'a Oid, max: u32, within: Duration) -> Asking<'a, Vec<Varbind>> {
        Box::pin(async move {
            self.asked("walk", std::iter::once(root));
            let outcome = self.port.walk(root, max, within).await;
            self.all_came(&outcome);
            outcome
        })
    }

    fn set<'a>(&'a self, bindings: &'a [Varbind], within: Duration) -> Asking<'a, ()> {
        Box::pin(async move {
            self.port.set(bindings, within).await?;
            let line = |binding: &Varbind| record::line(&binding.oid, &binding.value);
            let lines: Vec<String> = bindings.iter().filter_map(line).collect();
            self.tape
                .sent(format!("set {}", lines.join(" ")).as_bytes());
            Ok(())
        })
    }
}
