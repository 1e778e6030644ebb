//! Every order of events of a small site: one primary, two secondaries, two supplies, one server.
//!
//! Walks through all states that losses, delays, reconnects, crashes, lost devices and power failures can lead to, within a budget
//! of each, and checks what must hold in every one. Then plants bugs and sees each of them found. `HUSK_MODEL=full` makes
//! it thorough. The tool is stateright; what it walks through is the product's monitor, session and ledger.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod history;
mod plant;
mod talk;
mod world;

use history::{FORCED, UNLATCHED};
use plant::Plant;
use stateright::{Checker as _, HasDiscoveries, Model, Path, Property};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use world::{HOSTS, Left, Run, Step, World};

const ORDER: &str =
    "a primary goes down after the secondaries that are logged in, or after HOSTSYNC";
const DOOMED: &str = "a low battery takes down every live machine in time";
const NEED: &str = "nobody goes down while mains was never lost";
const ENOUGH: &str = "nobody goes down while supplies enough were never lost";
const REACH: &str = "FSD that is latched takes down every live secondary in time";
const LATCH: &str = "a primary that goes down gets FSD latched on every supply";
const DECISION: &str = "POWERDOWNFLAG is set on a decision, after the last words and FINALDELAY";
const ALONE: &str = "seen: all secondaries left before the primary";
const PATIENCE: &str = "seen: HOSTSYNC ran out";
const SIGHTS: [&str; 3] = [ALONE, PATIENCE, DARK];
const DARK: &str = "seen: all machines are off";

/// The site within a budget, with at most one bug in it.
#[derive(Clone, Copy)]
struct Site {
    left: Left,
    plant: Option<Plant>,
}

impl Model for Site {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.left, self.plant)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        world.steps(steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let next = world.after(step, self.plant);
        // A tick that changes nothing leads nowhere.
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ORDER, |_, world: &World| !world.history.broken.order),
            Property::always(DOOMED, |_, world: &World| {
                !world.hosts.iter().any(|host| host.told.overdue)
            }),
            Property::always(NEED, |_, world: &World| !world.history.broken.need),
            Property::always(ENOUGH, |_, world: &World| !world.history.broken.enough),
            Property::always(REACH, |_, world: &World| {
                world.hosts.iter().all(|host| host.told.forced <= FORCED)
            }),
            Property::always(LATCH, |_, world: &World| {
                world.history.unlatched <= UNLATCHED
            }),
            Property::always(DECISION, |_, world: &World| !world.history.broken.decision),
            Property::sometimes(ALONE, |_, world: &World| world.history.seen.alone),
            Property::sometimes(PATIENCE, |_, world: &World| world.history.seen.patience),
            Property::sometimes(DARK, |_, world: &World| {
                world
                    .hosts
                    .iter()
                    .filter(|host| host.run == Run::Off)
                    .count()
                    == HOSTS
            }),
        ]
    }
}

fn full() -> bool {
    std::env::var("HUSK_MODEL").is_ok_and(|value| value == "full")
}

/// What a walk came to.
struct Found {
    states: usize,
    /// A story for each property that broke, and for each sight seen.
    stories: BTreeMap<&'static str, Vec<String>>,
}

/// Walks through the site: to the end, or until `until` breaks.
fn walk(site: Site, until: HasDiscoveries) -> Found {
    let walk = site
        .checker()
        .threads(2)
        .finish_when(until)
        .spawn_dfs()
        .join();
    let story = |path: Path<World, Step>| {
        let lines = path.into_vec().into_iter();
        lines
            .filter_map(|(world, step)| Some(world.story(step?)))
            .collect()
    };
    let stories = walk.discoveries().into_iter();
    Found {
        states: walk.unique_state_count(),
        stories: stories.map(|(name, path)| (name, story(path))).collect(),
    }
}

const fn left(changes: u8, together: bool, faults: u8, orders: u8) -> Left {
    Left {
        changes,
        together,
        faults,
        orders,
    }
}

#[test]
fn every_property_holds_in_every_state() {
    let sites: &[Left] = if full() {
        &[
            left(3, true, 2, 0),
            left(2, false, 2, 0),
            left(5, false, 1, 0),
            left(2, false, 1, 1),
            left(0, false, 3, 0),
            left(0, false, 2, 1),
        ]
    } else {
        &[
            left(2, true, 1, 0),
            left(4, false, 0, 0),
            left(0, false, 1, 1),
        ]
    };
    let (mut states, mut seen) = (0, BTreeSet::new());
    for &left in sites {
        let begun = Instant::now();
        let found = walk(Site { left, plant: None }, HasDiscoveries::AnyFailures);
        let seconds = begun.elapsed().as_secs_f64();
        println!("model: {left}: {} states in {seconds:.1} s", found.states);
        for (name, story) in found.stories {
            assert!(
                SIGHTS.contains(&name),
                "broken: {name}\n{}",
                story.join("\n")
            );
            seen.insert(name);
        }
        states += found.states;
    }
    assert_eq!(seen, BTreeSet::from(SIGHTS), "the walk has not seen enough");
    println!("model: {states} states in all, and every property holds in each");
}

/// A bug, what makes it show, and what it breaks.
const PLANTS: [(Plant, Left, &str); 10] = [
    (Plant::HostSyncIgnored, left(2, true, 0, 0), ORDER),
    (Plant::LastOneForgotten, left(0, false, 1, 1), ORDER),
    (Plant::DeadTimeIgnored, left(1, true, 1, 0), DOOMED),
    (Plant::SilenceIsLow, left(0, false, 2, 0), NEED),
    (Plant::OneFailureTooMany, left(2, false, 0, 0), ENOUGH),
    (Plant::FsdUnheard, left(0, false, 0, 1), REACH),
    (Plant::FsdForgotten, left(0, false, 0, 1), LATCH),
    (Plant::FsdNotRepeated, left(0, false, 1, 1), LATCH),
    (Plant::NoLogin, left(0, false, 0, 1), LATCH),
    (Plant::StaleIsAnOrder, left(0, false, 1, 0), DECISION),
];

#[test]
fn planted_bugs_are_found() {
    for (plant, left, property) in PLANTS {
        let site = Site {
            left,
            plant: Some(plant),
        };
        let found = walk(site, HasDiscoveries::AnyOf(BTreeSet::from([property])));
        let Some(story) = found.stories.get(property) else {
            panic!(
                "planted {plant:?} and looked at {} states, but not broken: {property}",
                found.states
            );
        };
        println!(
            "model: planted {plant:?}, found in {} steps: not so that {property}",
            story.len()
        );
    }
}
