//! A Smart-UPS of the third generation, steered from outside while a driver talks to it.
//!
//! ```text
//! > Y    < SM                 until then, and after a restart, it hears nothing else
//! > Q    < 08                 status; ! $ % + are said unasked when it changes
//! > a    < 3.!$%+?=#|.^A^N^Z…  the letters below
//! > u    < 253
//! > -    < |OK                the next value of the last letter's list, written to the EEPROM
//! > @000 < OK                 and S, K K, Z Z: the output is off
//! ```
//!
//! Its ugly days are [`Fault`]s: a noisy line, half answers, a slow processor.

use super::{Device, Simulator};
use crate::random::Random;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes remembered for [`SmartUps::heard`]; once full, no more are.
const REMEMBERED: usize = 100_000;

/// Letters whose values can be set, and to what: an international unit.
const LISTS: &[(u8, &[&str])] = &[
    (b'u', &["253", "257", "261", "265"]),
    (b'l', &["208", "204", "200", "196"]),
    (b'e', &["00", "15", "50", "90"]),
    (b's', &["H", "M", "L"]),
    (b'q', &["02", "05", "07", "10"]),
    (b'p', &["020", "180", "300", "600"]),
    (b'k', &["0", "T", "L", "N"]),
    (b'r', &["000", "060", "180", "300"]),
    (b'E', &["336", "168", "ON ", "OFF"]),
];
/// What is said of that, other countries' values among it.
const CAPABILITIES: &str = "#uD43127130133136uI43253257261265lD43106103100097lI43208204200196e44200155090\
                            s441HMLLq44202050710p443020180300600k4410TLNr443000060180300E443336168ON OFF";
const LETTERS: &str =
    "3.!$%+?=#|.\x01\x0e\x1a')+-789@ABCDEFGKLMNOPQRSUVWXYZabcefgjklmnopqrsuxyz~\x7f";

/// What the UPS measures.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Whether there is mains.
    pub mains: bool,
    /// Whether the battery warns.
    pub low_battery: bool,
    /// Volt.
    pub input_voltage: f64,
    /// Percent.
    pub load: f64,
    /// Percent.
    pub charge: f64,
    /// Minutes.
    pub runtime: u32,
}

impl Default for State {
    fn default() -> Self {
        Self {
            mains: true,
            low_battery: false,
            input_voltage: 231.8,
            load: 23.4,
            charge: 100.0,
            runtime: 42,
        }
    }
}

/// What can be wrong with the unit or its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is answered.
    Silent,
    /// Every byte comes back.
    Echo,
    /// Answers stop in the middle.
    Half,
    /// One byte in so many is lost or becomes another, and alerts appear that nobody sent.
    Noise(usize),
    /// So many milliseconds pass before an answer.
    Slow(u64),
}

/// The simulated UPS on its pseudo-terminal; dropping it pulls the cable out.
#[derive(Debug)]
pub struct SmartUps {
    unit: Unit,
    simulator: Simulator,
}

impl SmartUps {
    /// Plugs a UPS in.
    pub fn start(state: State) -> io::Result<Self> {
        let unit = Unit(Arc::new(Mutex::new(Inner::new(state))));
        let simulator = Simulator::start(unit.clone())?;
        Ok(Self { unit, simulator })
    }

    /// What a driver opens.
    pub fn path(&self) -> &Path {
        self.simulator.path()
    }

    /// From now on the UPS measures this; what changes is told by alerts.
    pub fn set(&self, state: State) {
        self.unit.lock().set(state);
    }

    /// From now on this is wrong.
    pub fn fail(&self, fault: Option<Fault>) {
        self.unit.lock().fault = fault;
    }

    /// Switches the unit off and on again: it is out of smart mode and has forgotten what it was told half.
    pub fn restart(&self) {
        let mut inner = self.unit.lock();
        inner.smart = false;
        inner.writing = None;
        inner.due.clear();
    }

    /// Fails the mains in the middle of the next answer to this letter.
    pub fn fail_mains_while_answering(&self, letter: u8) {
        self.unit.lock().trap = Some(letter);
    }

    /// When the last alert was said.
    pub fn alerted(&self) -> Option<Instant> {
        self.unit.lock().alerted
    }

    /// Every byte so far.
    pub fn heard(&self) -> Vec<u8> {
        self.unit.lock().heard.clone()
    }

    /// How often the EEPROM was written.
    pub fn writes(&self) -> u32 {
        self.unit.lock().writes
    }

    /// Whether the output was switched off.
    pub fn is_off(&self) -> bool {
        self.unit.lock().off
    }
}

#[derive(Clone, Debug)]
struct Unit(Arc<Mutex<Inner>>);

impl Unit {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Inner {
    state: State,
    fault: Option<Fault>,
    smart: bool,
    off: bool,
    /// The letter asked last, whose value a `-` changes.
    selected: u8,
    /// Bytes that belong to the command before, and how many it takes.
    writing: Option<(u8, Vec<u8>, usize)>,
    /// Which value of its list each letter has.
    chosen: Vec<usize>,
    id: String,
    date: String,
    writes: u32,
    heard: Vec<u8>,
    /// What is to be said, and when.
    due: VecDeque<(Instant, Vec<u8>)>,
    alerted: Option<Instant>,
    trap: Option<u8>,
    random: Random,
}

impl Inner {
    fn new(state: State) -> Self {
        Self {
            state,
            fault: None,
            smart: false,
            off: false,
            selected: 0,
            writing: None,
            chosen: vec![0; LISTS.len()],
            id: "UPS_IDEN".to_owned(),
            date: "11/17/98".to_owned(),
            writes: 0,
            heard: Vec::new(),
            due: VecDeque::new(),
            alerted: None,
            trap: None,
            random: Random::new(20),
        }
    }

    fn set(&mut self, state: State) {
        let mut alerts = Vec::new();
        if self.state.mains != state.mains {
            alerts.push(if state.mains { b'$' } else { b'!' });
        }
        if self.state.low_battery != state.low_battery {
            alerts.push(if state.low_battery { b'%' } else { b'+' });
        }
        self.state = state;
        let is_heard =
            self.smart && self.fault != Some(Fault::Silent) && self.fault != Some(Fault::Half);
        if is_heard && !alerts.is_empty() {
            self.due.push_back((Instant::now(), alerts));
        }
    }

    fn status(&self) -> u8 {
        let line = if self.state.mains { 0x08 } else { 0x10 };
        line | if self.state.low_battery { 0x40 } else { 0 }
    }

    fn hear(&mut self, byte: u8) -> Option<Vec<u8>> {
        if self.heard.len() < REMEMBERED {
            self.heard.push(byte);
        }
        match self.fault {
            Some(Fault::Silent) => return None,
            Some(Fault::Echo) => return Some(vec![byte]),
            _ => {}
        }
        if !self.smart && byte != b'Y' {
            return None;
        }
        let mut said = self.reply(byte)?.into_bytes();
        said.extend(b"\r\n");
        if self.trap == Some(byte) {
            self.trap = None;
            self.state.mains = false;
            self.state.input_voltage = 0.0;
            said.insert(2, b'!');
            self.alerted = Some(Instant::now());
        }
        match self.fault {
            Some(Fault::Half) => said.truncate(said.len() / 2),
            Some(Fault::Noise(often)) => said = self.noisy(said, often),
            Some(Fault::Slow(ms)) => {
                let last = self.due.back().map_or_else(Instant::now, |(at, _)| *at);
                self.due
                    .push_back((last.max(Instant::now()) + Duration::from_millis(ms), said));
                return None;
            }
            _ => {}
        }
        Some(said)
    }

    /// Bytes lost, other ones, and alerts in between.
    fn noisy(&mut self, said: Vec<u8>, often: usize) -> Vec<u8> {
        let mut heard = Vec::new();
        for byte in said {
            if !self.random.one_in(often) {
                heard.push(byte);
                continue;
            }
            match self.random.below(4) {
                0 => {}
                1 => heard.push(byte ^ (1 << self.random.below(8))),
                2 => heard.extend([byte, *b"!%#$".get(self.random.below(4)).unwrap_or(&b'!')]),
                _ => heard.push(self.random.below(256) as u8),
            }
        }
        heard
    }

    fn reply(&mut self, byte: u8) -> Option<String> {
        if let Some((command, mut bytes, wanted)) = self.writing.take() {
            bytes.push(byte);
            if bytes.len() < wanted {
                self.writing = Some((command, bytes, wanted));
                return None;
            }
            return self.finish(command, &bytes);
        }
        let text = match byte {
            b'Y' => {
                self.smart = true;
                "SM".to_owned()
            }
            b'R' => {
                self.smart = false;
                "BYE".to_owned()
            }
            b'-' => return self.step(),
            b'S' if self.state.mains => "NO".to_owned(),
            b'S' => {
                self.off = true;
                "OK".to_owned()
            }
            b'@' => {
                self.writing = Some((byte, Vec::new(), 3));
                return None;
            }
            b'K' | b'Z' | 0x0e => {
                self.writing = Some((byte, Vec::new(), 1));
                return None;
            }
            b'A' | b'D' | b'U' | b'W' => "OK".to_owned(),
            _ => self.value(byte),
        };
        self.selected = byte;
        Some(text)
    }

    /// A command of several bytes is over.
    fn finish(&mut self, command: u8, bytes: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(bytes).trim_end().to_owned();
        match command {
            b'c' => self.id = text,
            b'x' => self.date = text,
            b'@' if text.bytes().all(|byte| byte.is_ascii_digit()) => self.off = true,
            b'K' if bytes == b"K" => self.off = true,
            b'Z' if bytes == b"Z" => {
                self.off = true;
                return None;
            }
            0x0e if bytes == b"\x0e" => {
                self.off = false;
                return None;
            }
            _ => return Some("NA".to_owned()),
        }
        if matches!(command, b'c' | b'x') {
            self.writes += 1;
            return Some("|OK".to_owned());
        }
        Some("OK".to_owned())
    }

    fn step(&mut self) -> Option<String> {
        if matches!(self.selected, b'c' | b'x') {
            self.writing = Some((self.selected, Vec::new(), 8));
            return None;
        }
        let Some(at) = LISTS
            .iter()
            .position(|(letter, _)| *letter == self.selected)
        else {
            return Some("NO".to_owned());
        };
        let length = LISTS.get(at).map_or(1, |(_, list)| list.len());
        if let Some(chosen) = self.chosen.get_mut(at) {
            *chosen = (*chosen + 1) % length;
            self.writes += 1;
        }
        Some("|OK".to_owned())
    }

    fn value(&self, letter: u8) -> String {
        let listed = LISTS
            .iter()
            .zip(&self.chosen)
            .find(|((known, _), _)| *known == letter);
        if let Some(((_, list), chosen)) = listed {
            return list.get(*chosen).copied().unwrap_or("NA").to_owned();
        }
        let fixed = match letter {
            0x01 => "SMART-UPS 700   ",
            0x1a => CAPABILITIES,
            b'9' => "FF",
            b'C' => "029.2",
            b'F' => "50.00",
            b'G' => "O",
            b'M' => "236.1",
            b'N' => "228.9",
            b'V' => "DWI",
            b'X' => "OK",
            b'a' => LETTERS,
            b'b' => "21.3.I",
            b'g' => "024",
            b'm' => "11/17/98",
            b'n' => "NS9847001053\0\0",
            b'o' => "230",
            b'y' => "(C) APCC",
            _ => "",
        };
        match letter {
            b'B' => format!("{:05.2}", 20.0 + self.state.charge * 0.076),
            b'L' => format!("{:05.1}", self.state.input_voltage),
            b'O' => "231.8".to_owned(),
            b'P' => format!("{:05.1}", self.state.load),
            b'Q' => format!("{:02X}", self.status()),
            b'c' => format!("{:<8}", self.id),
            b'f' => format!("{:05.1}", self.state.charge),
            b'j' => format!("{:04}:", self.state.runtime),
            b'x' => format!("{:<8}", self.date),
            _ if fixed.is_empty() => "NA".to_owned(),
            _ => fixed.to_owned(),
        }
    }
}

impl Device for Unit {
    fn is_whole(&self, _bytes: &[u8]) -> bool {
        true
    }

    /// A carriage return fills up a text, and was taken for the end of a command.
    fn answer(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        self.lock().hear(command.first().copied().unwrap_or(b'\r'))
    }

    fn unasked(&mut self) -> Option<Vec<u8>> {
        let mut inner = self.lock();
        inner.due.front().filter(|(at, _)| *at <= Instant::now())?;
        let (_, said) = inner.due.pop_front()?;
        if said.iter().all(|byte| b"!$%+".contains(byte)) {
            inner.alerted = Some(Instant::now());
        }
        Some(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(inner: &mut Inner, bytes: &[u8]) -> String {
        let said: Vec<u8> = bytes
            .iter()
            .filter_map(|byte| inner.hear(*byte))
            .flatten()
            .collect();
        String::from_utf8_lossy(&said).into_owned()
    }

    #[test]
    fn it_speaks_like_a_smart_ups() {
        let mut ups = Inner::new(State::default());
        assert_eq!(say(&mut ups, b"Q\x1bY"), "SM\r\n", "dumb until then");
        assert_eq!(say(&mut ups, b"QLf"), "08\r\n231.8\r\n100.0\r\n");
        assert_eq!(say(&mut ups, b"u-u"), "253\r\n|OK\r\n257\r\n");
        assert_eq!(
            say(&mut ups, b"Q-"),
            "08\r\nNO\r\n",
            "a step belongs to the letter before"
        );
        assert_eq!(
            say(&mut ups, b"c-rack3\r\r\rc"),
            "UPS_IDEN\r\n|OK\r\nrack3   \r\n"
        );
        assert_eq!(ups.writes, 2);
        ups.set(State {
            mains: false,
            low_battery: true,
            ..State::default()
        });
        assert_eq!(
            ups.due.pop_front().map(|(_, said)| said).as_deref(),
            Some(&b"!%"[..])
        );
        assert_eq!(say(&mut ups, b"Q"), "50\r\n");
        assert_eq!(say(&mut ups, b"@x00"), "NA\r\n");
        assert!(!ups.off);
        assert_eq!(say(&mut ups, b"@000"), "OK\r\n");
        assert!(ups.off);
    }

    #[test]
    fn its_faults_are_told_apart() {
        let mut ups = Inner::new(State::default());
        say(&mut ups, b"Y");
        ups.fault = Some(Fault::Half);
        assert_eq!(say(&mut ups, b"L"), "231");
        ups.fault = Some(Fault::Echo);
        assert_eq!(say(&mut ups, b"L"), "L");
        ups.fault = Some(Fault::Slow(5));
        assert_eq!(say(&mut ups, b"L"), "");
        assert_eq!(ups.due.len(), 1);
        ups.fault = Some(Fault::Noise(3));
        let heard: Vec<String> = (0..20).map(|_| say(&mut ups, b"L")).collect();
        assert!(heard.iter().any(|heard| heard != "231.8\r\n"));
        ups.fault = None;
        ups.trap = Some(b'L');
        assert_eq!(say(&mut ups, b"LQ"), "23!1.8\r\n10\r\n");
    }
}
