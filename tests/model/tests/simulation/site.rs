//! A large site in its own time: one primary with the server, fifty secondaries, and a network that loses packets.
//!
//! What a lost packet does to TCP is what happens here: the message comes later, each time twice as late, and after the
//! deadline the connection is given up while the server still believes in it.

use crate::script::{Deed as Script, Plan};
use crate::watch::Watch;
use husk_core::monitor::{Event, Failure, Role, Settings};
use husk_model::machine::{self, Ask, Conversation, Deed, Machine};
use husk_model::server::{SUPPLIES, Seat, Server, Supply};
use husk_tests::random::Random;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The primary is the first.
pub(crate) const HOSTS: usize = 51;
/// As the product's link waits for a connection.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// As it waits for a reply.
pub(crate) const REPLY: Duration = Duration::from_secs(5);
/// After which a server drops a client that says nothing.
const IDLE: Duration = Duration::from_secs(60);
/// Time of day less the time of the simulation.
const DAY: Duration = Duration::from_secs(1_000_000);

/// A change to the settings a machine starts with.
pub(crate) type Flaw = fn(&mut Settings);

/// One machine.
pub(crate) struct Host {
    /// `None`: it crashed, or it is off.
    pub(crate) machine: Option<Machine>,
    pub(crate) off: bool,
    /// Its cable is out.
    pub(crate) cut: bool,
    links: [Link; SUPPLIES.len()],
}

#[derive(Default)]
struct Link {
    seat: Option<Seat>,
    /// The question under way.
    busy: Option<Ask>,
    /// Counts connections and their failures: what belongs to an earlier one is dropped.
    life: u32,
    /// The server it was made to has died, which the machine cannot know yet.
    orphaned: bool,
}

impl Host {
    fn new() -> Self {
        Self {
            machine: None,
            off: false,
            cut: false,
            links: Default::default(),
        }
    }

    /// The next question to send, unless one is under way, and over which connection.
    fn next(&mut self, place: usize) -> Option<(Ask, u32)> {
        let (machine, link) = (self.machine.as_mut()?, &self.links[place]);
        if link.busy.is_some() {
            return None;
        }
        let asks = &mut machine.asks[place];
        if link.seat.is_none() {
            // Its connection is gone; the next one asks for it again.
            asks.retain(|&ask| ask != Ask::LogIn);
        }
        asks.pop_front().map(|ask| (ask, link.life))
    }

    /// Counts at the server, by a connection both ends believe in.
    pub(crate) fn logged_in(&self) -> bool {
        let live = self.links.iter().filter(|link| !link.orphaned);
        let mut seats = live.filter_map(|link| link.seat.as_ref());
        seats.any(|seat| seat.login().is_some())
    }
}

/// What comes in time.
enum Due {
    Script(Script),
    Wake(usize),
    /// The server sees a question.
    Arrives(usize, usize, u32),
    /// The machine sees its answer.
    Answered(usize, usize, u32, Option<Event>),
    /// The machine sees that the server has news.
    Pushed(usize, usize, u32),
    /// A deadline of the machine is over.
    GivenUp(usize, usize, u32),
    /// The server drops a client it has not heard for long.
    Dropped(Seat),
}

pub(crate) struct Site {
    pub(crate) now: Duration,
    pub(crate) supplies: [Supply; SUPPLIES.len()],
    pub(crate) server: Option<Server>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) watch: Watch,
    plan: Plan,
    random: Random,
    due: BinaryHeap<Reverse<(Duration, u64)>>,
    /// What is due, by its number.
    what: Vec<Option<Due>>,
    seats: u64,
    digest: DefaultHasher,
    told: bool,
    flaw: Flaw,
}

impl Site {
    /// A day as planned by `seed`. `told`: print what happens. `flaw`: a change to every machine's settings.
    pub(crate) fn new(seed: u64, told: bool, flaw: Flaw) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::new(&mut random, HOSTS);
        let mut site = Self {
            now: Duration::ZERO,
            supplies: [Supply::WELL; SUPPLIES.len()],
            server: Some(Server::default()),
            hosts: (0..HOSTS).map(|_| Host::new()).collect(),
            watch: Watch::new(HOSTS),
            random,
            due: BinaryHeap::new(),
            what: Vec::new(),
            seats: 0,
            digest: DefaultHasher::new(),
            told,
            flaw,
            plan,
        };
        for &(at, deed) in &site.plan.deeds.clone() {
            site.later(at, Due::Script(deed));
        }
        site
    }

    /// Lives through the day. The number stands for everything that happened.
    pub(crate) fn run(&mut self) -> u64 {
        let end = self.plan.end;
        while let Some(Reverse((at, number))) = self.due.pop() {
            if at > end || self.hosts.iter().all(|host| host.off) {
                break;
            }
            self.now = at;
            if let Some(due) = self.what.get_mut(number as usize).and_then(Option::take) {
                self.happens(due);
            }
        }
        self.watch.ends(&self.plan, &self.hosts);
        self.digest.finish()
    }

    fn later(&mut self, at: Duration, due: Due) {
        self.due.push(Reverse((at, self.what.len() as u64)));
        self.what.push(Some(due));
    }

    fn tell(&mut self, text: impl FnOnce() -> String) {
        if self.told {
            println!("{:9.3} {}", self.now.as_secs_f64(), text());
        }
    }

    fn happens(&mut self, due: Due) {
        match due {
            Due::Script(deed) => self.script(deed),
            Due::Wake(host) => {
                let wall = DAY + self.now;
                let machine = self.hosts[host].machine.as_ref();
                if machine.is_some_and(|machine| machine.wake.is_some_and(|wake| wake <= self.now))
                {
                    self.on(host, Event::Wake { wall });
                }
            }
            Due::Arrives(host, place, life) if self.alive(host, place, life) => {
                self.arrives(host, place)
            }
            Due::Answered(host, place, life, event) if self.alive(host, place, life) => {
                if self.hosts[host].cut {
                    self.later(self.now + REPLY, Due::GivenUp(host, place, life));
                } else {
                    self.answered(host, place, event);
                }
            }
            Due::Pushed(host, place, life)
                if self.alive(host, place, life) && !self.hosts[host].cut =>
            {
                let system = machine::system(place);
                self.on(host, Event::Changed { system });
            }
            Due::GivenUp(host, place, life) if self.alive(host, place, life) => {
                let linked = self.hosts[host].links[place].seat.is_some();
                let failure = if linked {
                    Failure::Lost("no answer".into())
                } else {
                    Failure::Connect("no answer".into())
                };
                self.breaks(host, place, failure, true);
            }
            Due::Dropped(seat) => {
                if let Some(server) = &mut self.server {
                    server.hung_up(&seat);
                }
            }
            Due::Arrives(..) | Due::Answered(..) | Due::Pushed(..) | Due::GivenUp(..) => {}
        }
    }

    fn alive(&self, host: usize, place: usize, life: u32) -> bool {
        self.hosts[host].machine.is_some() && self.hosts[host].links[place].life == life
    }

    fn script(&mut self, deed: Script) {
        self.tell(|| format!("{deed:?}"));
        match deed {
            Script::Start(host) => self.start(host),
            Script::Power(place, power) => {
                self.supplies[place].power = power;
                self.push(place);
            }
            Script::Heard(place, heard) => {
                self.supplies[place].heard = heard;
                self.push(place);
            }
            Script::Die => self.die(),
            // It may be up again after another crash, or its machine off.
            Script::Revive if self.server.is_none() && !self.hosts[0].off => {
                self.server = Some(Server::default())
            }
            Script::Revive => {}
            Script::Cut(host, cut) => self.hosts[host].cut = cut,
            Script::Kill(host) => self.leave(host, false),
            Script::Vanish(host) => self.leave(host, true),
            Script::Order => {
                self.watch.ordered();
                self.on(0, Event::Forced);
            }
        }
    }

    /// Tells every client that watches the supply; what is lost is told by the next poll.
    fn push(&mut self, place: usize) {
        if !self.plan.pushes || self.server.is_none() {
            return;
        }
        for host in 0..HOSTS {
            let link = &self.hosts[host].links[place];
            let (linked, life) = (link.seat.is_some() && !link.orphaned, link.life);
            if linked && let Some(delay) = self.delay(host) {
                self.later(self.now + delay, Due::Pushed(host, place, life));
            }
        }
    }

    fn start(&mut self, host: usize) {
        if self.hosts[host].off || self.hosts[host].machine.is_some() {
            return;
        }
        let role = if host == 0 {
            Role::Primary
        } else {
            Role::Secondary
        };
        let mut settings = machine::settings(role);
        (self.flaw)(&mut settings);
        let (machine, deeds) = Machine::start(settings, self.now, DAY + self.now);
        self.hosts[host].machine = Some(machine);
        self.watch.starts(host);
        self.done(host, &deeds);
    }

    fn die(&mut self) {
        self.server = None;
        for host in 0..HOSTS {
            for place in 0..SUPPLIES.len() {
                if self.hosts[host].cut {
                    self.hosts[host].links[place].orphaned = true;
                } else if self.hosts[host].links[place].seat.is_some() {
                    self.breaks(host, place, Failure::Lost("connection reset".into()), false);
                }
            }
        }
    }

    /// The monitor is no more. If the machine `vanishes`, the server does not notice.
    fn leave(&mut self, host: usize, vanishes: bool) {
        self.hosts[host].machine = None;
        self.watch.gone(host);
        for place in 0..SUPPLIES.len() {
            let vanishes = vanishes || self.hosts[host].cut;
            self.closes(host, place, vanishes);
            self.hosts[host].links[place].busy = None;
        }
    }

    fn closes(&mut self, host: usize, place: usize, unnoticed: bool) {
        let link = &mut self.hosts[host].links[place];
        link.life += 1;
        link.orphaned = false;
        let Some(seat) = link.seat.take() else {
            return;
        };
        if unnoticed {
            self.later(self.now + IDLE, Due::Dropped(seat));
        } else if let Some(server) = &mut self.server {
            server.hung_up(&seat);
        }
    }

    fn breaks(&mut self, host: usize, place: usize, failure: Failure, unnoticed: bool) {
        self.closes(host, place, unnoticed);
        let ask = self.hosts[host].links[place].busy.take();
        if let Some(event) = ask.and_then(|ask| machine::unanswered(ask, place, failure)) {
            self.on(host, event);
        } else {
            self.pump(host);
        }
    }

    fn answered(&mut self, host: usize, place: usize, event: Option<Event>) {
        self.hosts[host].links[place].busy = None;
        match event {
            Some(event) => self.on(host, event),
            None => self.pump(host),
        }
    }

    fn arrives(&mut self, host: usize, place: usize) {
        let Some(ask) = self.hosts[host].links[place].busy else {
            return;
        };
        let life = self.hosts[host].links[place].life;
        if self.hosts[host].cut {
            let patience = if self.hosts[host].links[place].seat.is_some() {
                REPLY
            } else {
                CONNECT
            };
            return self.later(self.now + patience, Due::GivenUp(host, place, life));
        }
        if self.hosts[host].links[place].orphaned {
            return self.breaks(host, place, Failure::Lost("connection reset".into()), false);
        }
        if self.server.is_none() {
            let failure = Failure::Connect("connection refused".into());
            return self.breaks(host, place, failure, false);
        }
        if self.hosts[host].links[place].seat.is_none() {
            self.seats += 1;
            let peer = IpAddr::from(Ipv4Addr::LOCALHOST);
            self.hosts[host].links[place].seat = Some(Seat::new(self.seats, peer));
            let system = machine::system(place);
            self.on(host, Event::Linked { system });
        }
        let role = if host == 0 {
            Role::Primary
        } else {
            Role::Secondary
        };
        let seat = self.hosts[host].links[place].seat.as_mut();
        let Some((server, seat)) = self.server.as_mut().zip(seat) else {
            return;
        };
        let mut conversation = Conversation {
            server,
            supplies: &self.supplies,
            seat,
        };
        let answer = conversation.ask(ask, place, role);
        if ask == Ask::SetFsd {
            self.push(place);
        }
        match self.delay(host) {
            Some(delay) => self.later(
                self.now + delay,
                Due::Answered(host, place, life, Some(answer)),
            ),
            None => self.later(self.now + REPLY, Due::GivenUp(host, place, life)),
        }
    }

    /// How long a message takes; `None`: longer than anybody waits.
    fn delay(&mut self, host: usize) -> Option<Duration> {
        let millis = |millis: usize| Duration::from_millis(millis as u64);
        let mut delay = Duration::from_micros(self.random.below(2000) as u64);
        if host > 0 {
            delay += millis(self.random.below(self.plan.latency));
        }
        let mut again = millis(200);
        // The primary talks to its own machine: nothing is lost there.
        while host > 0 && self.plan.loss > 0 && self.random.below(100) < self.plan.loss {
            delay += again;
            again *= 2;
        }
        (delay < REPLY).then_some(delay)
    }

    fn on(&mut self, host: usize, event: Event) {
        let Some(machine) = &mut self.hosts[host].machine else {
            return;
        };
        (self.now, host, &event).hash(&mut self.digest);
        self.watch.hears(host, &event);
        let deeds = machine.on(event.clone(), self.now);
        self.tell(|| format!("machine {host}: {event:?} -> {deeds:?}"));
        self.done(host, &deeds);
    }

    fn done(&mut self, host: usize, deeds: &[Deed]) {
        if let Some(machine) = &self.hosts[host].machine {
            if let Some(wake) = machine.wake {
                self.later(wake.max(self.now), Due::Wake(host));
            }
            let machine = self.hosts[host].machine.as_ref();
            if machine
                .is_some_and(|machine| machine.asks.iter().flatten().any(|&ask| ask == Ask::SetFsd))
            {
                self.watch.decides(host, self.now);
            }
        }
        for &deed in deeds {
            self.watch
                .does(host, deed, self.now, &self.plan, &self.hosts);
            match deed {
                Deed::HangUp(place) => self.closes(host, place, self.hosts[host].cut),
                Deed::Exit => {
                    self.hosts[host].off = true;
                    self.leave(host, false);
                    if host == 0 {
                        self.die();
                    }
                }
                Deed::Tell(_) | Deed::ShutDown => {}
            }
        }
        self.watch.counts(host, &self.hosts[host], self.now);
        self.pump(host);
    }

    /// Sends the next question of every link that has none under way.
    fn pump(&mut self, host: usize) {
        for place in 0..SUPPLIES.len() {
            while let Some((ask, life)) = self.hosts[host].next(place) {
                match self.delay(host) {
                    Some(delay) => self.later(self.now + delay, Due::Arrives(host, place, life)),
                    None => self.later(self.now + REPLY, Due::GivenUp(host, place, life)),
                }
                self.hosts[host].links[place].busy = Some(ask);
            }
        }
    }
}
