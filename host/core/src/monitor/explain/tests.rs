//! Every kind of sentence of an explanation, and every setting that is pointed out.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]
use super::super::{AwaitingSecondaries, FinalDelay, Secret, System};
use super::super::{Failure, Flags, Kind, ShutdownExit};
use super::*;
use crate::proto::client::Target;

const S: fn(u64) -> Duration = Duration::from_secs;

fn monitored(name: &str, power: u32, role: Role, line: u32) -> System {
    System {
        name: name.into(),
        target: Target::parse(name).unwrap(),
        power,
        user: "mon".to_owned(),
        password: Secret("sesame".to_owned()),
        role,
        line,
    }
}

fn settings() -> Settings {
    Settings {
        systems: vec![
            monitored("rack1@pdu-a", 1, Role::Primary, 2),
            monitored("rack2@pdu-b:4000", 1, Role::Secondary, 3),
        ],
        dead_time: At::line(S(25), 7),
        ..Settings::default()
    }
}

fn config(settings: &Settings) -> Config {
    Config {
        settings: settings.clone(),
        shutdown_command: Some(At::line(vec!["halt".to_owned()], 9)),
        power_down_flag: Some(At::line("/etc/killpower".to_owned(), 10)),
        ..Config::default()
    }
}

fn judged(system: &System, rule: Rule, flags: &[Flag]) -> Judgement {
    let mut known = Known::default();
    for &flag in flags {
        known.put(flag, true);
    }
    Judgement {
        system: system.name.clone(),
        power: system.power,
        role: system.role,
        rule,
        comm: Comm::Ok,
        known,
        presumed_low: false,
        heard: Some(S(2)),
        low: None,
        noncritical: Some(S(2)),
        off: None,
        over: None,
        alarm: None,
        failure: None,
        login_refused: false,
    }
}

fn outlook(settings: &Settings, first: Judgement) -> Outlook {
    let other = judged(&settings.systems[1], Rule::NotLow, &[]);
    let systems = vec![first, other];
    let healthy = systems.iter().filter(|judged| !judged.rule.critical());
    Outlook {
        stage: Stage::Watching,
        supplies: healthy.map(|judged| judged.power).sum(),
        needed: settings.min_supplies.value,
        systems,
    }
}

fn explained(settings: &Settings, outlook: &Outlook, only: Option<&str>) -> String {
    let context = Context {
        settings,
        config: &config(settings),
        file: "upsmon.conf",
        now: S(1000),
    };
    let text = text(outlook, &context, only);
    assert!(!text.contains("sesame"), "{text}");
    text
}

#[test]
fn a_quiet_day_is_explained_whole() {
    let settings = settings();
    let first = judged(&settings.systems[0], Rule::NotLow, &[Flag::OnBattery]);
    let text = explained(&settings, &outlook(&settings, first), Some("rack1"));
    let expected = "\
No: this machine would not shut down now.
  healthy power 2 of 2; MINSUPPLIES is 1 (default)
  It would if UPSes of a power of 2 became critical.

rack1@pdu-a: healthy, it is on battery, and the battery is not low
  power value 1, this machine is its primary (upsmon.conf:2)
  heard 2 s ago: OB
  DEADTIME       25 s     upsmon.conf:7: 2 s so far, 23 s to go
  OBLBDURATION   0 s      default: not OB LB
  OFFDURATION    30 s     default: not OFF
  OVERDURATION   never    default: OVER and out of reach is never critical
  ALARMCRITICAL  1        default: no alarm

Before a decision
  POLLFREQ       5 s      default: between two looks at a UPS
  POLLFREQALERT  5 s      default: the same while one is on battery or off

After it
  HOSTSYNC       15 s     default: at most, until the secondaries have left
  FINALDELAY     5 s      default: from the last notice to SHUTDOWNCMD
  SHUTDOWNCMD    set      upsmon.conf:9: runs
  POWERDOWNFLAG  set      upsmon.conf:10: /etc/killpower
";
    assert_eq!(text, expected);
}

#[test]
fn an_outage_says_how_far_away_the_end_is() {
    let mut settings = settings();
    settings.min_supplies = At::line(2, 5);
    settings.low_battery_duration = At::line(S(30), 6);
    let flags = [Flag::OnBattery, Flag::LowBattery];
    let rule = Rule::LowTooShort { lasted: S(12) };
    let mut first = judged(&settings.systems[0], rule, &flags);
    first.low = Some(S(12));
    let text = explained(&settings, &outlook(&settings, first.clone()), None);
    for part in [
        "No: this machine",
        "MINSUPPLIES is 2 (upsmon.conf:5)",
        "rack1@pdu-a: healthy, its battery is low, but not for long enough",
        "OBLBDURATION   30 s     upsmon.conf:6: 12 s so far, 18 s to go",
        "rack2@pdu-b:4000: healthy",
        "HOSTSYNC       15 s     default: not OB LB",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    first.rule = Rule::LowPrimary;
    first.low = Some(S(31));
    let text = explained(&settings, &outlook(&settings, first), None);
    for part in [
        "Yes: this machine shuts down now.",
        "healthy power 1 of 2",
        "rack1@pdu-a: critical",
        "reached, 31 s so far",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("It would"), "{text}");
}

#[test]
fn a_ups_out_of_reach_is_said_to_be() {
    let settings = settings();
    let mut first = judged(&settings.systems[0], Rule::LostAlarm, &[Flag::Alarm]);
    first.comm = Comm::Lost;
    first.alarm = Some("replace fan".to_owned());
    let text = explained(&settings, &outlook(&settings, first.clone()), None);
    let said = "silent for 2 s; it was not OB ALARM; alarm: replace fan";
    assert!(text.contains(said), "{text}");
    assert!(
        text.contains("ALARMCRITICAL  1        default: reached"),
        "{text}"
    );
    first.heard = None;
    first.alarm = None;
    first.login_refused = true;
    first.failure = Some(Failure::Refused("UNKNOWN-UPS".to_owned()));
    let text = explained(&settings, &outlook(&settings, first), None);
    assert!(
        text.contains("\n  never heard; the last try: Unknown UPS\n  the server refuses"),
        "{text}"
    );
}

#[test]
fn a_shutdown_under_way_says_how_far_it_is() {
    let settings = settings();
    let first = judged(&settings.systems[0], Rule::Forced, &[Flag::Fsd]);
    let mut outlook = outlook(&settings, first);
    outlook.stage = Stage::AwaitingSecondaries(AwaitingSecondaries {
        since: S(998),
        until: S(1013),
        beat: S(1000),
        told: true,
        primaries: vec![],
    });
    let text = explained(&settings, &outlook, None);
    assert!(text.starts_with("It is shutting down: FSD is set, secondaries have 13 s"));
    outlook.stage = Stage::FinalDelay(FinalDelay {
        until: S(1004),
        beat: S(1001),
    });
    let text = explained(&settings, &outlook, None);
    assert!(text.starts_with("It is shutting down: SHUTDOWNCMD runs in 4 s"));
}

#[test]
fn an_unknown_name_gets_the_known_ones() {
    let settings = settings();
    let first = judged(&settings.systems[0], Rule::NotLow, &[]);
    let text = explained(&settings, &outlook(&settings, first), Some("rack9"));
    assert_eq!(
        text,
        "rack9 is not monitored here; upsmon.conf is: rack1@pdu-a, rack2@pdu-b:4000\n"
    );
}

#[track_caller]
fn inert_when(change: impl FnOnce(&mut Config), expected: &[(Option<u32>, &str)]) {
    let settings = settings();
    let mut config = config(&settings);
    change(&mut config);
    let found = inert(&config.settings.clone(), &config);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((line, sentence), (expected_line, start)) in found.iter().zip(expected) {
        assert_eq!(line, expected_line, "{sentence}");
        assert!(sentence.starts_with(start), "{sentence} is not {start}");
    }
}

#[test]
fn settings_that_do_nothing_are_pointed_out() {
    inert_when(|_| {}, &[]);
    inert_when(
        |config| config.settings.min_supplies = At::line(0, 4),
        &[(Some(4), "MINSUPPLIES 0")],
    );
    inert_when(
        |config| config.settings.systems[1].power = 0,
        &[(Some(3), "MONITOR rack2@pdu-b:4000: with a power value of 0")],
    );
    inert_when(
        |config| {
            config.shutdown_command = None;
            config.power_down_flag = None;
        },
        &[(None, "no SHUTDOWNCMD"), (None, "no POWERDOWNFLAG")],
    );
    inert_when(
        |config| {
            config.settings.notices.set_flags(Kind::NoComm, Flags::NONE);
            config.settings.no_comm_warn = At::line(S(60), 8);
            config.notify_command = Some(At::line(vec!["/bin/mail".to_owned()], 9));
        },
        &[
            (Some(8), "NOCOMMWARNTIME: NOCOMM is ignored"),
            (Some(9), "NOTIFYCMD: no NOTIFYFLAG"),
        ],
    );
    inert_when(
        |config| config.settings.notices.set_flags(Kind::Fsd, Flags::EXEC),
        &[(None, "NOTIFYFLAG FSD has EXEC")],
    );
    inert_when(
        |config| {
            config.settings.systems.truncate(1);
            config.settings.shutdown_exit = At::line(ShutdownExit::Never, 8);
        },
        &[(Some(8), "SHUTDOWNEXIT: this machine is primary everywhere")],
    );
}

#[test]
fn tls_rules_for_strangers_are_pointed_out() {
    use crate::conf::upsmon::CertHost;
    let rule = |host: &str| {
        let host = host.to_owned();
        let (verify, force) = (Some(true), None);
        let name = "pdu".to_owned();
        At::line(
            CertHost {
                host,
                name,
                verify,
                force,
            },
            11,
        )
    };
    inert_when(
        |config| config.cert_hosts = vec![rule("PDU-A"), rule("pdu-b:4000"), rule("pdu-c")],
        &[(Some(11), "CERTHOST pdu-c")],
    );
}
