//! Every row of the table of [`Rule`], and the moments at which a judgement turns.

use super::*;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets things happen 5 s apart to a UPS whose loss would not matter; what is thought of it at the last moment.
#[track_caller]
fn judged(conf: &str, happens: &[&str]) -> Rule {
    let mut rig = start(&format!("{conf}MINSUPPLIES 0\n"));
    for (step, what) in happens.iter().enumerate() {
        let at = 5.0 * step as f64;
        rig.on(at, "wake");
        rig.on(at, what);
    }
    rig.rule(5.0 * (happens.len() - 1) as f64)
}

const GONE: &str = "a! broken";

/// A configuration, what happens to the UPS 5 s apart, and the rule that decides then.
type Case = ((&'static str, &'static str), &'static [&'static str], Rule);

const TABLE: &[Case] = &[
    // 1: nothing outweighs FSD.
    ((ONE, ""), &["a: OL FSD"], Rule::Forced),
    ((ONE, ""), &["a: OL FSD", GONE], Rule::Forced),
    // 2: overloaded and lost.
    (
        (ONE, "OVERDURATION 5\n"),
        &["a: OL OVER", GONE],
        Rule::LostOverloaded { lasted: secs(5) },
    ),
    (
        (ONE, "OVERDURATION 0\n"),
        &["a: OL OVER", GONE],
        Rule::LostOverloaded { lasted: secs(5) },
    ),
    (
        (ONE, "OVERDURATION 6\n"),
        &["a: OL OVER", GONE],
        Rule::NotLow,
    ),
    (
        (ONE, "OVERDURATION -1\n"),
        &["a: OL OVER", GONE, GONE, GONE],
        Rule::NotLow,
    ),
    ((ONE, "OVERDURATION 0\n"), &["a: OL OVER"], Rule::NotLow),
    // 3: an alarm and lost.
    ((ONE, ""), &["a: OL ALARM", GONE], Rule::LostAlarm),
    (
        (ONE, "ALARMCRITICAL 0\n"),
        &["a: OL ALARM", GONE],
        Rule::NotLow,
    ),
    ((ONE, ""), &["a: OL ALARM"], Rule::NotLow),
    // 4, 5: at once.
    ((ONE, ""), &["a: OL CAL", GONE], Rule::LostCalibrating),
    ((ONE, ""), &["a: OL BYPASS", GONE], Rule::LostBypass),
    ((ONE, ""), &["a: OL BYPASS"], Rule::NotLow),
    // 6: off and lost, however short.
    ((ONE, ""), &["a: OFF", GONE], Rule::LostOff),
    ((ONE, "OFFDURATION -1\n"), &["a: OFF", GONE], Rule::NotLow),
    // Only a warning.
    ((ONE, ""), &["a: OL TRIM", GONE], Rule::NotLow),
    ((ONE, ""), &["a: OL BOOST", GONE], Rule::NotLow),
    // 7: off for long.
    (
        (ONE, "OFFDURATION 0\n"),
        &["a: OFF"],
        Rule::Off { lasted: secs(0) },
    ),
    (
        (ONE, "OFFDURATION 4\n"),
        &["a: OFF", "a: OFF"],
        Rule::Off { lasted: secs(5) },
    ),
    (
        (ONE, "OFFDURATION 5\n"),
        &["a: OFF", "a: OFF"],
        Rule::NotLow,
    ),
    (
        (ONE, "OFFDURATION -1\n"),
        &["a: OFF", "a: OFF", "a: OFF"],
        Rule::NotLow,
    ),
    // 8: not both.
    ((ONE, ""), &[GONE], Rule::NeverHeard),
    ((ONE, ""), &["a: OB"], Rule::NotLow),
    ((ONE, ""), &["a: OL LB"], Rule::NotLow),
    ((ONE, ""), &["a: OB LB", "a: OL LB"], Rule::NotLow),
    // 9: low on purpose.
    ((ONE, ""), &["a: OB LB CAL"], Rule::Calibrating),
    // 10: not for long enough.
    (
        (ONE, "OBLBDURATION 6\n"),
        &["a: OB LB", "a: OB LB"],
        Rule::LowTooShort { lasted: secs(5) },
    ),
    (
        (ONE, "OBLBDURATION 5\n"),
        &["a: OB LB", "a: OB LB"],
        Rule::LowPrimary,
    ),
    (
        (ONE, "OBLBDURATION 5\n"),
        &["a: OB LB", "a: OL", "a: OB LB"],
        Rule::LowTooShort { lasted: secs(0) },
    ),
    // 11: primary.
    ((ONE, ""), &["a: OB LB"], Rule::LowPrimary),
    ((ONE, ""), &["a: OB LB", GONE], Rule::LowPrimary),
    // 12: secondary.
    (
        (GUEST, ""),
        &["a: OB LB"],
        Rule::LowAwaitingPrimary { lasted: secs(0) },
    ),
    (
        (GUEST, ""),
        &["a: OB", "a: OB LB", "a: OB LB", "a: OB LB"],
        Rule::LowAwaitingPrimary { lasted: secs(15) },
    ),
    (
        (GUEST, ""),
        &["a: OB", "a: OB LB", "a: OB LB", "a: OB LB", "a: OB LB"],
        Rule::LowSecondary { lasted: secs(20) },
    ),
    (
        (GUEST, ""),
        &["a: OB LB CAL", "a: OB LB", "a: OB LB"],
        Rule::LowAwaitingPrimary { lasted: secs(10) },
    ),
];

#[test]
fn each_rule_decides_where_it_is_the_first_to_apply() {
    for ((conf, more), happens, expected) in TABLE {
        assert_eq!(
            judged(&format!("{conf}{more}"), happens),
            *expected,
            "{conf}{more}{happens:?}"
        );
    }
}

#[test]
fn silence_on_battery_is_a_low_battery_after_deadtime() {
    let gone = "a! broken";
    assert_eq!(judged(ONE, &["a: OB", gone, gone, gone]), Rule::NotLow);
    assert_eq!(
        judged(ONE, &["a: OB", gone, gone, gone, gone]),
        Rule::LowPrimary
    );
    assert_eq!(
        judged(ONE, &["a: OL", gone, gone, gone, gone, gone]),
        Rule::NotLow
    );
    assert_eq!(
        judged(ONE, &[gone, gone, gone, gone, gone]),
        Rule::NeverHeard
    );
    // The secondary has waited for HOSTSYNC by then.
    let lasted = secs(20);
    assert_eq!(
        judged(GUEST, &["a: OB", gone, gone, gone, gone]),
        Rule::LowSecondary { lasted }
    );
    // OBLBDURATION counts from DEADTIME on.
    let patient = format!("{ONE}OBLBDURATION 6\n");
    let lasted = secs(5);
    assert_eq!(
        judged(&patient, &["a: OB", gone, gone, gone, gone]),
        Rule::LowTooShort { lasted }
    );
}

#[test]
fn a_judgement_turns_on_time_even_if_nobody_answers() {
    // The poll of 5 s hangs: no answer, no failure. The battery is presumed low just after DEADTIME.
    let hangs = "DEADTIME 7\nMONITOR a 1 u p primary\n";
    check(
        hangs,
        &[
            (0.0, "a: OB", "ONBATT a"),
            (5.0, "wake", "poll a"),
            (7.0, "wake", ""),
            (7.001, "wake", "fsd a"),
        ],
    );
    // A poll is due when OBLBDURATION ends, and the decision waits for what it says.
    let patient = "OBLBDURATION 7\nMONITOR a 1 u p primary\n";
    check(
        patient,
        &[
            (0.0, "a: OB LB", "ONBATT a, LOWBATT a"),
            (5.0, "wake", "poll a"),
            (5.1, "a: OB LB", ""),
            (7.0, "wake", "poll a"),
            (7.1, "a: OL", "ONLINE a"),
            (12.0, "wake", "poll a"),
        ],
    );
    // So it is when a secondary has waited for HOSTSYNC.
    check(
        "HOSTSYNC 7\nMONITOR a 1 u p secondary\n",
        &[
            (0.0, "a: OB", "ONBATT a"),
            (1.0, "a: OB LB", "LOWBATT a"),
            (5.0, "wake", "poll a"),
            (5.0, "a: OB LB", ""),
            (7.001, "wake", "poll a"),
            (7.1, "a: OB LB", "wall, SHUTDOWN"),
        ],
    );
}

#[test]
fn what_is_needed_is_what_is_left() {
    let two = "MONITOR a 1 u p primary\nMONITOR b 1 u p secondary\n";
    for (least, first, second) in [
        (0, "LOWBATT a", "FSD b"),
        (1, "LOWBATT a", "FSD b, fsd a"),
        (2, "LOWBATT a, fsd a", ""),
    ] {
        let conf = format!("{two}MINSUPPLIES {least}\n");
        let mut rig = start(&conf);
        rig.check(&[
            (0.0, "b: OL", ""),
            (0.0, "a: OB", "ONBATT a"),
            (5.0, "wake", "poll a, poll b"),
            (5.0, "a: OB LB", first),
        ]);
        assert_eq!(rig.on(5.0, "b: OL FSD"), second, "MINSUPPLIES {least}");
    }
    // A UPS that feeds nothing here changes no sum; power values add up.
    let guest = "MONITOR a 0 u p primary\nMONITOR b 2 u p primary\nMINSUPPLIES 2\n";
    check(
        guest,
        &[
            (0.0, "a: OB LB", "ONBATT a, LOWBATT a"),
            (0.0, "b: OL", ""),
            (1.0, "b: OB LB", "ONBATT b, LOWBATT b, fsd a, fsd b"),
        ],
    );
}

#[test]
fn too_little_power_to_begin_with_is_refused() {
    let conf = "MONITOR a 1 u p primary\nMONITOR b 0 u p secondary\nMINSUPPLIES 2\n";
    let refused = Monitor::new(settings(conf), Duration::ZERO, WALL).unwrap_err();
    assert_eq!((refused.configured, refused.needed), (1, 2));
    assert!(Monitor::new(settings(""), Duration::ZERO, WALL).is_err());
    assert!(Monitor::new(settings("MINSUPPLIES 0\n"), Duration::ZERO, WALL).is_ok());
}

#[test]
fn the_reason_is_logged_with_the_decision() {
    let rig = check(ONE, &[(0.0, "a: OB LB", "ONBATT a, LOWBATT a, fsd a")]);
    assert_eq!(
        rig.log,
        [
            "UPS [a] is critical: on battery and low",
            "Too few UPS(es) are healthy (0<1), initiating forced shutdown",
        ]
    );
    let outlook = rig.monitor.judgements(Duration::ZERO);
    assert!(outlook.shuts_down() && outlook.stage.going_down());
}
