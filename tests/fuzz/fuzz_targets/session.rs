//! What clients may send to the server. The first byte decides how the world is and how the bytes are cut.
//!
//! Replies are lines of printable ASCII, what is kept is bounded, and unless a request cannot be read or TLS starts, the
//! cut changes nothing.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use husk_core::conf::descriptions::{self, Descriptions};
use husk_core::conf::users::{self, Users};
use husk_core::proto::limits;
use husk_core::proto::session::{Action, Judgement, Page, Session, Step, TlsOffer, Ups, View};
use husk_core::proto::tracking::Outcome;
use husk_core::report::Kind;
use husk_core::state::{Freshness, Snapshot, Variable};
use libfuzzer_sys::fuzz_target;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ID: &str = "2DDC5036-F665-4D29-BE4C-0374D091D263";
const USERS: &[u8] =
    b"[u]\npassword = p\nactions = SET FSD LOGIN\ninstcmds = ALL\nupsmon primary\n";

struct World {
    upses: Vec<Ups>,
    users: Users,
    texts: Descriptions,
}

/// Borrowed by one conversation: what differs from one to the next.
struct Seen<'a> {
    world: &'a World,
    later: bool,
}

impl View for Seen<'_> {
    fn upses(&self) -> Vec<Ups> {
        self.world.upses.clone()
    }
    fn ups(&self, name: &str) -> Option<Ups> {
        let mut upses = self.world.upses.iter();
        upses
            .find(|ups| ups.name.eq_ignore_ascii_case(name))
            .cloned()
    }
    fn users(&self) -> &Users {
        &self.world.users
    }
    fn judge(&self, name: &str, password: &str, _: IpAddr, _: Duration) -> Judgement {
        match self.users().check(name, password) {
            _ if self.later => Judgement::Later,
            Some(_) => Judgement::Right,
            None => Judgement::Wrong,
        }
    }
    fn texts(&self) -> &Descriptions {
        &self.world.texts
    }
    fn tracking(&self, id: &str, _: Duration) -> Option<Outcome> {
        id.eq_ignore_ascii_case(ID).then_some(Outcome::Failed)
    }
    fn tls(&self) -> TlsOffer {
        TlsOffer::Ready
    }
    fn new_tracking_id(&self) -> String {
        ID.to_owned()
    }
    fn version(&self) -> &str {
        "0.1.0"
    }
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let variable = |name: &str, kind, choices: &[&str], ranges: &[(i64, i64)]| Variable {
        name: name.to_owned(),
        value: "a\"b\\c#d".to_owned(),
        writable: true,
        kind,
        choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
        ranges: ranges.to_vec(),
    };
    let mut fresh = Snapshot::default();
    fresh.freshness = Freshness::Fresh;
    fresh.commands = vec!["c".to_owned(), "load.off".to_owned()];
    fresh.variables = vec![
        variable("a", Kind::Text(4), &["1", "x"], &[]),
        variable("b", Kind::Number, &[], &[(-5, 9)]),
        variable("ups.status", Kind::Text(9), &[], &[]),
    ];
    let ups = |name: &str, fsd, snapshot| Ups {
        name: name.into(),
        desc: Some("\"quoted\"".into()),
        page: Arc::new(Page::new(name.into(), Arc::new(snapshot))),
        fsd,
        logins: 2,
        clients: Arc::new([PEER]),
    };
    World {
        upses: vec![ups("l", true, fresh), ups("w", false, Snapshot::default())],
        users: users::parse("upsd.users", USERS).0,
        texts: descriptions::parse("cmdvartab", b"VARDESC a \"text\"\n").0,
    }
});

/// What was said and done, and whether the cut may have changed it.
fn talk(view: &Seen<'_>, pieces: std::slice::Chunks<'_, u8>) -> (Vec<u8>, bool) {
    let mut session = Session::new(PEER, Duration::ZERO);
    let (mut said, mut cut_matters) = (Vec::new(), false);
    for (at, piece) in pieces.enumerate() {
        let now = Duration::from_millis(at as u64);
        session.feed(piece);
        loop {
            let mut out = Vec::new();
            let step = session.next(view, now, &mut out);
            assert!(out.is_empty() || out.ends_with(b"\n"));
            assert!(out.iter().all(|byte| matches!(byte, b'\n' | 0x20..=0x7f)));
            said.extend_from_slice(&out);
            match step {
                Step::NeedInput => break,
                Step::Continue => {}
                Step::Act(Action::Close) => return (said, cut_matters),
                Step::Act(Action::StartTls) => {
                    cut_matters = true;
                    session.tls_started();
                }
                Step::Act(Action::Judge(claim)) => {
                    let users = view.users();
                    session.judged(
                        users,
                        Some(users.check(&claim.user, &claim.password).is_some()),
                    );
                }
                Step::Act(Action::Run(request)) => {
                    said.extend_from_slice(format!("{request:?}\n").as_bytes());
                    session.handed_over(view.later, &mut said);
                }
                Step::Act(Action::Log(sentence)) => {
                    cut_matters |= sentence.contains("cannot be read")
                }
                Step::Act(action) => said.extend_from_slice(format!("{action:?}\n").as_bytes()),
            }
        }
        assert!(session.idle_deadline() <= now + limits::IDLE);
    }
    (said, cut_matters)
}

fuzz_target!(|data: &[u8]| {
    let Some((&options, bytes)) = data.split_first() else {
        return;
    };
    let view = Seen {
        world: &WORLD,
        later: options & 1 == 1,
    };
    let (whole, cut_matters) = talk(&view, bytes.chunks(4096));
    let (pieces, cut_matters_too) = talk(&view, bytes.chunks(1 + usize::from(options >> 1)));
    if !cut_matters && !cut_matters_too {
        assert_eq!(
            whole.escape_ascii().to_string(),
            pieces.escape_ascii().to_string()
        );
    }
});
