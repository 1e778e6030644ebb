//! Time taken out of a monitor: two that differ only in when they live become equal, so that a model checker's walk ends.
//!
//! The product does not call this.

use std::time::Duration;

use super::Monitor;
use super::contact::Login;
use super::shutdown::{Asleep, AwaitingSecondaries, FinalDelay, Lingering, Stage};
use super::ups::Ups;

impl Monitor {
    /// Moves everything remembered or planned `by` into the past, but nothing before `floor`: what is longer ago than any
    /// setting is all the same. A monitor that is told the same `now` and time of day again then has lived through `by`.
    pub fn shift(&mut self, by: Duration, floor: Duration) {
        let shift = |moment: &mut Duration| *moment = moment.saturating_sub(by).max(floor);
        let before = self.clock.0;
        shift(&mut self.last_pass);
        shift(&mut self.due);
        shift(&mut self.clock.0);
        let moved = before.saturating_sub(self.clock.0);
        self.clock.1 = self.clock.1.saturating_sub(moved);
        self.orphaned.iter_mut().for_each(shift);
        match &mut self.stage {
            Stage::Watching | Stage::Over => {}
            Stage::Asleep(Asleep { until }) => shift(until),
            Stage::AwaitingSecondaries(AwaitingSecondaries {
                since, until, beat, ..
            }) => {
                [since, until, beat].into_iter().for_each(shift);
            }
            Stage::FinalDelay(FinalDelay { until, beat }) => {
                [until, beat].into_iter().for_each(shift);
            }
            Stage::Lingering(Lingering { until, beat }) => {
                until.iter_mut().for_each(shift);
                shift(beat);
            }
        }
        self.upses.iter_mut().for_each(|ups| ups.shift(shift));
    }
}

impl Ups {
    fn shift(&mut self, shift: impl Fn(&mut Duration)) {
        let remembered = [
            &mut self.heard,
            &mut self.noncritical,
            &mut self.low_since,
            &mut self.off_since,
            &mut self.over_since,
            &mut self.replace_told,
            &mut self.no_comm_told,
        ];
        remembered.into_iter().flatten().for_each(&shift);
        if let Login::Refused { again } = &mut self.login {
            shift(again);
        }
    }
}
