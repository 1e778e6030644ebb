//! What has happened so far, as far as the properties need it: kept beside the monitors and not read by them.

use crate::world::{DEAD_TIME, FINAL_DELAY, HOST_SYNC, HOSTS, Host, POLL, Run, World};
use husk_core::monitor::{Event, Kind};
use husk_model::machine::Deed;
use husk_model::server::{Power, SUPPLIES, Server};

/// Ticks from the moment all supplies are low, or out of reach on battery, to the end of a secondary: the last poll, the
/// longer of what may pass until it is critical, a tick to see that it has passed, and FINALDELAY.
const DOOM: u8 = POLL + max(DEAD_TIME, HOST_SYNC) + 1 + FINAL_DELAY;
/// To the end of the primary: HOSTSYNC for the others besides.
const DOOM_OF_PRIMARY: u8 = DOOM + HOST_SYNC;
/// Ticks from the moment FSD is latched everywhere to the end of a secondary: a poll, FINALDELAY, and a tick to notice.
/// The primary, and the server with it, may go after HOSTSYNC and before it has counted further.
pub(crate) const FORCED: u8 = POLL + FINAL_DELAY + 1;
/// Ticks a primary that waits for the others may leave a supply without FSD: one to see that it failed, and one for what is
/// 250 ms in fact, until it asks again.
pub(crate) const UNLATCHED: u8 = 2;

const fn max(left: u8, right: u8) -> u8 {
    if left > right { left } else { right }
}

/// A machine's last word of a supply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Word {
    #[default]
    Nothing,
    Mains,
    Battery,
    Forced,
}

/// What a machine knows, and for how long it should have acted on it. Counts of ticks stop where they have broken a property.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Told {
    words: [Word; SUPPLIES.len()],
    /// Too few supplies were well once, by what it was told, or its operator gave the order.
    cause: bool,
    /// Since FSD was first sent.
    decided: Option<u8>,
    /// Since the last words.
    announced: Option<u8>,
    /// How long each connection has counted; 2 is long.
    logged_in: [u8; SUPPLIES.len()],
    /// How long its power has been ending, undisturbed.
    doomed: u8,
    /// Longer than it may.
    pub(crate) overdue: bool,
    /// How long FSD has been there to be read, undisturbed.
    pub(crate) forced: u8,
}

impl Told {
    pub(crate) fn hear(&mut self, event: &Event) {
        let Event::Polled {
            system,
            outcome: Ok(reading),
        } = event
        else {
            return;
        };
        let said = |word: &str| reading.status.split(' ').any(|said| said == word);
        let word = match () {
            () if said("FSD") => Word::Forced,
            () if said("OB") => Word::Battery,
            () => Word::Mains,
        };
        for (name, known) in SUPPLIES.iter().zip(&mut self.words) {
            if **name == **system {
                *known = word;
            }
        }
        self.cause |= self
            .words
            .iter()
            .all(|word| matches!(word, Word::Battery | Word::Forced));
    }

    pub(crate) fn order(&mut self) {
        self.cause = true;
    }

    pub(crate) fn decided(&mut self) {
        self.decided.get_or_insert(0);
    }

    pub(crate) fn disturbed(&mut self) {
        (self.doomed, self.forced) = (0, 0);
    }

    pub(crate) fn cut_off(&mut self, place: usize) {
        self.logged_in[place] = 0;
    }

    /// The machine is down or off; nothing is expected of it.
    pub(crate) fn gone(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn tick(&mut self, place: usize, world: &World) {
        for count in [&mut self.decided, &mut self.announced]
            .into_iter()
            .flatten()
        {
            *count = (*count + 1).min(HOST_SYNC);
        }
        let Some(Host {
            run: Run::Up(_),
            links,
            ..
        }) = world.hosts.get(place)
        else {
            return;
        };
        for (ticks, link) in self.logged_in.iter_mut().zip(links) {
            let logged_in = link
                .seat
                .as_ref()
                .is_some_and(|seat| seat.login().is_some());
            *ticks = if logged_in { (*ticks + 1).min(2) } else { 0 };
        }
        let ending = world.supplies.iter().zip(self.words).all(|(supply, word)| {
            let heard = supply.heard && world.server.is_some();
            let ending = matches!(word, Word::Battery | Word::Forced);
            if heard {
                supply.power == Power::Low
            } else {
                ending
            }
        });
        let bound = if place == 0 { DOOM_OF_PRIMARY } else { DOOM };
        self.doomed = count(ending, self.doomed, bound);
        self.overdue |= self.doomed > bound;
        let forced =
            place > 0 && latched(world) && world.supplies.iter().all(|supply| supply.heard);
        self.forced = count(forced, self.forced, FORCED);
    }
}

/// What happened to all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct History {
    failed: [bool; SUPPLIES.len()],
    ordered: bool,
    /// How long the primary has been going down without FSD on every supply, undisturbed.
    pub(crate) unlatched: u8,
    pub(crate) broken: Broken,
    pub(crate) seen: Seen,
}

/// Properties that did not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Broken {
    pub(crate) order: bool,
    pub(crate) need: bool,
    pub(crate) enough: bool,
    pub(crate) decision: bool,
}

/// What a walk that is worth something has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    /// The primary went because HOSTSYNC had run out, secondaries or not.
    pub(crate) patience: bool,
    /// The primary went because all others had left.
    pub(crate) alone: bool,
}

impl History {
    pub(crate) fn power(&mut self, place: usize, power: Power) {
        if let Some(failed) = self.failed.get_mut(place) {
            *failed |= power != Power::Mains;
        }
    }

    pub(crate) fn ordered(&mut self) {
        self.ordered = true;
    }

    pub(crate) fn disturbed(&mut self) {
        self.unlatched = 0;
    }

    pub(crate) fn done(&mut self, place: usize, deed: Deed, hosts: &mut [Host; HOSTS]) {
        match deed {
            Deed::Tell(Kind::Shutdown) => self.proceeds(place, hosts),
            Deed::ShutDown => self.shuts_down(&hosts[place].told),
            Deed::Tell(_) | Deed::HangUp(_) | Deed::Exit => {}
        }
    }

    /// Last words: nothing holds the machine any more but FINALDELAY.
    fn proceeds(&mut self, place: usize, hosts: &mut [Host; HOSTS]) {
        let patient = hosts[place]
            .told
            .decided
            .is_some_and(|ticks| ticks >= HOST_SYNC);
        hosts[place].told.announced = Some(0);
        if place > 0 {
            return;
        }
        let others = &hosts[1..];
        let left_behind = others
            .iter()
            .any(|host| matches!(host.run, Run::Up(_)) && host.told.logged_in.contains(&2));
        self.broken.order |= left_behind && !patient;
        self.seen.patience |= left_behind && patient;
        self.seen.alone |= others.iter().all(|host| host.run == Run::Off);
    }

    fn shuts_down(&mut self, told: &Told) {
        let announced = told.announced.is_some_and(|ticks| ticks >= FINAL_DELAY);
        self.broken.decision |= !(told.cause && announced);
        self.broken.need |= !self.ordered && self.failed == [false; SUPPLIES.len()];
        self.broken.enough |= !self.ordered && self.failed != [true; SUPPLIES.len()];
    }

    pub(crate) fn tick(&mut self, world: &World) {
        let primary = &world.hosts[0];
        let waits = primary.told.decided.is_some_and(|ticks| ticks < HOST_SYNC);
        let unlatched = waits && world.server.is_some() && !latched(world);
        self.unlatched = count(unlatched, self.unlatched, UNLATCHED);
    }
}

fn latched(world: &World) -> bool {
    let forced = |server: &Server| {
        (0..SUPPLIES.len()).all(|place| server.ledger(place).is_some_and(|ledger| ledger.forced()))
    };
    world.server.as_ref().is_some_and(forced)
}

/// Counts up to one more than `most`, or from the start.
fn count(on: bool, ticks: u8, most: u8) -> u8 {
    if on { (ticks + 1).min(most + 1) } else { 0 }
}
