//! Outlets that a PowerMan daemon (powermand) switches, TCP port 10101: every power controller that PowerMan knows.
//!
//! ```text
//! < 001 2.3.27\r\npowerman>                          a greeting, then the prompt, which no line end follows
//! > exprange\r\n                                     one line per node from now on
//! < 105 Hostrange expansion ON\r\npowerman>
//! > nodes\r\n                                        which nodes are there?
//! < 307 t0\r\n307 t1\r\n103 Query complete\r\npowerman>
//! > status\r\n                                       which of them have power?
//! < 303 t0: on\r\n303 t1: off\r\n103 Query complete\r\npowerman>
//! > cycle t1\r\n                                     answered when it is done, seconds later
//! < 102 Command completed successfully\r\npowerman>
//! ```
//!
//! Nodes are outlets, numbered from 1 in the order of `nodes`. A number stays with its node for as long as the driver runs,
//! whatever becomes of the list: a command must not hit another machine because the daemon was configured anew.
//!
//! Refuses to repeat a command of which it does not know whether it was carried out, and to send one for a node whose name
//! PowerMan would take for several.
//!
//! Standard: the manual of PowerMan 2.3, `powerman(1)`, and the texts its daemon prints; codes of 1xx are success, 2xx are not.

mod hardware;
mod link;

use husk_driver::host::{self, Level};
use husk_driver::{
    About, Cmd, Driver, Error, Hardware, Parameter, Report, Settings, Stream, Wake, cmd, log, var,
};
use link::{Answer, Link};

/// Outlets of one section: with five variables each as many as a device may report. `nodes` chooses among more.
const OUTLETS: usize = 100;
/// Milliseconds for a poll with all its questions: below the ten seconds it may take. The daemon waits five for a controller.
const POLL: u64 = 9_000;
/// Milliseconds for a command: below the fifteen seconds it may take. Controllers take seconds to cycle an outlet.
const COMMAND: u64 = 14_000;

/// The outlets of one daemon.
pub struct Powerman {
    link: Link,
    /// PowerMan's list of the nodes to serve; none: all.
    wanted: Option<String>,
    /// The node of each outlet; outlet 1 first.
    nodes: Vec<String>,
}

impl Driver for Powerman {
    const ABOUT: About = About {
        name: "powerman-pdu",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "PowerMan over TCP",
        aliases: &[],
        parameters: &[Parameter::value(
            "nodes",
            "the nodes that are outlets here, as PowerMan lists them: rack1-[1-24]; all when left out",
        )],
        dangerous: &[
            "outlet.#.load.off",
            "outlet.#.load.on",
            "outlet.#.load.cycle",
        ],
    };

    const HARDWARE: &'static [Hardware] = hardware::HARDWARE;

    type Port = Stream;

    /// Registered with IANA.
    fn stream_port() -> Option<u16> {
        Some(10101)
    }

    fn open(port: Stream, settings: &Settings, _state: Option<&[u8]>) -> Result<Self, Error> {
        let list = |text: &str| -> Option<String> {
            let fit = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            fit.then(|| text.to_owned())
        };
        let expected = || "a list of nodes without blanks, such as rack1-[1-24]".to_owned();
        let wanted = settings.parsed("nodes", list, expected)?;
        let mut driver = Self {
            link: Link::new(port),
            wanted,
            nodes: Vec::new(),
        };
        let states = driver.states(host::now_ms().saturating_add(POLL))?;
        if states.is_empty() {
            return Err(Error::NotMine(
                "the PowerMan daemon there has no nodes".to_owned(),
            ));
        }
        Ok(driver)
    }

    fn poll(&mut self, _why: Wake) -> Result<Report, Error> {
        let states = self.states(host::now_ms().saturating_add(POLL))?;
        let mut report = Report::new();
        report.set(var::DEVICE_TYPE, "pdu");
        report.set(var::UPS_MFR, "Powerman");
        report.set(var::UPS_MODEL, "unknown PDU");
        for (number, node) in (1..).zip(&self.nodes) {
            let Some((_, state)) = states.iter().find(|(known, _)| known == node) else {
                continue;
            };
            let name = |variable| var::of_outlet(variable, number);
            report.set(name(var::OUTLET_ID), number);
            report.set(name(var::OUTLET_DESC), node.as_str());
            report.set(name(var::OUTLET_SWITCHABLE), "yes");
            report.set(name(var::OUTLET_STATUS), state.word());
            if *state != State::Unknown {
                report
                    .set(name(var::OUTLET_SWITCH), state.word())
                    .writable()
                    .choices(["on", "off"]);
            }
            for (command, _) in VERBS {
                report.command(cmd::of_outlet(*command, number));
            }
        }
        report.set(var::OUTLET_COUNT, states.len() as u64);
        Ok(report)
    }

    fn command(&mut self, name: &str, _value: Option<&str>) -> Result<(), Error> {
        let (number, command) = outlet(name).ok_or(Error::Unsupported)?;
        let verb = VERBS.iter().find(|(known, _)| known.as_str() == command);
        let (_, verb) = verb.ok_or(Error::Unsupported)?;
        self.switch(number, verb)
    }

    fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        match (outlet(variable), value) {
            (Some((number, "switch")), "on" | "off") => self.switch(number, value),
            (Some((_, "switch")), _) => Err(Error::InvalidArgument("on or off".to_owned())),
            _ => Err(Error::Unsupported),
        }
    }

    /// Which outlets feed what is to go down, nobody has said.
    fn shutdown(&mut self) -> Result<(), Error> {
        Err(Error::Unsupported)
    }
}

/// Commands of an outlet and what they are called there.
static VERBS: &[(Cmd, &str)] = &[
    (cmd::LOAD_OFF, "off"),
    (cmd::LOAD_ON, "on"),
    (cmd::LOAD_CYCLE, "cycle"),
];

/// Whether a node has power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    On,
    Off,
    /// Its controller does not answer the daemon.
    Unknown,
}

impl State {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "on" => Self::On,
            "off" => Self::Off,
            "unknown" => Self::Unknown,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Unknown => "unknown",
        }
    }
}

/// `outlet.3.load.off` is outlet 3 and `load.off`.
fn outlet(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.strip_prefix("outlet.")?.split_once('.')?;
    let number = husk_driver::wire::line::whole(number)?;
    Some((usize::try_from(number).ok()?, rest))
}

impl Powerman {
    /// Asks for all nodes; a new session may know others than the last.
    fn states(&mut self, until: u64) -> Result<Vec<(String, State)>, Error> {
        let question = match &self.wanted {
            Some(nodes) => format!("status {nodes}"),
            None => "status".to_owned(),
        };
        let answer = self.link.query(&question, until)?;
        // 211 is the same with nodes whose controllers do not answer: they are unknown.
        if !answer.is_success() && answer.code != link::COMPLETE_WITH_ERRORS {
            return Err(Error::Failed(answer.reason()));
        }
        let mut states = Vec::new();
        for line in answer.lines(link::STATE) {
            let node = line.rsplit_once(": ");
            let node = node.and_then(|(node, state)| Some((node, State::read(state)?)));
            let (node, state) =
                node.ok_or_else(|| Error::Protocol(format!("the state of a node: {line:?}")))?;
            if answer.first {
                self.number(node);
            }
            if self.nodes.iter().any(|known| known == node) {
                states.push((node.to_owned(), state));
            }
        }
        Ok(states)
    }

    /// Gives a node that has none the next number.
    fn number(&mut self, node: &str) {
        if self.nodes.iter().any(|known| known == node) {
            return;
        }
        // What PowerMan would read as a list of nodes may not become the argument of a command.
        let one = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        if node.is_empty() || !node.bytes().all(one) {
            log!(
                Level::Warn,
                "the node {node:?} is left out: its name could mean several"
            );
        } else if self.nodes.len() == OUTLETS {
            log!(
                Level::Warn,
                "the node {node} and perhaps more are left out: a section serves {OUTLETS}; choose them with `nodes`"
            );
        } else {
            self.nodes.push(node.to_owned());
        }
    }

    fn switch(&mut self, outlet: usize, verb: &str) -> Result<(), Error> {
        let until = host::now_ms().saturating_add(COMMAND);
        let node = outlet.checked_sub(1).and_then(|at| self.nodes.get(at));
        let node = node.ok_or(Error::Unsupported)?.clone();
        // Sees to a session that works, because the command itself is not repeated, and to the node being there still.
        let answer = self.link.query(&format!("status {node}"), until)?;
        if !answer.is_success() && answer.code != link::COMPLETE_WITH_ERRORS {
            return Err(Error::Failed(answer.reason()));
        }
        let answer: Answer = self.link.once(&format!("{verb} {node}"), until)?;
        match answer.is_success() {
            true => Ok(()),
            false => Err(Error::Failed(answer.reason())),
        }
    }
}

husk_driver::export!(Powerman);
