//! The simulation as a client lives it: the sample files of `traces`, a directory in memory and a clock that is set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use husk_driver::host::native::{advance, take_log};
use husk_driver::{Driver, Error, Files, Kind, Report, Settings, Wake};
use husk_plugin_dummy::Dummy;

const POWER: &str = include_str!("../traces/power.seq");
const RACK: &str = include_str!("../traces/rack.dev");

/// Text and time of change, by name.
type Contents = BTreeMap<String, (Vec<u8>, u64)>;

/// A directory that the test goes on changing.
#[derive(Clone, Default)]
struct Folder(Rc<RefCell<Contents>>);

impl Folder {
    fn with(file: &str, text: &str) -> Self {
        let folder = Folder::default();
        folder.write(file, text, 1);
        folder
    }

    fn write(&self, file: &str, text: &str, modified_ms: u64) {
        self.0
            .borrow_mut()
            .insert(file.to_owned(), (text.into(), modified_ms));
    }

    fn open(&self, settings: &[(&str, &str)], state: Option<&[u8]>) -> Result<Dummy, Error> {
        Dummy::open(
            Files::new(self.0.clone()),
            &Settings::new(settings.iter().copied()),
            state,
        )
    }

    fn start(&self, file: &str) -> Dummy {
        self.open(&[("port", file)], None).unwrap()
    }
}

/// Polls after so many milliseconds.
fn after(dummy: &mut Dummy, ms: u64) -> Report {
    advance(Duration::from_millis(ms));
    dummy.poll(Wake::Interval).unwrap()
}

fn status(report: &Report) -> String {
    report.status_words().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_dump_is_shown_as_it_is() {
    let mut dummy = Folder::with("rack.dev", RACK).start("rack.dev");
    let report = after(&mut dummy, 0);
    assert_eq!(status(&report), "OL");
    for (name, value) in [
        ("battery.runtime", "1800"),
        ("outlet.1.switch", "on"),
        ("ups.id", "shelf \"2\""),
        ("ups.model", "Rack 1500"),
        ("driver.parameter.mode", "dummy-once"),
    ] {
        assert_eq!(report.value(name), Some(value), "{name}");
    }
    assert_eq!(
        (
            report.value("driver.name"),
            report.value("driver.parameter.port")
        ),
        (None, None)
    );
    assert_eq!(report.commands().collect::<Vec<_>>(), ["load.off"]);
}

#[test]
fn what_clients_may_write_is_what_dummy_ups_says() {
    let report = after(&mut Folder::with("rack.dev", RACK).start("rack.dev"), 0);
    for (name, kind) in [
        ("ups.status", Kind::Text(32)),
        ("ups.id", Kind::Text(16)),
        ("battery.charge", Kind::Unspecified),
        ("outlet.1.switch", Kind::Text(32)),
    ] {
        let reading = report.reading(name).unwrap();
        assert!(reading.writable, "{name}");
        assert_eq!(reading.kind, kind, "{name}");
    }
    assert!(!report.reading("driver.parameter.mode").unwrap().writable);
}

#[test]
fn a_sequence_pauses_at_timers_and_starts_over() {
    let mut dummy = Folder::with("power.seq", POWER).start("power.seq");
    let mut seen = Vec::new();
    for _ in 0..40 {
        let report = after(&mut dummy, 500);
        let now = format!(
            "{} {} [{}]",
            report.value("battery.charge").unwrap(),
            status(&report),
            report.alarms().join(", ")
        );
        match seen.last_mut() {
            Some((last, polls)) if *last == now => *polls += 1,
            _ => seen.push((now, 1)),
        }
    }
    let expected = [
        ("95 OL CHRG []", 10),
        ("60 OB DISCHRG [mains are gone]", 14),
        ("15 OB LB DISCHRG [mains are gone, battery is low]", 6),
        // The last segment does not pause: it is seen at one poll.
        ("15 OB LB DISCHRG []", 1),
        ("95 OL CHRG []", 9),
    ];
    assert_eq!(seen, expected.map(|(text, polls)| (text.to_owned(), polls)));
}

#[test]
fn a_timer_is_waited_for_exactly_but_never_in_silence() {
    let mut dummy = Folder::with("power.seq", POWER).start("power.seq");
    let first = after(&mut dummy, 0);
    let last = after(&mut dummy, 4700);
    let mut expected = first.clone();
    expected.next(Duration::from_secs(2));
    assert_eq!(first, expected);
    expected.next(Duration::from_millis(300));
    assert_eq!(last, expected);
    assert_eq!(status(&after(&mut dummy, 300)), "OB DISCHRG");
}

#[test]
fn what_clients_write_stays_until_the_file_says_otherwise() {
    let once = Folder::with("x.dev", "ups.load: 10\n");
    let mut dummy = once.start("x.dev");
    after(&mut dummy, 0);
    dummy.set("ups.load", "55").unwrap();
    dummy.set("ups.status", "OB LB OB").unwrap();
    dummy.set("ups.mfr", "").unwrap();
    let report = after(&mut dummy, 2000);
    assert_eq!(
        (report.value("ups.load"), report.value("ups.mfr")),
        (Some("55"), None)
    );
    assert_eq!(status(&report), "OB LB");
    once.write("x.dev", "ups.load: 11\n", 2);
    assert_eq!(after(&mut dummy, 2000).value("ups.load"), Some("11"));

    let mut dummy = Folder::with("x.seq", "ups.load: 10\n").start("x.seq");
    after(&mut dummy, 0);
    dummy.set("ups.load", "55").unwrap();
    assert_eq!(
        dummy.poll(Wake::SettingsChanged).unwrap().value("ups.load"),
        Some("55")
    );
    assert_eq!(after(&mut dummy, 2000).value("ups.load"), Some("10"));
}

#[test]
fn a_line_that_left_the_file_leaves_its_value() {
    let folder = Folder::with("x.dev", "ups.load: 10\nups.id: a\n");
    let mut dummy = folder.start("x.dev");
    after(&mut dummy, 0);
    folder.write("x.dev", "ups.load: 11\n", 2);
    let report = after(&mut dummy, 2000);
    assert_eq!(
        (report.value("ups.load"), report.value("ups.id")),
        (Some("11"), Some("a"))
    );
}

#[test]
fn nothing_is_obeyed() {
    let mut dummy = Folder::with("rack.dev", RACK).start("rack.dev");
    assert_eq!(dummy.command("load.off", None), Err(Error::Unsupported));
    assert_eq!(dummy.shutdown(), Err(Error::Unsupported));
    assert!(matches!(
        dummy.set("no name", "x"),
        Err(Error::InvalidArgument(_))
    ));
}

#[test]
fn the_mode_follows_the_option_then_the_name() {
    let folder = Folder::with("a.dev", "");
    for file in ["b.seq", "c", "ups@host", "sub.dev"] {
        folder.write(file, "", 1);
    }
    let mode = |settings: &[(&str, &str)]| {
        let report = after(&mut folder.open(settings, None).unwrap(), 0);
        report.value("driver.parameter.mode").unwrap().to_owned()
    };
    assert_eq!(mode(&[("port", "a.dev")]), "dummy-once");
    assert_eq!(mode(&[("port", "b.seq")]), "dummy-loop");
    assert_eq!(mode(&[("port", "c")]), "dummy");
    assert_eq!(mode(&[("port", "/some/folder/sub.dev")]), "dummy-once");
    assert_eq!(
        mode(&[("port", "a.dev"), ("mode", "dummy-loop")]),
        "dummy-loop"
    );
    assert_eq!(mode(&[("port", "ups@host"), ("mode", "dummy")]), "dummy");
    let _ = take_log();
    assert_eq!(
        mode(&[("port", "a.dev"), ("mode", "dummy-onec")]),
        "dummy-once"
    );
    assert!(
        take_log()
            .iter()
            .any(|(_, line)| line.contains("dummy-onec"))
    );
}

#[test]
fn a_repeater_is_refused_by_the_setting_that_asks_for_it() {
    let refused = |settings: &[(&str, &str)]| match Folder::default().open(settings, None) {
        Err(Error::BadSetting { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&[("port", "ups@host")]), "port");
    assert_eq!(refused(&[("port", "a.dev"), ("mode", "repeater")]), "mode");
    assert_eq!(refused(&[]), "port");
}

#[test]
fn a_file_that_is_gone_fails_the_poll_until_it_is_back() {
    let folder = Folder::default();
    assert!(matches!(
        folder.open(&[("port", "x.dev")], None),
        Err(Error::Other(_))
    ));
    folder.write("x.dev", "ups.load: 1\n", 1);
    let mut dummy = folder.start("x.dev");
    after(&mut dummy, 0);
    folder.0.borrow_mut().clear();
    let Err(Error::Other(why)) = dummy.poll(Wake::Interval) else {
        panic!()
    };
    assert!(why.contains("x.dev"), "{why}");
    folder.write("x.dev", "ups.load: 2\n", 2);
    assert_eq!(after(&mut dummy, 2000).value("ups.load"), Some("2"));
}

#[test]
fn mistakes_in_the_file_are_logged_with_their_line() {
    let _ = take_log();
    let mut dummy =
        Folder::with("x.dev", "ups.load: 1\nups.id: \"a #1\"\nups.model: M\n").start("x.dev");
    let log = take_log();
    assert!(
        log.iter().any(|(_, line)| line.starts_with("x.dev:2: ")),
        "{log:?}"
    );
    assert_eq!(after(&mut dummy, 0).value("ups.model"), Some("M"));
}

#[test]
fn a_successor_goes_on_where_the_predecessor_stood() {
    let folder = Folder::with("power.seq", POWER);
    let settings = [("port", "power.seq")];
    let mut old = folder.open(&settings, None).unwrap();
    after(&mut old, 0);
    assert_eq!(status(&after(&mut old, 5000)), "OB DISCHRG");
    old.set("ups.id", "mine").unwrap();
    advance(Duration::from_millis(2000));
    let mut new = folder.open(&settings, Some(&old.save())).unwrap();
    assert_eq!(new.poll(Wake::Interval), old.poll(Wake::Interval));
    assert_eq!(after(&mut new, 4999).value("battery.charge"), Some("60"));
    let report = after(&mut new, 1);
    assert_eq!(
        (report.value("battery.charge"), report.value("ups.id")),
        (Some("15"), Some("mine"))
    );

    // Of a changed file the place is not kept, of another file nothing is.
    folder.write("power.seq", POWER, 2);
    let mut new = folder.open(&settings, Some(&old.save())).unwrap();
    let report = after(&mut new, 0);
    assert_eq!(
        (status(&report).as_str(), report.value("ups.id")),
        ("OL CHRG", Some("mine"))
    );
    folder.write("other.seq", POWER, 1);
    let mut new = folder
        .open(&[("port", "other.seq")], Some(&old.save()))
        .unwrap();
    assert_eq!(after(&mut new, 0).value("ups.id"), None);
}

#[test]
fn garbage_in_the_saved_state_is_no_state() {
    let folder = Folder::with("x.dev", "ups.load: 1\n");
    for state in [
        &b""[..],
        b"\n",
        b"1 2\n",
        b"1 2 3 \xff\n",
        b"x 0 0 x.dev\n",
        b"1 99999999999999999999 0 x.dev\n",
    ] {
        let mut dummy = folder.open(&[("port", "x.dev")], Some(state)).unwrap();
        assert_eq!(
            after(&mut dummy, 0).value("ups.mfr"),
            Some("Dummy Manufacturer")
        );
    }
}
