//! Machines talk to the server: a question, its fate, what the monitor makes of the answer and what it does then.

use crate::plant::{self, Plant};
use crate::world::{Fate, Host, Late, NOW, Run, World};
use husk_core::monitor::{Event, Failure};
use husk_model::machine::{self, Ask, Conversation, Deed};
use husk_model::server::Seat;
use std::net::{IpAddr, Ipv4Addr};

impl World {
    pub(crate) fn ask(&mut self, host: usize, fate: Fate, plant: Option<Plant>) {
        let Some((place, ask)) = self.head(host) else {
            return;
        };
        if fate != Fate::Answered {
            self.spend();
        }
        if fate == Fate::LateRequest {
            self.hosts[host].links[place].late = Some(Late::Request);
            return;
        }
        if let Run::Up(machine) = &mut self.hosts[host].run {
            machine.asks[place].pop_front();
        }
        if self.server.is_none() {
            let failure = Failure::Connect("connection refused".to_owned());
            self.deliver(host, machine::unanswered(ask, place, failure), plant);
            return;
        }
        if self.hosts[host].links[place].seat.is_none() {
            if ask == Ask::LogIn {
                // Its connection is gone; the next one asks again.
                return;
            }
            let seat = Seat::new(self.free_id(), IpAddr::from(Ipv4Addr::LOCALHOST));
            self.hosts[host].links[place].seat = Some(seat);
            let system = machine::system(place);
            self.tell(host, Event::Linked { system }, plant);
        }
        if fate == Fate::LostRequest {
            return self.lost(host, place, ask);
        }
        let answer = plant::instead(plant, ask, place).or_else(|| self.converse(host, place, ask));
        match fate {
            Fate::LostAnswer => self.lost(host, place, ask),
            Fate::LateAnswer => self.hosts[host].links[place].late = Some(Late::Answer(answer)),
            _ => self.deliver(host, answer, plant),
        }
    }

    /// The machine waits for the answer until the next tick; then it takes the connection for lost.
    fn lost(&mut self, host: usize, place: usize, ask: Ask) {
        self.lose_sight(host, place);
        let failure = Failure::Lost("no answer".to_owned());
        let answer = machine::unanswered(ask, place, failure);
        self.hosts[host].links[place].late = Some(Late::Answer(answer));
    }

    fn converse(&mut self, host: usize, place: usize, ask: Ask) -> Option<Event> {
        let Host {
            run: Run::Up(machine),
            links,
            ..
        } = &mut self.hosts[host]
        else {
            return None;
        };
        let (server, seat) = self.server.as_mut().zip(links[place].seat.as_mut())?;
        let mut conversation = Conversation {
            server,
            supplies: &self.supplies,
            seat,
        };
        Some(conversation.ask(ask, place, machine.role()))
    }

    fn free_id(&self) -> u64 {
        let links = self.hosts.iter().flat_map(|host| &host.links);
        let seats = links.filter_map(|link| link.seat.as_ref());
        let seats: Vec<_> = seats
            .chain(self.half_open.iter().map(|(seat, _)| seat))
            .collect();
        let mut ids = 0..;
        ids.find(|&id| seats.iter().all(|seat| seat.id != id))
            .unwrap_or(u64::MAX)
    }

    pub(crate) fn deliver(&mut self, host: usize, event: Option<Event>, plant: Option<Plant>) {
        if let Some(event) = event {
            self.hosts[host].told.hear(&event);
            self.tell(host, event, plant);
        }
    }

    pub(crate) fn tell(&mut self, host: usize, event: Event, plant: Option<Plant>) {
        let Run::Up(machine) = &mut self.hosts[host].run else {
            return;
        };
        let Some(event) = plant::event(plant, event) else {
            return;
        };
        let deeds = machine.on(event, NOW);
        self.done(host, &deeds);
    }

    pub(crate) fn done(&mut self, host: usize, deeds: &[Deed]) {
        if let Run::Up(machine) = &self.hosts[host].run
            && machine.asks.iter().flatten().any(|&ask| ask == Ask::SetFsd)
        {
            self.hosts[host].told.decided();
        }
        for &deed in deeds {
            self.history.done(host, deed, &mut self.hosts);
            match deed {
                Deed::HangUp(place) => self.hang_up(host, place),
                Deed::Exit => {
                    self.leave(host, Run::Off);
                    if host == 0 {
                        self.die();
                    }
                }
                Deed::Tell(_) | Deed::ShutDown => {}
            }
        }
    }
}
