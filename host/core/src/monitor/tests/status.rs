//! Status words: what comes, what goes, what is told of it.

use super::*;

/// One UPS; statuses 5 s apart and what each has to tell.
#[track_caller]
fn told(conf: &str, script: &[(&str, &str)]) -> Rig {
    let mut rig = start(conf);
    for (step, &(said, expected)) in script.iter().enumerate() {
        let at = 5.0 * step as f64;
        if step > 0 {
            assert_eq!(rig.on(at, "wake"), "poll a");
        }
        assert_eq!(
            rig.on(at, &format!("a: {said}")),
            expected,
            "step {step}: {said}"
        );
    }
    rig
}

/// Nothing makes this machine shut down.
const CALM: &str = "MONITOR a 1 u p primary\nMINSUPPLIES 0\n";

#[test]
fn the_first_online_is_no_news_and_the_first_trouble_is() {
    told(
        CALM,
        &[
            ("OL", ""),
            ("OB", "ONBATT a"),
            ("OB", ""),
            ("OL", "ONLINE a"),
            ("OL", ""),
        ],
    );
    told(CALM, &[("OB", "ONBATT a"), ("OL", "ONLINE a")]);
    told(
        CALM,
        &[
            ("OB LB", "ONBATT a, LOWBATT a"),
            ("OB", ""),
            ("LB OB", "LOWBATT a"),
        ],
    );
}

#[test]
fn every_word_that_comes_and_goes_is_told_once() {
    for (word, comes, goes) in [
        ("LB", "LOWBATT a", ""),
        ("FSD", "FSD a", ""),
        ("CAL", "CAL a", "NOTCAL a"),
        ("OFF", "OFF a", "NOTOFF a"),
        ("BYPASS", "BYPASS a", "NOTBYPASS a"),
        ("ECO", "ECO a", "NOTECO a"),
        ("ALARM", "ALARM a", "NOTALARM a"),
        ("OVER", "OVER a", "NOTOVER a"),
        ("TRIM", "TRIM a", "NOTTRIM a"),
        ("BOOST", "BOOST a", "NOTBOOST a"),
        ("TEST", "OTHER a", "NOTOTHER a"),
        ("WAIT", "OTHER a", "NOTOTHER a"),
        ("HB", "", ""),
        ("CHRG", "", ""),
        ("DISCHRG", "", ""),
    ] {
        let with = format!("OL {word}");
        let known = !comes.starts_with("OTHER");
        let lower = if known {
            with.to_lowercase()
        } else {
            with.clone()
        };
        told(
            CALM,
            &[
                ("OL", ""),
                (&with, comes),
                (&lower, ""),
                ("OL", goes),
                (&with, comes),
            ],
        );
    }
}

#[test]
fn a_battery_counts_as_used_until_line_power_is_said() {
    let rig = told(CALM, &[("OB LB", "ONBATT a, LOWBATT a"), ("LB", "")]);
    assert_eq!(rig.rule(5.0), Rule::LowPrimary);
}

#[test]
fn a_battery_to_replace_is_told_at_once_and_every_rbwarntime() {
    let conf = "MONITOR a 1 u p primary\nRBWARNTIME 8\n";
    told(
        conf,
        &[
            ("OL RB", "REPLBATT a"),
            ("OL RB", ""),
            ("OL", ""),
            ("OL RB", "REPLBATT a"),
            ("OL RB", ""),
            ("OL RB", "REPLBATT a"),
        ],
    );
}

#[test]
fn an_alarm_is_told_whenever_its_text_changes_for_each_ups_by_itself() {
    told(
        CALM,
        &[
            ("ALARM OL | fan", "ALARM a"),
            ("ALARM OL | fan", ""),
            ("ALARM OL | fan, fuse", "ALARM a"),
            ("ALARM OL", "ALARM a"),
            ("OL", "NOTALARM a"),
        ],
    );
    let two = "MONITOR a 1 u p primary\nMONITOR b 1 u p primary\n";
    let rig = check(
        two,
        &[
            (0.0, "a: ALARM OL | fan", "ALARM a"),
            (0.1, "b: ALARM OL | fuse", "ALARM b"),
            (5.0, "wake", "poll a, poll b"),
            (5.0, "a: ALARM OL | fan", ""),
            (5.1, "b: ALARM OL | fuse", ""),
        ],
    );
    assert_eq!(rig.monitor.upses[0].alarm.as_deref(), Some("fan"));
}

#[test]
fn unknown_words_are_told_when_their_set_changes() {
    told(
        CALM,
        &[
            ("OL TEST", "OTHER a"),
            ("TEST OL", ""),
            ("OL NEW TEST", "OTHER a"),
            ("OL TEST NEW NEW", ""),
            ("OL", "NOTOTHER a"),
        ],
    );
}

#[test]
fn modes_that_are_eco_under_another_name_are_eco() {
    for (buzzwords, eco) in [
        ("vendor:EATON:ESS", true),
        ("vendor:apc:HE", true),
        ("x vendor:y:SMART", true),
        ("vendor:z:eco", true),
        ("vendor:z:normal", false),
        ("ECO", false),
        ("", false),
    ] {
        let said = format!("OL ~ {buzzwords}");
        let (comes, goes) = if eco { ("ECO a", "NOTECO a") } else { ("", "") };
        told(CALM, &[(&said, comes), (&said, ""), ("OL", goes)]);
    }
}

#[test]
fn off_is_told_at_once_and_counts_after_offduration() {
    let rig = told(
        "MONITOR a 1 u p primary\nMINSUPPLIES 0\nOFFDURATION 10\n",
        &[("OFF", "OFF a"), ("OFF", ""), ("OFF", "")],
    );
    assert_eq!(rig.rule(10.0), Rule::NotLow);
    let rig = told(
        "MONITOR a 1 u p primary\nMINSUPPLIES 0\nOFFDURATION 9\n",
        &[("OFF", "OFF a"), ("OFF", ""), ("OFF", "")],
    );
    let lasted = Duration::from_secs(10);
    assert_eq!(rig.rule(10.0), Rule::Off { lasted });
    assert_eq!(
        rig.log,
        ["UPS [a] has been off for 10 s and counts as critical"]
    );
}

#[test]
fn the_text_of_a_notice_is_the_default_or_the_operators() {
    let conf = "MONITOR a@h 1 u p primary\nMINSUPPLIES 0\nNOTIFYMSG ALARM \"%s: %s!\"\nNOTIFYMSG OFF dark\nNOTIFYFLAG OFF EXEC\n";
    let mut rig = start(conf);
    let event = event("a@h: ALARM OFF CAL | fan", WALL);
    let actions = rig.monitor.on(event, Duration::ZERO);
    let notices = actions.into_iter().filter_map(|action| match action {
        Action::Notify(notice) => Some((notice.text, notice.flags)),
        _ => None,
    });
    let both = Flags::SYSLOG.and(Flags::WALL);
    let expected = [
        ("a@h: fan!", both),
        ("dark", Flags::EXEC),
        ("UPS a@h: calibration in progress", both),
    ];
    assert!(notices.eq(expected.map(|(text, flags)| (text.to_owned(), flags))));
}
