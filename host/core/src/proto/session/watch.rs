//! WATCH, which NUT does not have: the server says when a UPS has changed, so a monitor learns of an outage before its next
//! poll.
//!
//! `WATCH <ups>` is answered `OK`, or as any request that names a UPS. From then on the line `CHANGED <ups>` may come between
//! two replies. It bears no data: the client asks as ever. Clients that never said WATCH never see it.

use super::verbs::Call;
use super::{Action, Session, State, Step};
use crate::proto::{Refusal, limits, put};

/// A UPS whose changes are told.
pub(super) struct Watch {
    /// As configured.
    ups: String,
    /// As the client wrote it.
    echo: String,
    /// Not told yet.
    changed: bool,
}

impl Session {
    pub(super) fn watch(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Result<Step, Refusal> {
        let ups = call.ups(0)?.name.to_string();
        let echo = call.arg(0).to_owned();
        let full = self.watches.len() >= limits::WATCHES;
        match self.watches.iter_mut().find(|watch| watch.ups == ups) {
            Some(known) => known.echo = echo,
            None if full => return Err(Refusal::FeatureNotConfigured),
            None => self.watches.push(Watch {
                ups: ups.clone(),
                echo,
                changed: false,
            }),
        }
        put(out, &["OK\n"]);
        Ok(Step::Act(Action::Watch { ups }))
    }

    /// Notes that the UPS has changed; whether that is for [`Session::tell`] to say. Once told is enough for any number of
    /// changes before.
    pub fn changed(&mut self, ups: &str) -> bool {
        let watch = self.watches.iter_mut().find(|watch| watch.ups == ups);
        watch.map(|watch| watch.changed = true).is_some()
    }

    /// The watched UPSes, as configured.
    pub fn watched(&self) -> impl Iterator<Item = &str> {
        self.watches.iter().map(|watch| watch.ups.as_str())
    }

    /// Appends a line for each change not told yet. Only when no reply is being written: between [`Step::NeedInput`] and the
    /// next [`Session::feed`].
    pub fn tell(&mut self, out: &mut Vec<u8>) {
        if !matches!(self.state, State::AwaitingRequest) {
            return;
        }
        for watch in self.watches.iter_mut().filter(|watch| watch.changed) {
            watch.changed = false;
            put(out, &["CHANGED ", &watch.echo, "\n"]);
        }
    }
}
