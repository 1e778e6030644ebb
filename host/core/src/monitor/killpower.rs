//! Cutting the power after the system went down: when it is right, and what is done in which order.
//!
//! POWERDOWNFLAG of NUT is a file with a magic word. It may be left over from a shutdown that never got to its end, and
//! would then turn the next reboot into a power cut. So a second file beside it, `<flag>.armed`, says for which boot and
//! until when the decision holds. A flag without it was made by NUT's own upsmon, and counts as it does there.
//!
//! Opens nothing and waits for nothing: file contents and `wall`, the time since 1970, go in. Standard: upsmon.conf(5).

use std::time::Duration;

/// What a POWERDOWNFLAG of NUT begins with; ours is no byte longer.
pub const MAGIC: &[u8] = b"upsmon-shutdown-file";
/// How long an armed flag counts. A shutdown that hangs is ended by systemd after 30 minutes (JobTimeoutSec of
/// poweroff.target); what comes later than twice that is another shutdown, without a decision.
pub const ARMED_FOR: Duration = Duration::from_secs(3600);
/// Bytes of an armed file that are looked at: the reason, and some hundred systems.
pub const MAX_ARMED: usize = 16 * 1024;
/// Bytes of the reason that are kept.
const MAX_REASON: usize = 512;
const HEAD: &str = "husk-armed 1";

/// The decision a flag stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    /// The boot it was made in (`boot_id` of Linux).
    pub boot: String,
    /// When it was made, since 1970.
    pub since: Duration,
    /// From when it does not count any more, since 1970.
    pub until: Duration,
    /// What was monitored, as upsmon.conf has it.
    pub systems: Vec<String>,
    /// Why.
    pub reason: String,
}

impl Armed {
    /// A decision made now.
    pub fn new(boot: &str, wall: Duration, systems: Vec<String>, reason: &str) -> Self {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let mut reason: String = reason.chars().map(plain).collect();
        while reason.len() > MAX_REASON {
            reason.pop();
        }
        Self {
            boot: boot.to_owned(),
            since: Duration::from_secs(wall.as_secs()),
            until: Duration::from_secs(wall.as_secs()) + ARMED_FOR,
            systems,
            reason: reason.trim().to_owned(),
        }
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let Self { boot, reason, .. } = self;
        let (since, until) = (self.since.as_secs(), self.until.as_secs());
        let mut text = format!("{HEAD}\nboot {boot}\nsince {since}\nuntil {until}\n");
        for system in &self.systems {
            text.push_str(&format!("system {system}\n"));
        }
        text + &format!("reason {reason}\n")
    }

    /// Reads the file back; `None` if it is not whole.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(text).ok()?.lines();
        if lines.next()? != HEAD {
            return None;
        }
        let (mut boot, mut since, mut until, mut reason) = (None, None, None, None);
        let mut systems = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            let seconds = || value.parse().ok().map(Duration::from_secs);
            match name {
                "boot" => boot = Some(value.to_owned()),
                "since" => since = seconds(),
                "until" => until = seconds(),
                "system" => systems.push(value.to_owned()),
                "reason" => reason = Some(value.to_owned()),
                // A later version may say more.
                _ => {}
            }
        }
        Some(Self {
            boot: boot.filter(|boot| !boot.is_empty())?,
            since: since?,
            until: until?,
            systems,
            // Written last: without it the file was cut short.
            reason: reason?,
        })
    }
}

/// What the two files mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No flag.
    NotSet,
    /// Something else is in its place.
    NotMagic,
    /// A decision of this boot: the power is to be cut.
    Armed(Armed),
    /// A flag as NUT's upsmon makes it, of which nobody knows how old it is: the power is to be cut.
    Classic,
    /// Of an earlier boot.
    OtherBoot(Armed),
    /// Too old.
    Expired(Armed),
    /// The armed file cannot be read.
    Unreadable,
}

/// Judges the contents of POWERDOWNFLAG and of the armed file (`None`: not there) in this boot, now.
///
/// A clock that was set back cannot make a decision too old; the boot still ends it.
pub fn judge(flag: Option<&[u8]>, armed: Option<&[u8]>, boot: &str, wall: Duration) -> Verdict {
    match flag {
        None => return Verdict::NotSet,
        Some(flag) if !flag.starts_with(MAGIC) => return Verdict::NotMagic,
        Some(_) => {}
    }
    let Some(text) = armed else {
        return Verdict::Classic;
    };
    match Armed::parse(text) {
        None => Verdict::Unreadable,
        Some(armed) if armed.boot != boot => Verdict::OtherBoot(armed),
        Some(armed) if wall >= armed.until => Verdict::Expired(armed),
        Some(armed) => Verdict::Armed(armed),
    }
}

impl Verdict {
    /// Whether the power is to be cut; the exit code 0 of `upsmon -K`.
    pub fn is_set(&self) -> bool {
        matches!(self, Self::Armed(_) | Self::Classic)
    }

    /// What to tell the operator about it besides yes or no, if anything.
    pub fn remark(&self, flag: &str) -> Option<String> {
        Some(match self {
            Self::NotSet | Self::Armed(_) => return None,
            Self::NotMagic => {
                format!("POWERDOWNFLAG ({flag}) does not contain the upsmon magic string")
            }
            Self::Classic => format!(
                "POWERDOWNFLAG ({flag}) was not armed by this program; it counts however old it is, as with NUT's upsmon"
            ),
            Self::OtherBoot(armed) => format!(
                "POWERDOWNFLAG ({flag}) is left over from an earlier boot and does not count; the reason then was: {}",
                armed.reason
            ),
            Self::Expired(armed) => format!(
                "POWERDOWNFLAG ({flag}) is older than {} s and does not count; the reason then was: {}",
                ARMED_FOR.as_secs(),
                armed.reason
            ),
            Self::Unreadable => format!(
                "POWERDOWNFLAG ({flag}) does not count: {} cannot be read; remove both if they are left over",
                armed_name(flag)
            ),
        })
    }
}

/// The name of the armed file beside a flag.
pub fn armed_name(flag: &str) -> String {
    format!("{flag}.armed")
}

/// What the UPSes of this machine say about the mains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mains {
    /// Every one of them has it.
    Back,
    /// At least one is on battery, or does not tell.
    NotKnownBack,
}

/// What came of telling the UPSes to cut the power.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// How many accepted.
    pub accepted: usize,
    /// How many refused or did not answer.
    pub refused: usize,
}

/// Something that is to be done next; exactly one of the answers in [`Step`] comes back, or none after `End`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Tell the operator; needs no answer.
    Say(String),
    /// See whether the mains are back.
    Look,
    /// Have every UPS of this machine cut the power, with the command that gives it back with the mains.
    Cut,
    /// Wait for the power to go.
    Wait(Duration),
    /// Start the machine again.
    Reboot,
    /// Exit with this code.
    End(u8),
}

/// The answer to an [`Act`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To `Look`.
    Looked(Mains),
    /// To `Cut`.
    Told(Told),
    /// To `Wait`: the power is still there.
    Waited,
}

/// The way from a flag to the end of power.
///
/// `none` when MODE is none; then a flag; a look at the mains; the order, which is given even with the mains back, for the
/// other machines on the UPS may be down already and only a cut starts them again; a wait if POWEROFF_WAIT asks
/// for one; and, if there is still power then, a reboot. Without POWEROFF_WAIT the machine is started again only if the
/// mains are back and no UPS accepted: with an order accepted a running machine would lose its power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Killpower {
    state: State,
    wait: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    AwaitingSight,
    AwaitingAcceptance(AwaitingAcceptance),
    AwaitingDark,
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AwaitingAcceptance {
    mains: Mains,
}

impl Killpower {
    /// Begins, with what the flag says, whether UPSes are connected to this machine, and POWEROFF_WAIT.
    pub fn begin(
        verdict: &Verdict,
        flag: &str,
        has_devices: bool,
        wait: Option<Duration>,
    ) -> (Self, Vec<Act>) {
        let mut this = Self {
            state: State::Ended,
            wait,
        };
        let mut acts: Vec<Act> = verdict.remark(flag).map(Act::Say).into_iter().collect();
        if !verdict.is_set() {
            acts.push(Act::Say("Power down flag is not set".to_owned()));
            acts.push(Act::End(1));
        } else if has_devices {
            if let Verdict::Armed(armed) = verdict {
                acts.push(Act::Say(format!("cutting the power: {}", armed.reason)));
            }
            this.state = State::AwaitingSight;
            acts.push(Act::Look);
        } else {
            let text = "no UPS is connected to this machine; somebody else cuts the power";
            acts.push(Act::Say(text.to_owned()));
            acts.push(this.after(0));
        }
        (this, acts)
    }

    /// What comes after `step`. An answer to something that was not asked changes nothing.
    pub fn on(&mut self, step: Step) -> Vec<Act> {
        match (std::mem::replace(&mut self.state, State::Ended), step) {
            (State::AwaitingSight, Step::Looked(mains)) => {
                self.state = State::AwaitingAcceptance(AwaitingAcceptance { mains });
                let told = "the mains are back; the power is cut all the same, so that every machine on it starts again";
                let remark = (mains == Mains::Back).then(|| Act::Say(told.to_owned()));
                remark.into_iter().chain([Act::Cut]).collect()
            }
            (State::AwaitingAcceptance(awaiting), Step::Told(told)) => self.told(&awaiting, told),
            (State::AwaitingDark, Step::Waited) => {
                let text = "the power is still there; starting the machine again";
                vec![Act::Say(text.to_owned()), Act::Reboot, Act::End(0)]
            }
            (state, _) => {
                self.state = state;
                Vec::new()
            }
        }
    }

    fn told(&mut self, awaiting: &AwaitingAcceptance, told: Told) -> Vec<Act> {
        if told.refused == 0 && told.accepted > 0 {
            return vec![self.after(0)];
        }
        let Told { accepted, refused } = told;
        let mut acts = vec![Act::Say(match accepted + refused {
            0 => {
                "no UPS of this machine is to cut the power: every `sdorder` is negative".to_owned()
            }
            all => format!("{refused} of {all} UPSes did not accept to cut the power"),
        })];
        if self.wait.is_none() && accepted == 0 && awaiting.mains == Mains::Back {
            let text = "the mains are back and nothing will cut them; starting the machine again";
            acts.push(Act::Say(text.to_owned()));
            acts.extend([Act::Reboot, Act::End(1)]);
        } else {
            acts.push(self.after(1));
        }
        acts
    }

    /// Waits if that is asked for, else ends with `code`.
    fn after(&mut self, code: u8) -> Act {
        match self.wait {
            Some(wait) => {
                self.state = State::AwaitingDark;
                Act::Wait(wait)
            }
            None => Act::End(code),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: Duration = Duration::from_secs(1_790_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn armed() -> Armed {
        let systems = vec!["rack1@pdu-a".to_owned(), "rack2@pdu-b:4000".to_owned()];
        Armed::new("b0-07", NOW, systems, "too few supplies: 0 of 1\n")
    }

    #[test]
    fn a_decision_is_read_as_it_was_written() {
        let text = armed().to_text();
        assert_eq!(
            text,
            "husk-armed 1\nboot b0-07\nsince 1790000000\nuntil 1790003600\nsystem rack1@pdu-a\n\
             system rack2@pdu-b:4000\nreason too few supplies: 0 of 1\n"
        );
        assert_eq!(Armed::parse(text.as_bytes()), Some(armed()));
        let later = text.replace("reason", "colour red\nreason");
        assert_eq!(Armed::parse(later.as_bytes()), Some(armed()));
        let long = Armed::new("b", NOW, vec![], &"\u{e9}".repeat(4000));
        assert!(long.reason.len() <= MAX_REASON);
    }

    #[test]
    fn a_decision_cut_short_is_none() {
        let text = armed().to_text();
        let reason = text.find("reason").unwrap();
        for length in 0..=reason {
            assert_eq!(Armed::parse(&text.as_bytes()[..length]), None, "{length}");
        }
    }

    #[test]
    fn every_pair_of_files_has_one_meaning() {
        let text = armed().to_text();
        let ours = Some(text.as_bytes());
        let later = NOW + ARMED_FOR;
        type Row<'a> = (
            Option<&'a [u8]>,
            Option<&'a [u8]>,
            &'a str,
            Duration,
            Verdict,
        );
        let rows: [Row<'_>; 10] = [
            (None, None, "b0-07", NOW, Verdict::NotSet),
            (None, ours, "b0-07", NOW, Verdict::NotSet),
            (Some(b"my notes"), ours, "b0-07", NOW, Verdict::NotMagic),
            (Some(b""), None, "b0-07", NOW, Verdict::NotMagic),
            (Some(MAGIC), ours, "b0-07", NOW, Verdict::Armed(armed())),
            // Set back for a year.
            (
                Some(MAGIC),
                ours,
                "b0-07",
                NOW - 525_600 * MINUTE,
                Verdict::Armed(armed()),
            ),
            (Some(MAGIC), ours, "b1", NOW, Verdict::OtherBoot(armed())),
            (Some(MAGIC), ours, "b0-07", later, Verdict::Expired(armed())),
            (
                Some(MAGIC),
                Some(b"husk-ar"),
                "b0-07",
                NOW,
                Verdict::Unreadable,
            ),
            (
                Some(b"upsmon-shutdown-file\n"),
                None,
                "b1",
                later,
                Verdict::Classic,
            ),
        ];
        for (flag, armed, boot, wall, expected) in rows {
            let verdict = judge(flag, armed, boot, wall);
            assert_eq!(verdict, expected);
            let silent = matches!(verdict, Verdict::NotSet | Verdict::Armed(_));
            assert_eq!(verdict.remark("/etc/killpower").is_none(), silent);
        }
    }

    /// Runs a whole sequence: what is answered to each act, and what was asked for, sentences left out.
    #[track_caller]
    fn check(begun: (Killpower, Vec<Act>), answers: &[Step], expected: &[Act]) {
        let (mut killpower, mut acts) = begun;
        for &answer in answers {
            acts.extend(killpower.on(answer));
        }
        acts.retain(|act| !matches!(act, Act::Say(_)));
        assert_eq!(acts, expected);
        // Nothing comes after the end.
        if matches!(expected.last(), Some(Act::End(_))) {
            assert_eq!(killpower.on(Step::Waited), []);
        }
    }

    fn told(accepted: usize, refused: usize) -> Step {
        Step::Told(Told { accepted, refused })
    }

    #[test]
    fn power_is_cut_only_after_a_decision() {
        let begin = |verdict| Killpower::begin(&verdict, "f", true, Some(MINUTE));
        check(begin(Verdict::NotSet), &[], &[Act::End(1)]);
        check(begin(Verdict::NotMagic), &[], &[Act::End(1)]);
        check(begin(Verdict::OtherBoot(armed())), &[], &[Act::End(1)]);
        check(begin(Verdict::Expired(armed())), &[], &[Act::End(1)]);
        check(begin(Verdict::Unreadable), &[], &[Act::End(1)]);
        check(begin(Verdict::Classic), &[], &[Act::Look]);
    }

    #[test]
    fn the_order_is_given_with_the_mains_back_too() {
        let begin = |wait| Killpower::begin(&Verdict::Armed(armed()), "f", true, wait);
        for mains in [Mains::Back, Mains::NotKnownBack] {
            let seen = Step::Looked(mains);
            check(
                begin(None),
                &[seen, told(2, 0)],
                &[Act::Look, Act::Cut, Act::End(0)],
            );
            check(
                begin(Some(MINUTE)),
                &[seen, told(1, 1), Step::Waited],
                &[
                    Act::Look,
                    Act::Cut,
                    Act::Wait(MINUTE),
                    Act::Reboot,
                    Act::End(0),
                ],
            );
        }
    }

    #[test]
    fn a_machine_that_nothing_will_cut_is_started_again_if_it_has_mains() {
        let begin = || Killpower::begin(&Verdict::Armed(armed()), "f", true, None);
        let rows = [
            (Mains::Back, told(0, 2), true),
            (Mains::Back, told(0, 0), true),
            (Mains::Back, told(1, 1), false),
            (Mains::NotKnownBack, told(0, 2), false),
        ];
        for (mains, told, reboots) in rows {
            let mut expected = vec![Act::Look, Act::Cut];
            expected.extend(reboots.then_some(Act::Reboot));
            expected.push(Act::End(1));
            check(begin(), &[Step::Looked(mains), told], &expected);
        }
    }

    #[test]
    fn a_machine_without_a_ups_of_its_own_only_waits() {
        let begin = |wait| Killpower::begin(&Verdict::Classic, "f", false, wait);
        check(begin(None), &[], &[Act::End(0)]);
        check(
            begin(Some(MINUTE)),
            &[told(1, 0), Step::Waited],
            &[Act::Wait(MINUTE), Act::Reboot, Act::End(0)],
        );
    }
}
