//! What must hold, seen from outside the monitors.

use crate::script::Plan;
use crate::site::Host;
use husk_core::monitor::{Event, Kind};
use husk_model::machine::Deed;
use husk_model::server::SUPPLIES;
use std::time::Duration;

const HOST_SYNC: Duration = Duration::from_secs(15);
const FINAL_DELAY: Duration = Duration::from_secs(5);
/// Whoever logged in so long before counts surely: the primary may not know of later ones.
const KNOWN: Duration = Duration::from_secs(6);

/// A machine's last word of a supply.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Word {
    #[default]
    Nothing,
    Mains,
    Battery,
    Forced,
}

#[derive(Clone, Default)]
struct Seen {
    words: [Word; SUPPLIES.len()],
    /// All supplies were on battery or forced once.
    cause: bool,
    decided: Option<Duration>,
    announced: Option<Duration>,
    logged_in: Option<Duration>,
}

/// The watcher's notes.
pub(crate) struct Watch {
    hosts: Vec<Seen>,
    ordered: bool,
    now: Duration,
    /// What went wrong.
    pub(crate) complaints: Vec<String>,
    /// Machines that ran their shutdown command.
    pub(crate) off: usize,
}

impl Watch {
    pub(crate) fn new(hosts: usize) -> Self {
        Self {
            hosts: vec![Seen::default(); hosts],
            ordered: false,
            now: Duration::ZERO,
            complaints: Vec::new(),
            off: 0,
        }
    }

    fn complain(&mut self, host: usize, text: &str) {
        self.complaints.push(format!(
            "{:.3} s: machine {host} {text}",
            self.now.as_secs_f64()
        ));
    }

    pub(crate) fn starts(&mut self, host: usize) {
        self.hosts[host] = Seen::default();
    }

    pub(crate) fn gone(&mut self, host: usize) {
        self.hosts[host] = Seen::default();
    }

    pub(crate) fn ordered(&mut self) {
        self.ordered = true;
        self.hosts[0].cause = true;
    }

    pub(crate) fn decides(&mut self, host: usize, now: Duration) {
        self.hosts[host].decided.get_or_insert(now);
    }

    pub(crate) fn hears(&mut self, host: usize, event: &Event) {
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
        let seen = &mut self.hosts[host];
        for (name, known) in SUPPLIES.iter().zip(&mut seen.words) {
            if **name == **system {
                *known = word;
            }
        }
        seen.cause |= seen
            .words
            .iter()
            .all(|word| matches!(word, Word::Battery | Word::Forced));
    }

    pub(crate) fn does(
        &mut self,
        host: usize,
        deed: Deed,
        now: Duration,
        plan: &Plan,
        hosts: &[Host],
    ) {
        self.now = now;
        match deed {
            Deed::Tell(Kind::Shutdown) => {
                self.hosts[host].announced = Some(now);
                let waited = self.hosts[host]
                    .decided
                    .map_or(Duration::ZERO, |decided| now - decided);
                if host == 0 && waited < HOST_SYNC {
                    self.nobody_is_left(now, hosts);
                }
            }
            Deed::ShutDown => {
                self.off += 1;
                let seen = self.hosts[host].clone();
                if seen
                    .announced
                    .is_none_or(|announced| now < announced + FINAL_DELAY)
                {
                    self.complain(host, "shuts down before its last words and FINALDELAY");
                }
                if !seen.cause {
                    self.complain(host, "shuts down and was not told why");
                }
                if !self.ordered && plan.failed != [true; SUPPLIES.len()] {
                    self.complain(host, "shuts down though a supply never lost mains");
                }
            }
            Deed::Tell(_) | Deed::HangUp(_) | Deed::Exit => {}
        }
    }

    /// Called whenever the primary may be about to go.
    fn nobody_is_left(&mut self, now: Duration, hosts: &[Host]) {
        for (place, host) in hosts.iter().enumerate().skip(1) {
            let known = self.hosts[place]
                .logged_in
                .is_some_and(|since| now >= since + KNOWN);
            if known && host.machine.is_some() && !host.cut && host.logged_in() {
                self.complain(
                    0,
                    &format!("goes before machine {place} and before HOSTSYNC"),
                );
            }
        }
    }

    /// Called after everything that happens to a machine.
    pub(crate) fn counts(&mut self, place: usize, host: &Host, now: Duration) {
        let since = &mut self.hosts[place].logged_in;
        *since = host.logged_in().then(|| since.unwrap_or(now));
    }

    /// At the end of the day.
    pub(crate) fn ends(&mut self, plan: &Plan, hosts: &[Host]) {
        for (place, host) in hosts.iter().enumerate() {
            if host.off || host.machine.is_none() {
                continue;
            }
            let doomed = |word: &Word| matches!(word, Word::Battery | Word::Forced);
            let knows = self.hosts[place].words.iter().all(doomed);
            if plan.dark && knows {
                self.complain(
                    place,
                    "is up at the end though it knows that all power is ending",
                );
            }
            if (plan.dark || self.ordered) && plan.undisturbed[place] {
                self.complain(
                    place,
                    "is up at the end though nothing kept it from being told",
                );
            }
        }
    }
}
