//! Tests of the reader of upsmon.conf.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

#[track_caller]
fn check(text: &str, complaints: &[&str]) -> Config {
    let (conf, found) = parse("upsmon.conf", text.as_bytes());
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), complaints.len(), "{found:#?}");
    for (found, complaint) in found.iter().zip(complaints) {
        assert!(found.contains(complaint), "{found} lacks {complaint}");
    }
    conf
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn nothing_said_is_the_default() {
    let conf = check("# MINSUPPLIES 3\n", &[]);
    assert_eq!(conf, Config::default());
    let settings = conf.settings;
    // The defaults of NUT 2.8, by name.
    assert_eq!(settings.min_supplies, At::default(1));
    assert_eq!(settings.poll, At::default(secs(5)));
    assert_eq!(settings.poll_alert, At::default(secs(5)));
    assert_eq!(settings.host_sync, At::default(secs(15)));
    assert_eq!(settings.dead_time, At::default(secs(15)));
    assert_eq!(settings.final_delay, At::default(secs(5)));
    assert_eq!(settings.no_comm_warn, At::default(secs(300)));
    assert_eq!(settings.replace_battery_warn, At::default(secs(43_200)));
    assert_eq!(settings.off_duration, At::default(Some(secs(30))));
    assert_eq!(settings.over_duration, At::default(None));
    assert_eq!(settings.low_battery_duration, At::default(secs(0)));
    assert_eq!(settings.alarm_critical, At::default(true));
    assert_eq!(settings.shutdown_exit, At::default(ShutdownExit::Now));
    assert_eq!(settings.poll_fail_throttle, At::default(Throttle::Every));
}

#[test]
fn every_directive_is_understood() {
    let conf = check(
        "MONITOR rack@pdu:4000 2 mon \"s3 cret\" master\nMONITOR lab 0 mon x slave\nMINSUPPLIES 2\n\
         SHUTDOWNCMD \"/sbin/shutdown -h +0\"\nNOTIFYCMD /sbin/upssched -x\nPOWERDOWNFLAG /etc/killpower\n\
         POLLFREQ 10\nPOLLFREQALERT 2\nHOSTSYNC 20\nDEADTIME 30\nFINALDELAY 0\nNOCOMMWARNTIME 60\nRBWARNTIME 61\n\
         OFFDURATION -1\nOVERDURATION 0\nOBLBDURATION -3\nPOLLFAIL_LOG_THROTTLE_MAX 4\nALARMCRITICAL 0\n\
         SHUTDOWNEXIT no\nRUN_AS_USER nut\nNOTIFYMSG online \"%s is back\"\nNOTIFYFLAG ONLINE SYSLOG+EXEC\n\
         NOTIFYFLAG ONBATT IGNORE\nCERTPATH /etc/ca\nCERTFILE /etc/me.pem\nCERTIDENT me pw\nCERTHOST pdu name 1 -1\n\
         CERTVERIFY 1\nFORCESSL yes\ndebug_min 2\n",
        &[],
    );
    let settings = &conf.settings;
    let [rack, lab] = settings.systems.as_slice() else {
        unreachable!("two systems");
    };
    assert_eq!(
        (&*rack.name, rack.power, rack.line),
        ("rack@pdu:4000", 2, 1)
    );
    assert_eq!(
        (rack.target.ups.as_str(), rack.target.server.port),
        ("rack", 4000)
    );
    assert_eq!(
        (rack.user.as_str(), rack.password.0.as_str()),
        ("mon", "s3 cret")
    );
    assert_eq!((rack.role, lab.role), (Role::Primary, Role::Secondary));
    assert_eq!((&*lab.name, lab.power, lab.line), ("lab", 0, 2));
    assert_eq!(settings.min_supplies, At::line(2, 3));
    assert_eq!(
        conf.shutdown_command,
        Some(At::line(vec!["/sbin/shutdown -h +0".into()], 4))
    );
    let notify = vec!["/sbin/upssched".into(), "-x".into()];
    assert_eq!(conf.notify_command, Some(At::line(notify, 5)));
    assert_eq!(
        conf.power_down_flag,
        Some(At::line("/etc/killpower".into(), 6))
    );
    assert_eq!(settings.poll, At::line(secs(10), 7));
    assert_eq!(settings.poll_alert, At::line(secs(2), 8));
    assert_eq!(settings.host_sync, At::line(secs(20), 9));
    assert_eq!(settings.dead_time, At::line(secs(30), 10));
    assert_eq!(settings.final_delay, At::line(secs(0), 11));
    assert_eq!(settings.no_comm_warn, At::line(secs(60), 12));
    assert_eq!(settings.replace_battery_warn, At::line(secs(61), 13));
    assert_eq!(settings.off_duration, At::line(None, 14));
    assert_eq!(settings.over_duration, At::line(Some(secs(0)), 15));
    assert_eq!(settings.low_battery_duration, At::line(secs(0), 16));
    assert_eq!(settings.poll_fail_throttle, At::line(Throttle::Nth(4), 17));
    assert_eq!(settings.alarm_critical, At::line(false, 18));
    assert_eq!(settings.shutdown_exit, At::line(ShutdownExit::Never, 19));
    check_the_rest(&conf);
}

/// What the running program needs, and the notices.
fn check_the_rest(conf: &Config) {
    let settings = &conf.settings;
    assert_eq!(conf.run_as_user, Some(At::line("nut".into(), 20)));
    let flags = |kind| settings.notices.flags(kind);
    assert_eq!(flags(Kind::Online), Flags::SYSLOG.and(Flags::EXEC));
    assert_eq!(flags(Kind::OnBattery), Flags::NONE);
    assert_eq!(flags(Kind::Fsd), Flags::SYSLOG.and(Flags::WALL));
    assert_eq!(conf.cert_path, Some(At::line("/etc/ca".into(), 24)));
    assert_eq!(conf.cert_file, Some(At::line("/etc/me.pem".into(), 25)));
    assert_eq!(conf.cert_ident.as_ref().map(|at| at.line), Some(Some(26)));
    let host = CertHost {
        host: "pdu".into(),
        name: "name".into(),
        verify: Some(true),
        force: None,
    };
    assert_eq!(conf.cert_hosts, [At::line(host, 27)]);
    assert_eq!(
        (conf.cert_verify, conf.force_tls),
        (At::line(true, 28), At::line(true, 29))
    );
    assert_eq!(conf.debug_min, Some(At::line(2, 30)));
    let shown = format!("{conf:?}");
    assert!(!shown.contains("s3 cret") && !shown.contains("pw"));
}

#[test]
fn words_for_the_exit_are_truth_or_seconds() {
    for (word, expected) in [
        ("yes", ShutdownExit::Now),
        ("ON", ShutdownExit::Now),
        ("0", ShutdownExit::Now),
        ("false", ShutdownExit::Never),
        ("-1", ShutdownExit::Never),
        ("30", ShutdownExit::After(secs(30))),
    ] {
        let conf = check(&format!("SHUTDOWNEXIT {word}\n"), &[]);
        assert_eq!(conf.settings.shutdown_exit.value, expected, "{word}");
    }
    let conf = check("SHUTDOWNEXIT perhaps\n", &["`perhaps` is no number"]);
    assert_eq!(conf.settings.shutdown_exit.value, ShutdownExit::Now);
}

#[test]
fn nonsense_is_ignored_and_pointed_at() {
    let conf = check(
        "pollfreq 3\nPOLLFREQ\nPOLLFREQ = 3\nPOLLFREQ soon\nDEADTIME 20s\nPOLLFREQ 0\nHOSTSYNC -1\n\
         POLLFAIL_LOG_THROTTLE_MAX -1\nALARMCRITICAL perhaps\nNOTIFYMSG NOSUCH x\nNOTIFYMSG ONLINE \"%d\"\n\
         NOTIFYMSG ONLINE two words\nNOTIFYFLAG ONLINE SYSLOG+LOUD\nNOTIFYFLAG ONBAT WALL\nNOTIFYMSG ONLINE\nCERTIDENT x\n\
         CERTHOST h n 1\nCERTHOST h n 1 2\nFOO bar\nSHUTDOWNCMND x\n",
        &[
            "1:1: error: `pollfreq` is no directive",
            "2:1: error: `POLLFREQ` needs a value",
            "3:10: error: this line is ignored: upsmon.conf has no `=`",
            "4:10: error: `soon` is no number",
            "5:10: warning: `20s` is read as 20",
            "6:10: warning: polling without a pause",
            "7:10: error: a number below 0",
            "8:27: error: a number below 0",
            "9:15: error: `perhaps` is neither",
            "10:11: error: `NOSUCH` is no notification",
            "11:18: error: this text is not used: after `%`",
            "12:22: warning: only the first word",
            "13:19: error: `LOUD` is no way to tell",
            "did you mean `ONBATT`?",
            "15:11: error: the text is missing",
            "16:1: error: CERTIDENT needs",
            "17:1: error: this line is ignored: CERTHOST needs",
            "18:16: error: `2` is neither",
            "19:1: error: `FOO` is no directive",
            "did you mean `SHUTDOWNCMD`?",
        ],
    );
    assert_eq!(conf.settings.poll, At::line(secs(1), 6));
    assert_eq!(conf.settings.host_sync, At::default(secs(15)));
    assert_eq!(conf.settings.dead_time, At::line(secs(20), 5));
}

#[test]
fn no_number_is_so_great_that_times_overflow() {
    let text = "POLLFREQ 9223372036854775807\nOFFDURATION 315360001\nMINSUPPLIES 4294967296\n";
    let conf = check(
        text,
        &[
            "`9223372036854775807` is more than can be meant",
            "`315360001` is more",
            "`4294967296` is more",
        ],
    );
    let most = secs(315_360_000);
    assert_eq!(conf.settings.poll.value, most);
    assert_eq!(conf.settings.off_duration.value, Some(most));
    // Not 0, with which it would never go down.
    assert_eq!(conf.settings.min_supplies.value, 315_360_000);
}

#[test]
fn a_monitor_line_has_five_words() {
    let conf = check(
        "MONITOR a@h 1 hunter2 primary\nMONITOR b@h 1 u hunter2 boss\nMONITOR b@h 1 u hunter2 primary\n\
         MONITOR c@ 1 u hunter2 primary\nMONITOR d@h x u hunter2 primary\nMONITOR e@h 1 u\n",
        &[
            "1:1: error: this line is ignored: MONITOR needs five words",
            "2:25: warning: the role is neither",
            "3:9: warning: `b@h` is monitored already",
            "4:9: error: this line is ignored: the host name is missing",
            "5:13: error: this line is ignored: the power value",
            "6:1: error: this line is ignored: MONITOR needs",
        ],
    );
    assert!(conf.fatal.unwrap().starts_with("line 1:"));
    assert_eq!(conf.settings.systems.len(), 1);
    assert_eq!(conf.settings.systems[0].role, Role::Secondary);
}

#[test]
fn a_dead_time_shorter_than_a_poll_is_pointed_at() {
    check("DEADTIME 3\n", &["1:1: warning: DEADTIME (3 s) is shorter"]);
    check("POLLFREQALERT 30\n", &["1:1: warning: DEADTIME (15 s)"]);
    check("POLLFREQ 30\n", &[]);
}
