//! Conversations: `>` what the client sends, `<` what it is answered, `!` what the server around is asked to do.
//!
//! They follow conversations held with upsd 2.8.0; where Husk answers otherwise on purpose, the test says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod acting;
mod connection;
mod random;
mod reading;
mod watching;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::conf::descriptions::{self, Descriptions};
use crate::conf::users::{self, Users};
use crate::proto::tracking::{self, Outcome};
use crate::report::Kind;
use crate::state::{Freshness, Snapshot, Variable};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ID: &str = "2DDC5036-F665-4D29-BE4C-0374D091D263";
const NOW: Duration = Duration::from_secs(100);

const USERS: &str = "
[admin]
    password = pw
    actions = SET FSD
    instcmds = ALL
[mon]
    password = \"p=w\"
    upsmon primary
[one]
    password = pw
    instcmds = beeper.toggle
";

const TEXTS: &str = "
VARDESC ups.id \"What the unit calls itself\"
CMDDESC load.off \"Turn the \\\"load\\\" off\"
";

struct World {
    upses: Vec<Ups>,
    users: Users,
    texts: Descriptions,
    tls: TlsOffer,
    driver_listens: bool,
    plain: Plain,
    /// Passwords that take time, and whether they are right; one that is not here is never looked at.
    slow: BTreeMap<String, bool>,
}

impl View for World {
    fn upses(&self) -> Vec<Ups> {
        self.upses.clone()
    }
    fn ups(&self, name: &str) -> Option<Ups> {
        let mut upses = self.upses.iter();
        upses
            .find(|ups| ups.name.eq_ignore_ascii_case(name))
            .cloned()
    }
    fn users(&self) -> &Users {
        &self.users
    }
    fn plain(&self) -> Plain {
        self.plain
    }
    fn judge(&self, name: &str, password: &str, _: IpAddr, _: Duration) -> Judgement {
        if password.starts_with("slow") {
            return Judgement::Later;
        }
        match self.users.check(name, password) {
            Some(_) => Judgement::Right,
            None => Judgement::Wrong,
        }
    }
    fn texts(&self) -> &Descriptions {
        &self.texts
    }
    fn tracking(&self, id: &str, _: Duration) -> Option<Outcome> {
        id.eq_ignore_ascii_case(ID).then_some(Outcome::Success)
    }
    fn tls(&self) -> TlsOffer {
        self.tls
    }
    fn new_tracking_id(&self) -> String {
        ID.to_owned()
    }
    fn version(&self) -> &str {
        "0.1.0"
    }
}

fn variable(name: &str, value: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        value: value.to_owned(),
        ..Variable::default()
    }
}

fn writable(
    name: &str,
    value: &str,
    kind: Kind,
    choices: &[&str],
    ranges: &[(i64, i64)],
) -> Variable {
    Variable {
        writable: true,
        kind,
        choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
        ranges: ranges.to_vec(),
        ..variable(name, value)
    }
}

fn lab() -> Snapshot {
    Snapshot {
        freshness: Freshness::Fresh,
        commands: ["beeper.toggle", "load.off"].map(str::to_owned).to_vec(),
        variables: vec![
            writable("a.both", "5", Kind::Text(4), &["5"], &[(1, 9)]),
            writable(
                "input.sensitivity",
                "low",
                Kind::Text(10),
                &["low", "High", "a\"q"],
                &[],
            ),
            writable(
                "input.transfer.low",
                "180",
                Kind::Unspecified,
                &[],
                &[(170, 200), (-5, 0)],
            ),
            writable(
                "output.voltage.nominal",
                "230",
                Kind::Number,
                &["220", "230"],
                &[],
            ),
            writable("ups.delay.shutdown", "20", Kind::Number, &[], &[]),
            writable("ups.id", "a\"b\\c#d", Kind::Text(8), &[], &[]),
            writable("ups.none", "", Kind::Text(0), &[], &[]),
            variable("ups.status", "OL"),
        ],
    }
}

impl World {
    fn new() -> Self {
        let ups = |name: &str, desc: Option<&str>, snapshot| Ups {
            name: name.into(),
            desc: desc.map(Into::into),
            page: Arc::new(Page::new(name.into(), Arc::new(snapshot))),
            fsd: false,
            logins: 0,
            clients: Arc::new([]),
        };
        let only = |freshness| Snapshot { freshness, ..lab() };
        World {
            upses: vec![
                ups("Lab", Some("Rack \"A\" #1"), lab()),
                ups("down", None, only(Freshness::Waiting)),
                ups("stale", None, only(Freshness::Stale)),
                ups("lost", None, only(Freshness::Lost)),
            ],
            users: users::parse("upsd.users", USERS.as_bytes()).0,
            texts: descriptions::parse("cmdvartab", TEXTS.as_bytes()).0,
            tls: TlsOffer::NotConfigured,
            driver_listens: true,
            plain: Plain::Allow,
            slow: BTreeMap::new(),
        }
    }

    /// The first UPS reports something else.
    fn show(&mut self, snapshot: Snapshot) {
        let name = Arc::clone(&self.upses[0].name);
        self.upses[0].page = Arc::new(Page::new(name, Arc::new(snapshot)));
    }

    /// Does what the server around a session would do, and tells it.
    fn act(&mut self, action: Action, session: &mut Session, out: &mut Vec<u8>) {
        let note = match action {
            Action::StartTls => {
                session.tls_started();
                "tls".to_owned()
            }
            Action::Login { ups } => {
                let at = self.upses.iter().position(|u| *u.name == *ups).unwrap();
                self.upses[at].logins += 1;
                self.upses[at].clients = Arc::new([PEER, IpAddr::V6(Ipv6Addr::LOCALHOST)]);
                format!("login {ups}")
            }
            Action::Fsd { ups } => {
                let at = self.upses.iter().position(|u| *u.name == *ups).unwrap();
                self.upses[at].fsd = true;
                format!("fsd {ups}")
            }
            Action::Run(request) => {
                session.handed_over(self.driver_listens, out);
                let what = match request.what {
                    What::Command { name, value } => format!("{name} {value:?}"),
                    What::Set { variable, value } => format!("{variable}={value}"),
                };
                format!("{} {what} for {}", request.ups, request.user)
            }
            Action::Judge(claim) => {
                let right = self.slow.get(&claim.password).copied();
                session.judged(&self.users, right);
                format!("judge {claim:?}")
            }
            Action::Watch { ups } => format!("watch {ups}"),
            Action::TrackingOn => "tracking".to_owned(),
            Action::Close => "close".to_owned(),
            Action::Log(sentence) => format!("log {sentence}"),
        };
        out.extend_from_slice(format!("! {note}\n").as_bytes());
    }

    /// Everything that follows from one read.
    fn read(&mut self, session: &mut Session, bytes: &[u8]) -> String {
        session.feed(bytes);
        let mut transcript = String::new();
        loop {
            let mut out = Vec::new();
            let step = session.next(self, NOW, &mut out);
            let mut notes = Vec::new();
            let idle = step == Step::NeedInput;
            let over = step == Step::Act(Action::Close);
            if let Step::Act(action) = step {
                let mut both = Vec::new();
                self.act(action, session, &mut both);
                notes = both;
            }
            for line in String::from_utf8([out, notes].concat()).unwrap().lines() {
                let mark = if line.starts_with("! ") { "" } else { "< " };
                transcript += &format!("{mark}{line}\n");
            }
            if idle || over {
                return transcript;
            }
        }
    }

    /// Holds a conversation; each `>` line is one read.
    #[track_caller]
    fn check(&mut self, expected: &str) {
        let mut session = Session::new(PEER, Duration::ZERO);
        let mut held = String::from("\n");
        for line in expected.lines() {
            if let Some(request) = line.strip_prefix("> ") {
                held += &format!("{line}\n");
                held += &self.read(&mut session, format!("{request}\n").as_bytes());
            }
        }
        assert_eq!(held, expected);
    }
}

#[track_caller]
fn check(expected: &str) {
    World::new().check(expected);
}
