//! SET and INSTCMD: what a client may ask of a device.
//!
//! Everything that can be checked against what the driver declared is checked here, so a driver gets only names it has and
//! values it said it takes. Whether the request reaches the driver is the server's to say: [`Session::handed_over`].

use super::verbs::{Answer, Call};
use super::{Action, Request, Session, State, Step, Ups, What};
use crate::conf::users;
use crate::proto::Refusal;
use crate::report::{Kind, limits};
use crate::state::Variable;

impl Session {
    pub(super) fn set(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        let what = call.arg(0);
        if what.eq_ignore_ascii_case("TRACKING") {
            return self.set_tracking(call, out);
        }
        if !what.eq_ignore_ascii_case("VAR") {
            return Err(Refusal::InvalidArgument.into());
        }
        call.need(4)?;
        let ups = call.ups(1)?;
        let snapshot = ups.available()?;
        self.permit(call, |user| user.allows(users::Action::Set))?;
        let variable = snapshot
            .variable(call.arg(2))
            .ok_or(Refusal::VarNotSupported)?;
        check(variable, call.arg(3))?;
        let what = What::Set {
            variable: variable.name.clone(),
            value: call.arg(3).to_owned(),
        };
        Ok(self.run(call, &ups, what, Refusal::SetFailed))
    }

    /// User name and password must be given but are not verified: so does upsd.
    fn set_tracking(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        let on = call.arg(1).eq_ignore_ascii_case("ON");
        if !on && !call.arg(1).eq_ignore_ascii_case("OFF") {
            return Err(Refusal::InvalidArgument.into());
        }
        self.tracking = on;
        out.extend_from_slice(b"OK\n");
        Ok(if on {
            Step::Act(Action::TrackingOn)
        } else {
            Step::Continue
        })
    }

    pub(super) fn instcmd(&mut self, call: &Call<'_>, _: &mut Vec<u8>) -> Answer {
        let ups = call.ups(0)?;
        let name = ups
            .available()?
            .command(call.arg(1))
            .ok_or(Refusal::CmdNotSupported)?;
        self.permit(call, |user| user.allows_command(name))?;
        // A fourth word is more than the protocol has; upsd then runs the command without any parameter, and an
        // empty parameter never arrives at its driver.
        let value = match call.args {
            [_, _, value] if !value.text.is_empty() => Some(value.text.clone()),
            _ => None,
        };
        let what = What::Command {
            name: name.to_owned(),
            value,
        };
        Ok(self.run(call, &ups, what, Refusal::InstcmdFailed))
    }

    fn run(&mut self, call: &Call<'_>, ups: &Ups, what: What, refused: Refusal) -> Step {
        let tracking = self.tracking.then(|| call.view.new_tracking_id());
        self.state = State::AwaitingDriver {
            refused,
            tracking: tracking.clone(),
        };
        Step::Act(Action::Run(Request {
            ups: ups.name.to_string(),
            what,
            tracking,
            user: self.username().unwrap_or_default().to_owned(),
            peer: self.peer,
        }))
    }
}

/// Whether the variable takes the value, in upsd's order of checks. Choices are compared with case; unlike upsd's, they
/// are compared with what the client meant, not with its escaped spelling, so a choice with a quote can be set.
fn check(variable: &Variable, value: &str) -> Result<(), Refusal> {
    if !variable.writable {
        return Err(Refusal::Readonly);
    }
    if let Kind::Text(most) = variable.kind {
        if most == 0 {
            return Err(Refusal::SetFailed);
        }
        if value.len() > usize::try_from(most).unwrap_or(usize::MAX) {
            return Err(Refusal::TooLong);
        }
    }
    if value.len() > limits::VALUE {
        return Err(Refusal::TooLong);
    }
    let choices = &variable.choices;
    if !choices.is_empty() && !choices.iter().any(|choice| choice == value) {
        return Err(Refusal::InvalidValue);
    }
    let ranges = &variable.ranges;
    let number = leading_integer(value);
    if !ranges.is_empty()
        && !ranges
            .iter()
            .any(|&(low, high)| (low..=high).contains(&number))
    {
        return Err(Refusal::InvalidValue);
    }
    Ok(())
}

/// C's atoi, which the bounds of a range are defined by: `175.9` and `175 V` are 175, no digits are 0. Saturates.
fn leading_integer(text: &str) -> i64 {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let size = digits
        .bytes()
        .map_while(|byte| byte.is_ascii_digit().then(|| i64::from(byte - b'0')))
        .fold(0_i64, |sum, digit| {
            sum.saturating_mul(10).saturating_add(digit)
        });
    if negative { -size } else { size }
}
