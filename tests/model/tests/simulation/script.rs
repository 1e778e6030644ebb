//! What befalls the site on one day: everything but packets is planned from the seed before it begins.

use crate::site::{CONNECT, REPLY};
use husk_model::server::{Power, SUPPLIES};
use husk_tests::random::Random;
use std::time::Duration;

/// When no fault begins any more, in seconds.
const QUIET: usize = 120;
/// From the last thing that befell the site to the end of every machine whose power is ending: two deadlines of a link that was
/// caught by it, the last poll, 15 s until it is critical (DEADTIME or HOSTSYNC) and a poll to see it, 15 s HOSTSYNC
/// for the others with 5 s for an unanswered FSD, and 5 s FINALDELAY.
const BOUND: Duration = Duration::from_secs(5 + 15 + 5 + 15 + 5 + 5);

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    Start(usize),
    Power(usize, Power),
    Heard(usize, bool),
    Die,
    Revive,
    Cut(usize, bool),
    Kill(usize),
    Vanish(usize),
    Order,
}

/// A day.
pub(crate) struct Plan {
    pub(crate) deeds: Vec<(Duration, Deed)>,
    /// Packets lost, in a hundred.
    pub(crate) loss: usize,
    /// The longest way of a packet, in milliseconds.
    pub(crate) latency: usize,
    /// The server tells clients that something changed.
    pub(crate) pushes: bool,
    pub(crate) end: Duration,
    /// Supplies that ever lost mains.
    pub(crate) failed: [bool; SUPPLIES.len()],
    /// All supplies end low.
    pub(crate) dark: bool,
    /// Machines that nothing befell, while the server and the devices were well all the time.
    pub(crate) undisturbed: Vec<bool>,
}

impl Plan {
    pub(crate) fn new(random: &mut Random, hosts: usize) -> Self {
        let mut plan = Self {
            deeds: Vec::new(),
            loss: [0, 1, 5, 20][random.below(4)],
            latency: [2, 20, 300][random.below(3)],
            pushes: random.one_in(2),
            end: Duration::ZERO,
            failed: [false; SUPPLIES.len()],
            dark: false,
            undisturbed: vec![true; hosts],
        };
        for host in 0..hosts {
            plan.at(random.below(5000), Deed::Start(host));
        }
        plan.power(random);
        // A third of the days is free of faults.
        for _ in 0..random.below(3) * random.below(8) {
            plan.fault(random, hosts);
        }
        if random.one_in(6) {
            plan.at(1000 * QUIET, Deed::Order);
        }
        let last = plan
            .deeds
            .iter()
            .map(|(at, _)| *at)
            .max()
            .unwrap_or_default();
        plan.end = last + CONNECT + REPLY + BOUND;
        plan
    }

    fn at(&mut self, millis: usize, deed: Deed) {
        self.deeds
            .push((Duration::from_millis(millis as u64), deed));
    }

    /// Each supply keeps mains, loses it for a while, or for good.
    fn power(&mut self, random: &mut Random) {
        let together = random.one_in(2);
        let (mut fate, mut lost, mut low) = (0, 0, 0);
        self.dark = true;
        for place in 0..SUPPLIES.len() {
            if place == 0 || !together {
                fate = random.below(4);
                lost = 15_000 + random.below(45_000);
                low = lost + random.below(60_000);
            }
            if fate > 0 {
                self.failed[place] = true;
                self.at(lost, Deed::Power(place, Power::Battery));
            }
            match fate {
                0 => self.dark = false,
                1 => {
                    self.dark = false;
                    self.at(low, Deed::Power(place, Power::Mains));
                }
                _ => self.at(low, Deed::Power(place, Power::Low)),
            }
        }
    }

    fn fault(&mut self, random: &mut Random, hosts: usize) {
        let begin = 1000 * 5 + random.below(1000 * (QUIET - 5));
        let end = begin + random.below(1000 * QUIET - begin + 1);
        let host = random.below(hosts);
        let secondary = 1 + random.below(hosts - 1);
        match random.below(6) {
            0 => {
                let place = random.below(SUPPLIES.len());
                self.at(begin, Deed::Heard(place, false));
                self.at(end, Deed::Heard(place, true));
                self.undisturbed.fill(false);
            }
            1 => {
                self.at(begin, Deed::Die);
                self.at(end, Deed::Revive);
                self.undisturbed.fill(false);
            }
            2 | 3 => {
                self.at(begin, Deed::Cut(secondary, true));
                self.at(end, Deed::Cut(secondary, false));
                self.undisturbed[secondary] = false;
            }
            kill => {
                let vanishes = kill == 4 && host > 0;
                self.at(
                    begin,
                    if vanishes {
                        Deed::Vanish(host)
                    } else {
                        Deed::Kill(host)
                    },
                );
                self.at(end, Deed::Start(host));
                self.undisturbed[host] = false;
                if host == 0 {
                    self.undisturbed.fill(false);
                }
            }
        }
    }
}
