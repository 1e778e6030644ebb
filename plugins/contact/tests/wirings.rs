//! Every wiring with every level of its inputs, beside what the incumbent does with the same; and what cannot be said in a
//! trace: the break, lines held and kept, a port that fails.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use husk_driver::host::{self, Level};
use husk_driver::{
    Deadline, Direction, Driver, Error, Inputs, IoError, Outputs, Report, Serial, SerialBackend,
    Settings, Wake,
};
use husk_plugin_contact::Contact;
use std::cell::RefCell;
use std::rc::Rc;

/// A port with lines and nothing else.
#[derive(Default)]
struct Port {
    inputs: Inputs,
    /// What was done to it.
    done: Vec<String>,
    /// What reading the lines fails with.
    broken: Option<IoError>,
    /// As a pseudo-terminal.
    without_lines: bool,
}

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Port>>);

impl SerialBackend for Shared {
    fn write(&mut self, _: &[u8], _: u32, _: Deadline) -> Result<(), IoError> {
        panic!("a contact-closure UPS is sent nothing");
    }

    fn read(&mut self, _: u32, _: Deadline) -> Result<Vec<u8>, IoError> {
        panic!("a contact-closure UPS says nothing");
    }

    fn discard(&mut self, _: Direction) -> Result<(), IoError> {
        Ok(())
    }

    fn set_lines(&mut self, lines: Outputs) -> Result<(), IoError> {
        let mut port = self.0.borrow_mut();
        if port.without_lines {
            return Err(IoError::Unsupported);
        }
        port.done.push(named(lines));
        Ok(())
    }

    fn get_lines(&mut self) -> Result<Inputs, IoError> {
        let port = self.0.borrow();
        port.broken.clone().map_or(Ok(port.inputs), Err)
    }

    fn send_break(&mut self, ms: u32) -> Result<(), IoError> {
        self.0.borrow_mut().done.push(format!("BREAK {ms}"));
        Ok(())
    }

    fn keep_on_close(&mut self, keep: bool) -> Result<(), IoError> {
        self.0.borrow_mut().done.push(format!("keep {keep}"));
        Ok(())
    }
}

impl Shared {
    fn open(&self, settings: &[(&str, &str)]) -> Result<Contact, Error> {
        let settings = Settings::new(settings.iter().copied());
        Contact::open(Serial::new(self.clone()), &settings, None)
    }

    fn done(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().done)
    }
}

fn named(lines: Outputs) -> String {
    let names = [(lines.dtr, "DTR"), (lines.rts, "RTS")];
    let on: Vec<&str> = names
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| *name)
        .collect();
    if on.is_empty() {
        "none".to_owned()
    } else {
        on.join("+")
    }
}

fn level(number: u8) -> Inputs {
    let is = |bit: u8| number & bit != 0;
    Inputs {
        cts: is(1),
        dsr: is(2),
        dcd: is(4),
        ri: is(8),
    }
}

fn status(report: &Report) -> String {
    report.status_words().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_wiring_says_what_the_incumbent_says() {
    let mut compared = 0;
    for line in include_str!("incumbent.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let columns: Vec<&str> = line.split('|').collect();
        let [upstype, maker, model, power, off] = columns[..5] else {
            panic!("{line}")
        };
        let settings = [("upstype", upstype)];
        for (number, wanted) in columns[5..].iter().enumerate() {
            let port = Shared::default();
            port.0.borrow_mut().inputs = level(u8::try_from(number).unwrap());
            let mut driver = port.open(&settings).unwrap();
            assert_eq!(port.done(), ["keep true", power], "type {upstype}");
            let before = host::now_ms();
            let outcome = driver.poll(Wake::Interval);
            let critical = wanted.contains("LB OB");
            assert_eq!(host::now_ms() - before, if critical { 1000 } else { 0 });
            // The one difference: an unplugged cable is none of it.
            if *wanted == "LB OB RB BYPASS" {
                assert!(matches!(outcome, Err(Error::Protocol(_))), "{outcome:?}");
                continue;
            }
            let report = outcome.unwrap();
            assert_eq!(status(&report), *wanted, "type {upstype}, level {number}");
            assert_eq!(report.value("ups.mfr"), Some(maker));
            assert_eq!(report.value("ups.model"), Some(model));
            compared += 1;
        }
        let port = Shared::default();
        let mut driver = port.open(&settings).unwrap();
        drop(port.done());
        match off {
            "unknown" => {
                let error = driver.shutdown().unwrap_err().to_string();
                assert!(error.contains("set SD"), "{error}");
            }
            "BREAK" => {
                driver.shutdown().unwrap();
                assert_eq!(port.done(), ["BREAK 5000"], "type {upstype}");
            }
            lines => {
                driver.shutdown().unwrap();
                assert_eq!(port.done(), [lines], "type {upstype}");
            }
        }
    }
    assert_eq!(compared, 24 * 16 - 1);
}

#[test]
fn what_the_section_says_goes_before_the_wiring() {
    let port = Shared::default();
    let settings = [
        ("upstype", "3"),
        ("CP", "RTS"),
        ("OL", "NULL"),
        ("LB", "-DCD CTS"),
        ("RB", "RNG"),
        ("SD", "-RTS"),
        ("sdtime", "7"),
    ];
    let mut driver = port.open(&settings).unwrap();
    assert_eq!(port.done(), ["keep true", "RTS"]);
    for number in 0..16 {
        port.0.borrow_mut().inputs = level(number);
        let low = number & 0b101 == 0b001;
        let wanted = format!(
            "{}OL{}",
            if low { "LB " } else { "" },
            if number & 8 != 0 { " RB" } else { "" }
        );
        assert_eq!(
            status(&driver.poll(Wake::Interval).unwrap()),
            wanted,
            "{number}"
        );
    }
    let before = host::now_ms();
    driver.shutdown().unwrap();
    assert_eq!(port.done(), ["none"]);
    assert_eq!(host::now_ms() - before, 7000, "held");
}

#[test]
fn a_port_that_cannot_be_read_is_opened_anew() {
    for broken in [
        IoError::Timeout,
        IoError::Disconnected,
        IoError::Other("EIO".to_owned()),
    ] {
        let port = Shared::default();
        let mut driver = port.open(&[("upstype", "3")]).unwrap();
        assert!(driver.poll(Wake::Interval).is_ok());
        port.0.borrow_mut().broken = Some(broken);
        drop(host::native::take_log());
        assert_eq!(driver.poll(Wake::Interval).unwrap_err(), Error::Lost);
        let log = host::native::take_log();
        assert!(
            log.iter()
                .any(|(level, text)| *level == Level::Warn && text.contains("cannot be read"))
        );
        // The host opens it again, and lines and power are set as at the first time.
        port.0.borrow_mut().broken = None;
        drop(port.done());
        let mut again = port.open(&[("upstype", "3")]).unwrap();
        assert_eq!(port.done(), ["keep true", "DTR"]);
        assert_eq!(status(&again.poll(Wake::Interval).unwrap()), "OL");
    }
}

#[test]
fn a_port_without_lines_is_refused_and_a_wrong_setting_touches_nothing() {
    let port = Shared::default();
    port.0.borrow_mut().without_lines = true;
    let error = port.open(&[("upstype", "3")]).err().unwrap().to_string();
    assert!(error.contains("no modem-control lines"), "{error}");
    let port = Shared::default();
    assert!(port.open(&[]).is_err());
    assert!(port.open(&[("upstype", "3"), ("SD", "CTS")]).is_err());
    assert!(port.done().is_empty());
}
