//! A UPS that speaks Megatec's Q1 protocol, steered from outside while a driver talks to it.
//!
//! ```text
//! > Q1   < (230.1 230.1 230.4 017 50.0 27.3 25.0 00001001     volts in, fault, out; load %; Hz; battery V; °C; bits
//! > F    < #230.0 004 024.0 50.0                               ratings: V, A, battery V, Hz
//! > I    < #Husk            Sim 1500   V1.0                    maker 15, model 10, firmware 10 characters
//! > Q    (no answer)                                           beeper on or off
//! > S02R0003, C, T, CT … (no answer)                           shutdown, cancel, test, stop test
//! > anything else: echoed, which means "not understood"
//! ```

use super::{Device, Simulator};
use crate::random::Random;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Commands remembered for [`Megatec::heard`]; once full, no more are.
const REMEMBERED: usize = 100_000;

/// What the UPS measures.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Whether there is mains.
    pub mains: bool,
    /// Whether the battery warns.
    pub low_battery: bool,
    /// Volt.
    pub input_voltage: f64,
    /// Volt.
    pub output_voltage: f64,
    /// Percent.
    pub load: u8,
    /// Hertz.
    pub frequency: f64,
    /// Volt; the protocol has room for one decimal.
    pub battery_voltage: f64,
    /// Degrees Celsius.
    pub temperature: f64,
    /// Whether the beeper is on.
    pub beeper: bool,
    /// Whether a battery test runs.
    pub testing: bool,
    /// Whether a shutdown was ordered.
    pub shutting_down: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            mains: true,
            low_battery: false,
            input_voltage: 230.1,
            output_voltage: 230.4,
            load: 17,
            frequency: 50.0,
            battery_voltage: 27.3,
            temperature: 25.0,
            beeper: true,
            testing: false,
            shutting_down: false,
        }
    }
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Everything is heard and nothing answered, as behind a pulled cable.
    Silent,
    /// Every command comes back as it was sent.
    Echo,
    /// Answers end in the middle, with their CR.
    Short,
    /// Some digits and blanks of an answer arrive as other bytes.
    Garbled,
    /// A day on which anything happens to an answer, as the numbers of this seed have it; see [`Mishap`].
    Ugly(u64),
}

/// What happens to one answer on an ugly day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// One bit of one byte falls over.
    Bit,
    /// One byte becomes any other.
    Byte,
    /// One byte is lost.
    Lost,
    /// A byte comes in between.
    Extra,
    /// The answer ends in the middle, with its CR or without.
    Half,
    /// Two halves of two answers are joined: the unit was restarted while it spoke.
    Restart,
    /// It comes after most of a second.
    Slow,
    /// Noise without an end precedes it.
    Noise,
    /// It does not come.
    Silence,
    /// The command comes back instead.
    Echo,
}

/// The simulated UPS on its pseudo-terminal; dropping it pulls the cable out.
#[derive(Debug)]
pub struct Megatec {
    unit: Unit,
    simulator: Simulator,
}

impl Megatec {
    /// Plugs a UPS in.
    pub fn start(state: State) -> io::Result<Self> {
        let unit = Unit::default();
        unit.lock().state = state;
        let simulator = Simulator::start(unit.clone())?;
        Ok(Self { unit, simulator })
    }

    /// What a driver opens.
    pub fn path(&self) -> &Path {
        self.simulator.path()
    }

    /// From now on the UPS measures this.
    pub fn set(&mut self, state: State) {
        self.unit.lock().state = state;
    }

    /// From now on the line has this fault.
    pub fn fail(&mut self, fault: Option<Fault>) {
        let mut inner = self.unit.lock();
        inner.dice = match fault {
            Some(Fault::Ugly(seed)) => Some(Random::new(seed)),
            _ => None,
        };
        inner.fault = fault;
    }

    /// Every command so far, oldest first, without its CR.
    pub fn heard(&self) -> Vec<String> {
        self.unit.lock().heard.clone()
    }

    /// How many answers of the ugly day met with each mishap, in the order of [`MISHAPS`].
    pub fn mishaps(&self) -> [u32; MISHAPS.len()] {
        self.unit.lock().mishaps
    }

    /// How often a driver opened the line.
    pub fn opens(&self) -> u32 {
        self.simulator.opens()
    }
}

#[derive(Clone, Debug, Default)]
struct Unit(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    state: State,
    fault: Option<Fault>,
    heard: Vec<String>,
    dice: Option<Random>,
    mishaps: [u32; MISHAPS.len()],
}

impl Unit {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for Unit {
    fn answer(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let mut inner = self.lock();
        let command = String::from_utf8_lossy(command).into_owned();
        if inner.heard.len() < REMEMBERED {
            inner.heard.push(command.clone());
        }
        let mut reply = match inner.fault {
            Some(Fault::Silent) => return None,
            Some(Fault::Echo) => command.into_bytes(),
            Some(Fault::Ugly(_)) => return inner.mishandled(command),
            _ => inner.state.reply(&command)?.into_bytes(),
        };
        match inner.fault {
            Some(Fault::Short) => reply.truncate(reply.len() / 2),
            Some(Fault::Garbled) => reply.iter_mut().step_by(3).for_each(|byte| *byte ^= 0x47),
            _ => {}
        }
        reply.push(b'\r');
        Some(reply)
    }
}

/// Every mishap; more than half of the answers of an ugly day come as they should.
pub const MISHAPS: [Mishap; 11] = [
    Mishap::None,
    Mishap::Bit,
    Mishap::Byte,
    Mishap::Lost,
    Mishap::Extra,
    Mishap::Half,
    Mishap::Restart,
    Mishap::Slow,
    Mishap::Noise,
    Mishap::Silence,
    Mishap::Echo,
];
/// Most of the second a driver waits.
const SLOW: Duration = Duration::from_millis(700);

impl Inner {
    /// The answer to a command on an ugly day, CR and all.
    fn mishandled(&mut self, command: String) -> Option<Vec<u8>> {
        let reply = self.state.reply(&command);
        let mut dice = self.dice.take().unwrap_or_else(|| Random::new(0));
        let drawn = if dice.one_in(2) {
            0
        } else {
            dice.below(MISHAPS.len())
        };
        if let Some(count) = self.mishaps.get_mut(drawn) {
            *count += 1;
        }
        let reply = reply.map(|reply| format!("{reply}\r").into_bytes());
        let mishap = MISHAPS.get(drawn).copied().unwrap_or(Mishap::None);
        let reply = reply.and_then(|reply| mishap.befall(reply, command, &mut dice));
        self.dice = Some(dice);
        reply
    }
}

impl Mishap {
    /// What becomes of an answer.
    fn befall(self, mut reply: Vec<u8>, command: String, dice: &mut Random) -> Option<Vec<u8>> {
        let at = dice.below(reply.len());
        match self {
            Self::None => {}
            Self::Bit => change(&mut reply, at, |byte| byte ^ (1 << dice.below(8))),
            Self::Byte => change(&mut reply, at, |_| dice.below(256) as u8),
            Self::Lost => drop(reply.remove(at)),
            Self::Extra => reply.insert(at, dice.below(256) as u8),
            Self::Half => {
                reply.truncate(at);
                if dice.one_in(2) {
                    reply.push(b'\r');
                }
            }
            Self::Restart => {
                let whole = reply.clone();
                reply.truncate(at);
                reply.extend(whole);
            }
            Self::Slow => std::thread::sleep(SLOW),
            Self::Noise => {
                let noise: Vec<u8> = (0..dice.below(60)).map(|_| dice.below(256) as u8).collect();
                reply.splice(0..0, noise);
            }
            Self::Silence => return None,
            Self::Echo => reply = format!("{command}\r").into_bytes(),
        }
        Some(reply)
    }
}

fn change(reply: &mut [u8], at: usize, change: impl FnOnce(u8) -> u8) {
    if let Some(byte) = reply.get_mut(at) {
        *byte = change(*byte);
    }
}

impl State {
    /// The answer to one command, without its CR.
    pub(crate) fn reply(&mut self, command: &str) -> Option<String> {
        match command {
            "Q1" => return Some(self.status()),
            "F" => return Some("#230.0 004 024.0 50.0".to_owned()),
            "I" => return Some(format!("#{:<15} {:<10} {:<10}", "Husk", "Sim 1500", "V1.0")),
            "Q" => self.beeper = !self.beeper,
            "CT" => self.testing = false,
            "C" => self.shutting_down = false,
            _ if command.starts_with('S') => self.shutting_down = true,
            _ if command.starts_with('T') => self.testing = true,
            unknown => return Some(unknown.to_owned()),
        }
        None
    }

    /// Bits from the left: mains failed, battery low, bypass, failed, standby type, testing, shutting down, beeper.
    fn status(&self) -> String {
        let bit = u8::from;
        format!(
            "({:05.1} {:05.1} {:05.1} {:03} {:04.1} {:04.1} {:04.1} {}{}001{}{}{}",
            self.input_voltage,
            self.input_voltage,
            self.output_voltage,
            self.load,
            self.frequency,
            self.battery_voltage,
            self.temperature,
            bit(!self.mains),
            bit(self.low_battery),
            bit(self.testing),
            bit(self.shutting_down),
            bit(self.beeper),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    fn line(file: &mut std::fs::File, command: &str) -> String {
        file.write_all(format!("{command}\r").as_bytes()).unwrap();
        let (mut reply, mut byte) = (String::new(), [0]);
        loop {
            file.read_exact(&mut byte).unwrap();
            if byte[0] == b'\r' {
                return reply;
            }
            reply.push(char::from(byte[0]));
        }
    }

    #[test]
    fn answers_over_the_line_look_like_a_megatec_unit() {
        let mut ups = Megatec::start(State::default()).unwrap();
        assert_eq!(ups.opens(), 0);
        let mut port = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(ups.path())
            .unwrap();
        assert_eq!(
            line(&mut port, "Q1"),
            "(230.1 230.1 230.4 017 50.0 27.3 25.0 00001001"
        );
        assert_eq!(line(&mut port, "F"), "#230.0 004 024.0 50.0");
        assert_eq!(line(&mut port, "I").len(), 1 + 15 + 1 + 10 + 1 + 10);
        ups.set(State {
            mains: false,
            low_battery: true,
            input_voltage: 0.0,
            ..State::default()
        });
        port.write_all(b"Q\r").unwrap();
        assert_eq!(
            line(&mut port, "Q1"),
            "(000.0 000.0 230.4 017 50.0 27.3 25.0 11001000"
        );
        assert_eq!(line(&mut port, "QPI"), "QPI");
        assert_eq!(ups.heard(), ["Q1", "F", "I", "Q", "Q1", "QPI"]);
        ups.fail(Some(Fault::Short));
        assert_eq!(line(&mut port, "F"), "#230.0 004");
        ups.fail(Some(Fault::Garbled));
        assert_eq!(line(&mut port, "F").len(), "#230.0 004 024.0 50.0".len());
        assert_eq!(ups.opens(), 1);
    }

    #[test]
    fn an_ugly_day_is_the_same_each_time_and_has_all_of_it() {
        let day = |seed| {
            let mut inner = Inner {
                dice: Some(Random::new(seed)),
                ..Inner::default()
            };
            let drawn: Vec<_> = (0..40).map(|_| inner.mishandled("F".to_owned())).collect();
            (drawn, inner.mishaps)
        };
        assert_eq!(day(7), day(7));
        assert_ne!(day(7).0, day(8).0);
        let (drawn, mishaps) = day(7);
        assert!(drawn.contains(&Some(b"#230.0 004 024.0 50.0\r".to_vec())));
        assert!(mishaps[0] > 10, "{mishaps:?}");
    }

    #[test]
    fn openings_are_counted_and_dropping_it_hangs_up() {
        let ups = Megatec::start(State::default()).unwrap();
        let open = || std::fs::File::open(ups.path()).unwrap();
        for _ in 0..3 {
            let mut port = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(ups.path())
                .unwrap();
            line(&mut port, "Q1");
        }
        assert_eq!(ups.opens(), 3);
        let mut port = open();
        drop(ups);
        assert!(matches!(port.read(&mut [0]), Ok(0) | Err(_)));
    }
}
