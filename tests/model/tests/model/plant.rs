//! Bugs to plant, to see that the walk finds them. Each stands between a monitor and its world; the product is not touched.

use husk_core::monitor::{At, Event, Failure, Reading, Settings};
use husk_model::machine::Ask;
use std::time::Duration;

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    /// The primary does not wait for HOSTSYNC.
    HostSyncIgnored,
    /// A lost device that was on battery is never presumed low.
    DeadTimeIgnored,
    /// A monitor does not log in.
    NoLogin,
    /// The primary does not wait for the last secondary.
    LastOneForgotten,
    /// The server grants FSD and does not keep it.
    FsdForgotten,
    /// A monitor does not see FSD in a status.
    FsdUnheard,
    /// A lost FSD is taken for a granted one.
    FsdNotRepeated,
    /// A UPS out of reach is taken for one with a low battery.
    SilenceIsLow,
    /// One failed supply of two is one too many.
    OneFailureTooMany,
    /// Stale data count as an order to shut down.
    StaleIsAnOrder,
}

/// Settings with the bug in them.
pub(crate) fn settings(plant: Option<Plant>, settings: &mut Settings) {
    match plant {
        Some(Plant::HostSyncIgnored) => settings.host_sync = At::default(Duration::ZERO),
        Some(Plant::DeadTimeIgnored) => {
            settings.dead_time = At::default(Duration::from_secs(1_000_000))
        }
        Some(Plant::OneFailureTooMany) => settings.min_supplies = At::default(2),
        _ => {}
    }
}

/// The answer without asking, if the bug is that nothing is done.
pub(crate) fn instead(plant: Option<Plant>, ask: Ask, place: usize) -> Option<Event> {
    let granted = plant == Some(Plant::FsdForgotten) && ask == Ask::SetFsd;
    granted.then(|| Event::FsdSet {
        system: husk_model::machine::system(place),
        outcome: Ok(()),
    })
}

/// What the monitor is told; `None`: nothing.
pub(crate) fn event(plant: Option<Plant>, event: Event) -> Option<Event> {
    let Some(plant) = plant else {
        return Some(event);
    };
    Some(match (plant, event) {
        (Plant::NoLogin, Event::Linked { .. }) => return None,
        (
            Plant::LastOneForgotten,
            Event::Logins {
                system,
                outcome: Ok(2),
            },
        ) => Event::Logins {
            system,
            outcome: Ok(1),
        },
        (Plant::FsdNotRepeated, Event::FsdSet { system, .. }) => Event::FsdSet {
            system,
            outcome: Ok(()),
        },
        (
            Plant::SilenceIsLow,
            Event::Polled {
                system,
                outcome: Err(_),
            },
        ) => Event::Polled {
            system,
            outcome: Ok(Reading {
                status: "OB LB".to_owned(),
                ..Reading::default()
            }),
        },
        (
            Plant::FsdUnheard,
            Event::Polled {
                system,
                outcome: Ok(reading),
            },
        ) => Event::Polled {
            system,
            outcome: Ok(Reading {
                status: reading.status.replace("FSD ", ""),
                ..reading
            }),
        },
        (
            Plant::StaleIsAnOrder,
            Event::Polled {
                outcome: Err(Failure::Refused(_)),
                ..
            },
        ) => Event::Forced,
        (_, event) => event,
    })
}
