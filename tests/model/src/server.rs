//! The server: sessions and ledger of the product around made-up supplies.
//!
//! A connection is kept as what its client got through, and its session is made anew from that for every request: so a
//! state of the world can be copied and compared.

use husk_core::conf::descriptions::Descriptions;
use husk_core::conf::users::{self, Users};
use husk_core::proto::ledger::Ledger;
use husk_core::proto::session::{Action, Page, Session, Step, TlsOffer, Ups, View};
use husk_core::proto::tracking::Outcome;
use husk_core::state::{Freshness, Snapshot, Variable};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Names of the supplies at the server, in the order of [`Server`]'s ledgers.
pub const SUPPLIES: [&str; 2] = ["a", "b"];
/// User name and password of every monitor.
pub const USER: [&str; 2] = ["monitor", "secret"];

static USERS: LazyLock<Users> = LazyLock::new(|| {
    let [user, password] = USER;
    let text = format!("[{user}]\n password = {password}\n upsmon primary\n");
    users::parse("upsd.users", text.as_bytes()).0
});
static TEXTS: LazyLock<Descriptions> = LazyLock::new(Descriptions::default);
/// What is served of a supply, by [`Supply::page`].
static PAGES: LazyLock<Vec<Arc<Page>>> = LazyLock::new(|| {
    let status = |status: &str| Snapshot {
        variables: vec![Variable {
            name: "ups.status".to_owned(),
            value: status.to_owned(),
            ..Variable::default()
        }],
        freshness: Freshness::Fresh,
        ..Snapshot::default()
    };
    let stale = Snapshot {
        freshness: Freshness::Stale,
        ..Snapshot::default()
    };
    let mut snapshots = ["OL CHRG", "OB DISCHRG", "OB DISCHRG LB"]
        .map(status)
        .to_vec();
    snapshots.push(stale);
    SUPPLIES
        .iter()
        .flat_map(|&name| {
            let page =
                |snapshot: &Snapshot| Arc::new(Page::new(name.into(), Arc::new(snapshot.clone())));
            snapshots.iter().map(page).collect::<Vec<_>>()
        })
        .collect()
});

/// Where a supply's output comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Power {
    /// `OL`.
    Mains,
    /// `OB`.
    Battery,
    /// `OB LB`.
    Low,
}

/// One supply as the server's driver sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Supply {
    /// What it would report.
    pub power: Power,
    /// Whether its reports arrive; if not, its data are stale.
    pub heard: bool,
}

impl Supply {
    /// On mains and heard.
    pub const WELL: Self = Self {
        power: Power::Mains,
        heard: true,
    };

    fn page(self, place: usize) -> Option<Arc<Page>> {
        let kind = match (self.heard, self.power) {
            (true, Power::Mains) => 0,
            (true, Power::Battery) => 1,
            (true, Power::Low) => 2,
            (false, _) => 3,
        };
        PAGES.get(place * 4 + kind).cloned()
    }
}

/// The server's end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Its number; no two open ones share it.
    pub id: u64,
    peer: IpAddr,
    /// Requests that were granted and shape what comes after them.
    granted: Vec<String>,
    login: Option<usize>,
}

/// Which number it has is all the same.
impl Hash for Seat {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.granted, self.login).hash(state);
    }
}

impl Seat {
    /// A connection just accepted.
    pub fn new(id: u64, peer: IpAddr) -> Self {
        Self {
            id,
            peer,
            granted: Vec::new(),
            login: None,
        }
    }

    /// Whether the client got this through before.
    pub fn has(&self, request: &str) -> bool {
        self.granted.iter().any(|granted| granted == request)
    }

    /// The supply it counts for.
    pub fn login(&self) -> Option<usize> {
        self.login
    }
}

/// What a server keeps while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    ledgers: [Ledger; SUPPLIES.len()],
}

/// Which numbers connections have is all the same.
impl Hash for Server {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for ledger in &self.ledgers {
            (ledger.forced(), ledger.clients()).hash(state);
        }
    }
}

impl Server {
    /// One request, one line of reply without its end.
    pub fn answer(&mut self, supplies: &[Supply], seat: &mut Seat, request: &str) -> String {
        let mut session = Session::new(seat.peer, Duration::ZERO);
        let mut reply = Vec::new();
        let shown = Shown {
            server: self,
            supplies,
        };
        for granted in &seat.granted {
            ask(&mut session, &shown, granted, &mut reply);
        }
        reply.clear();
        let deed = ask(&mut session, &shown, request, &mut reply);
        match deed {
            Some(Action::Login { ups }) => {
                seat.login = place(&ups);
                if let Some(ledger) = seat.login.and_then(|place| self.ledgers.get_mut(place)) {
                    ledger.log_in(seat.id, seat.peer);
                }
            }
            Some(Action::Fsd { ups }) => {
                if let Some(ledger) = place(&ups).and_then(|place| self.ledgers.get_mut(place)) {
                    ledger.force_shutdown();
                }
            }
            _ => {}
        }
        let reply = String::from_utf8_lossy(&reply).trim_end().to_owned();
        let shapes = ["USERNAME", "PASSWORD", "LOGIN"]
            .iter()
            .any(|verb| request.starts_with(verb));
        if shapes && reply.starts_with("OK") {
            seat.granted.push(request.to_owned());
        }
        reply
    }

    /// The server noticed that a connection ended.
    pub fn hung_up(&mut self, seat: &Seat) {
        if let Some(ledger) = seat.login.and_then(|place| self.ledgers.get_mut(place)) {
            ledger.log_out(seat.id);
        }
    }

    /// What it knows of a supply.
    pub fn ledger(&self, place: usize) -> Option<&Ledger> {
        self.ledgers.get(place)
    }
}

fn place(ups: &str) -> Option<usize> {
    SUPPLIES.iter().position(|&name| name == ups)
}

fn ask(
    session: &mut Session,
    shown: &Shown<'_>,
    request: &str,
    reply: &mut Vec<u8>,
) -> Option<Action> {
    session.feed(request.as_bytes());
    match session.next(shown, Duration::ZERO, reply) {
        Step::Act(action) => Some(action),
        Step::Continue | Step::NeedInput => None,
    }
}

struct Shown<'a> {
    server: &'a Server,
    supplies: &'a [Supply],
}

impl Shown<'_> {
    fn at(&self, place: usize) -> Option<Ups> {
        let ledger = self.server.ledgers.get(place)?;
        let clients = ledger.clients();
        Some(Ups {
            name: (*SUPPLIES.get(place)?).into(),
            desc: None,
            page: self.supplies.get(place)?.page(place)?,
            fsd: ledger.forced(),
            logins: clients.len(),
            clients,
        })
    }
}

impl View for Shown<'_> {
    fn upses(&self) -> Vec<Ups> {
        (0..SUPPLIES.len())
            .filter_map(|place| self.at(place))
            .collect()
    }

    fn ups(&self, name: &str) -> Option<Ups> {
        place(name).and_then(|place| self.at(place))
    }

    fn users(&self) -> &Users {
        &USERS
    }

    fn texts(&self) -> &Descriptions {
        &TEXTS
    }

    fn tracking(&self, _: &str, _: Duration) -> Option<Outcome> {
        None
    }

    fn tls(&self) -> TlsOffer {
        TlsOffer::NotConfigured
    }

    fn new_tracking_id(&self) -> String {
        String::new()
    }

    fn version(&self) -> &str {
        "model"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_conversation_goes_on_where_it_was_left() {
        let (mut server, mut supplies) = (Server::default(), [Supply::WELL; 2]);
        let mut seat = Seat::new(1, Ipv4Addr::LOCALHOST.into());
        for (request, reply) in [
            ("GET VAR a ups.status\n", "VAR a ups.status \"OL CHRG\""),
            ("LOGIN a\n", "ERR USERNAME-REQUIRED"),
            ("USERNAME monitor\n", "OK"),
            ("PASSWORD secret\n", "OK"),
            ("LOGIN a\n", "OK"),
            ("LOGIN a\n", "ERR ALREADY-LOGGED-IN"),
            ("PRIMARY a\n", "OK PRIMARY-GRANTED"),
            ("GET NUMLOGINS a\n", "NUMLOGINS a 1"),
            ("FSD a\n", "OK FSD-SET"),
            ("GET VAR a ups.status\n", "VAR a ups.status \"FSD OL CHRG\""),
        ] {
            assert_eq!(
                server.answer(&supplies, &mut seat, request),
                reply,
                "{request}"
            );
        }
        server.hung_up(&seat);
        let mut other = Seat::new(2, Ipv4Addr::LOCALHOST.into());
        let counted = server.answer(&supplies, &mut other, "GET NUMLOGINS a\n");
        assert_eq!(counted, "NUMLOGINS a 0");
        supplies[0].heard = false;
        let stale = server.answer(&supplies, &mut other, "GET VAR a ups.status\n");
        assert_eq!(stale, "ERR DATA-STALE");
    }
}
