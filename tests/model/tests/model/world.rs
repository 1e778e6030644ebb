//! One moment of the site, and what can happen next.
//!
//! Time goes in ticks of a second. `now` always is [`NOW`]: a tick moves every remembered moment into the past instead, and
//! what is longer ago than any threshold all the same, so that states repeat and the walk through them ends. Between
//! two ticks the machines talk in any order; what they were asked by then is answered, lost, or late by one tick.

use crate::history::{History, Told};
use crate::plant::{self, Plant};
use husk_core::monitor::{At, Event, Role, Settings, Throttle};
use husk_model::machine::{self, Ask, Machine};
use husk_model::server::{Power, SUPPLIES, Seat, Server, Supply};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

/// Machines: the primary, where the server runs too, and two secondaries.
pub(crate) const HOSTS: usize = 3;
/// The present, for ever.
pub(crate) const NOW: Duration = Duration::from_secs(1000);
const WALL: Duration = Duration::from_secs(1_000_000);
const TICK: Duration = Duration::from_secs(1);
/// Longer ago than any threshold below, and than the 5 s the monitor gives an FSD beyond HOSTSYNC.
const HORIZON: Duration = Duration::from_secs(6);
/// POLLFREQ, POLLFREQALERT: every tick.
pub(crate) const POLL: u8 = 1;
/// HOSTSYNC, in ticks as all that follow.
pub(crate) const HOST_SYNC: u8 = 4;
/// DEADTIME.
pub(crate) const DEAD_TIME: u8 = 2;
/// FINALDELAY.
pub(crate) const FINAL_DELAY: u8 = 1;
/// How long a server counts a client whose machine or cable is gone: longer than HOSTSYNC.
const HALF_OPEN: u8 = 6;

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Host {
    pub(crate) run: Run,
    pub(crate) links: [Link; SUPPLIES.len()],
    pub(crate) told: Told,
}

/// What it does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Run {
    /// Runs the monitor.
    Up(Box<Machine>),
    /// Crashed; it may be started again.
    Down,
    /// Has run its shutdown command.
    Off,
}

/// Its connection for one supply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    pub(crate) seat: Option<Seat>,
    pub(crate) late: Option<Late>,
}

/// What comes with the next tick.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Late {
    /// The request, which the server has not seen.
    Request,
    /// The answer, or that there is none.
    Answer(Option<Event>),
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) supplies: [Supply; SUPPLIES.len()],
    pub(crate) server: Option<Server>,
    pub(crate) hosts: [Host; HOSTS],
    /// Connections only the server still believes in, and for how long.
    pub(crate) half_open: Vec<(Seat, u8)>,
    pub(crate) left: Left,
    pub(crate) history: History,
}

/// What may still happen, so that the walk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    /// Changes of a supply's power.
    pub(crate) changes: u8,
    /// It changes for all supplies at once.
    pub(crate) together: bool,
    /// Losses, delays, crashes, starts, devices lost or found.
    pub(crate) faults: u8,
    /// Shutdowns an operator orders.
    pub(crate) orders: u8,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            changes,
            together,
            faults,
            orders,
        } = self;
        let whose = if *together {
            "of all supplies"
        } else {
            "of one supply"
        };
        write!(
            f,
            "{changes} changes {whose}, {faults} faults, {orders} orders"
        )
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A second passes.
    Tick,
    /// The machine's oldest question meets its fate.
    Ask(usize, Fate),
    /// A supply changes over.
    Power(usize, Power),
    /// A driver loses its device.
    Lose(usize),
    /// It finds it again.
    Find(usize),
    /// The server dies.
    Die,
    /// It starts anew.
    Revive,
    /// A monitor is killed; its connections close.
    Kill(usize),
    /// A machine loses power or its cable: the server does not notice at once.
    Vanish(usize),
    /// It is back, with a fresh monitor.
    Start(usize),
    /// The operator of the primary orders a shutdown.
    Order,
}

/// What becomes of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is answered.
    Answered,
    /// The server sees it a tick later.
    LateRequest,
    /// The machine sees the answer a tick later.
    LateAnswer,
    /// The connection breaks before the server sees it.
    LostRequest,
    /// The connection breaks after the server did what it says.
    LostAnswer,
}

const FAULTS: [Fate; 4] = [
    Fate::LateRequest,
    Fate::LateAnswer,
    Fate::LostRequest,
    Fate::LostAnswer,
];

impl World {
    /// Everybody starts at once, and all is well.
    pub(crate) fn new(left: Left, plant: Option<Plant>) -> Self {
        let host = Host {
            run: Run::Down,
            links: Default::default(),
            told: Told::default(),
        };
        let mut world = Self {
            supplies: [Supply::WELL; SUPPLIES.len()],
            server: Some(Server::default()),
            hosts: [host.clone(), host.clone(), host],
            half_open: Vec::new(),
            left,
            history: History::default(),
        };
        for host in 0..HOSTS {
            world.start(host, plant);
        }
        world
    }

    /// What can happen now.
    pub(crate) fn steps(&self, steps: &mut Vec<Step>) {
        let talking: Vec<_> = (0..HOSTS)
            .filter(|&host| self.head(host).is_some())
            .collect();
        let asked = self.hosts.iter().flat_map(|host| match &host.run {
            Run::Up(machine) => machine.asks.iter().flatten().copied().collect(),
            Run::Down | Run::Off => Vec::new(),
        });
        // Who only reads changes nothing for the others: one order stands for all.
        let reads = asked.into_iter().all(Ask::reads);
        for &host in talking.iter().take(if reads { 1 } else { HOSTS }) {
            steps.push(Step::Ask(host, Fate::Answered));
            if self.left.faults > 0 {
                let fates = FAULTS
                    .iter()
                    .filter(|&&fate| !(reads && fate == Fate::LostAnswer));
                steps.extend(fates.map(|&fate| Step::Ask(host, fate)));
            }
        }
        if talking.is_empty() {
            steps.push(Step::Tick);
            self.outside(steps);
        }
        if self.left.faults > 0 && (talking.is_empty() || !reads) {
            self.crashes(steps);
        }
    }

    fn outside(&self, steps: &mut Vec<Step>) {
        for (place, supply) in self.supplies.iter().enumerate() {
            if self.left.changes > 0 && !(self.left.together && place > 0) {
                let powers = match supply.power {
                    Power::Mains => &[Power::Battery][..],
                    Power::Battery => &[Power::Low, Power::Mains],
                    Power::Low => &[Power::Mains],
                };
                steps.extend(powers.iter().map(|&power| Step::Power(place, power)));
            }
            if self.left.faults > 0 {
                steps.push(if supply.heard {
                    Step::Lose(place)
                } else {
                    Step::Find(place)
                });
            }
        }
        if self.left.orders > 0 && matches!(self.hosts[0].run, Run::Up(_)) {
            steps.push(Step::Order);
        }
    }

    fn crashes(&self, steps: &mut Vec<Step>) {
        for (place, host) in self.hosts.iter().enumerate() {
            match host.run {
                // The two differ only where the server is there to notice.
                Run::Up(_) if self.server.is_some() && place > 0 => {
                    steps.extend([Step::Kill(place), Step::Vanish(place)]);
                }
                Run::Up(_) => steps.push(Step::Kill(place)),
                Run::Down => steps.push(Step::Start(place)),
                Run::Off => {}
            }
        }
        if self.hosts[0].run != Run::Off {
            steps.push(if self.server.is_some() {
                Step::Die
            } else {
                Step::Revive
            });
        }
    }

    /// The world after `step`.
    pub(crate) fn after(&self, step: Step, plant: Option<Plant>) -> Self {
        let mut next = self.clone();
        match step {
            Step::Tick => next.tick(plant),
            Step::Ask(host, fate) => next.ask(host, fate, plant),
            Step::Power(place, power) => {
                next.left.changes -= 1;
                let last = if next.left.together {
                    SUPPLIES.len() - 1
                } else {
                    place
                };
                for place in place..=last {
                    next.supplies[place].power = power;
                    next.history.power(place, power);
                }
            }
            Step::Order => {
                next.left.orders -= 1;
                next.history.ordered();
                next.hosts[0].told.order();
                next.tell(0, Event::Forced, plant);
            }
            fault => next.fault(fault, plant),
        }
        next.sort();
        next
    }

    /// One secondary is like the other: their order says nothing.
    fn sort(&mut self) {
        let [_, secondaries @ ..] = &mut self.hosts;
        secondaries.sort_by_cached_key(|host| {
            let mut hasher = DefaultHasher::new();
            host.hash(&mut hasher);
            hasher.finish()
        });
    }

    fn fault(&mut self, step: Step, plant: Option<Plant>) {
        self.spend();
        match step {
            Step::Lose(place) => self.supplies[place].heard = false,
            Step::Find(place) => self.supplies[place].heard = true,
            Step::Die => self.die(),
            Step::Revive => self.server = Some(Server::default()),
            Step::Kill(host) => self.leave(host, Run::Down),
            Step::Vanish(host) => {
                for place in 0..SUPPLIES.len() {
                    self.lose_sight(host, place);
                }
                self.leave(host, Run::Down);
            }
            Step::Start(host) => self.start(host, plant),
            Step::Tick | Step::Ask(..) | Step::Power(..) | Step::Order => {}
        }
    }

    /// One fault less, and what was held up by it starts anew.
    pub(crate) fn spend(&mut self) {
        self.left.faults -= 1;
        self.history.disturbed();
        for host in &mut self.hosts {
            host.told.disturbed();
        }
    }

    pub(crate) fn die(&mut self) {
        self.server = None;
        self.half_open.clear();
        for host in 0..HOSTS {
            for place in 0..SUPPLIES.len() {
                self.hang_up(host, place);
            }
        }
    }

    fn start(&mut self, host: usize, plant: Option<Plant>) {
        let role = if host == 0 {
            Role::Primary
        } else {
            Role::Secondary
        };
        let mut settings = settings(role);
        plant::settings(plant, &mut settings);
        let (machine, deeds) = Machine::start(settings, NOW, WALL);
        self.hosts[host].run = Run::Up(Box::new(machine));
        self.hosts[host].told = Told::default();
        self.done(host, &deeds);
    }

    /// The machine's connections close and its monitor is no more.
    pub(crate) fn leave(&mut self, host: usize, run: Run) {
        for place in 0..SUPPLIES.len() {
            self.hang_up(host, place);
            self.hosts[host].links[place].late = None;
        }
        self.hosts[host].run = run;
        self.hosts[host].told.gone();
    }

    pub(crate) fn hang_up(&mut self, host: usize, place: usize) {
        let seat = self.hosts[host].links[place].seat.take();
        self.hosts[host].told.cut_off(place);
        if let Some((server, seat)) = self.server.as_mut().zip(seat) {
            server.hung_up(&seat);
        }
    }

    /// The connection breaks, and the server does not notice.
    pub(crate) fn lose_sight(&mut self, host: usize, place: usize) {
        self.hosts[host].told.cut_off(place);
        if let Some(seat) = self.hosts[host].links[place].seat.take()
            && seat.login().is_some()
        {
            self.half_open.push((seat, HALF_OPEN));
        }
    }

    /// The machine's oldest question of the first link that is free.
    pub(crate) fn head(&self, host: usize) -> Option<(usize, Ask)> {
        let host = &self.hosts[host];
        let Run::Up(machine) = &host.run else {
            return None;
        };
        let mut links = host.links.iter().zip(&machine.asks).enumerate();
        links.find_map(|(place, (link, asks))| {
            let ask = asks.front().filter(|_| link.late.is_none());
            ask.map(|&ask| (place, ask))
        })
    }

    /// `step` as a line of a story.
    pub(crate) fn story(&self, step: Step) -> String {
        match step {
            Step::Ask(host, fate) => {
                let (place, ask) = self.head(host).unwrap_or((0, Ask::Poll));
                let supply = SUPPLIES.get(place).unwrap_or(&"");
                format!("  machine {host}: {ask:?} {supply}: {fate:?}")
            }
            step => format!("{step:?}"),
        }
    }

    fn tick(&mut self, plant: Option<Plant>) {
        self.half_open.iter_mut().for_each(|(_, left)| *left -= 1);
        for (seat, _) in self.half_open.extract_if(.., |(_, left)| *left == 0) {
            if let Some(server) = &mut self.server {
                server.hung_up(&seat);
            }
        }
        let view = self.clone();
        self.history.tick(&view);
        for (place, host) in self.hosts.iter_mut().enumerate() {
            host.told.tick(place, &view);
        }
        for host in 0..HOSTS {
            if let Run::Up(machine) = &mut self.hosts[host].run {
                machine.monitor.shift(TICK, NOW - HORIZON);
                machine.wake = machine.wake.map(|wake| wake.saturating_sub(TICK));
            }
            for place in 0..SUPPLIES.len() {
                if let Some(Late::Answer(answer)) = self.hosts[host].links[place].late.take() {
                    self.deliver(host, answer, plant);
                }
            }
            if matches!(&self.hosts[host].run, Run::Up(machine) if machine.wake.is_some_and(|wake| wake <= NOW))
            {
                self.tell(host, Event::Wake { wall: WALL }, plant);
            }
        }
    }
}

fn settings(role: Role) -> Settings {
    let ticks = |ticks: u8| At::default(TICK * u32::from(ticks));
    Settings {
        poll: ticks(POLL),
        poll_alert: ticks(POLL),
        host_sync: ticks(HOST_SYNC),
        dead_time: ticks(DEAD_TIME),
        final_delay: ticks(FINAL_DELAY),
        // Told again and again: it would take hours of model time to come round.
        no_comm_warn: At::default(Duration::from_secs(1_000_000)),
        poll_fail_throttle: At::default(Throttle::Changes),
        ..machine::settings(role)
    }
}
