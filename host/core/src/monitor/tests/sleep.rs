//! Sleep, and clocks that jump.

use super::*;

#[test]
fn old_readings_are_void_after_sleep() {
    let mut rig = check(
        ONE,
        &[
            (0.0, "a: OB", "ONBATT a"),
            (5.0, "wake", "poll a"),
            (5.0, "sleep", "SUSPEND_STARTING"),
            (5.1, "sleep", ""),
            (20.0, "wake", ""),
        ],
    );
    // DEADTIME has passed, but it slept.
    rig.ahead = Duration::from_secs(3600);
    rig.check(&[
        (30.0, "woken", "SUSPEND_FINISHED"),
        // The answer is of before; what holds now is asked for.
        (30.1, "a: OB LB", "poll a"),
        (30.2, "a: OL", "ONLINE a"),
        (35.0, "wake", "poll a"),
    ]);
    assert_eq!(rig.rule(35.0), Rule::NotLow);
}

#[test]
fn an_answer_in_sleep_is_dropped() {
    check(
        ONE,
        &[
            (0.0, "sleep", "SUSPEND_STARTING"),
            (0.1, "a: OB LB", ""),
            (0.2, "woken", "SUSPEND_FINISHED, poll a"),
            (0.3, "a: OB LB", "ONBATT a, LOWBATT a, fsd a"),
        ],
    );
}

#[test]
fn a_sleep_that_nobody_ends_ends_by_itself() {
    check(
        ONE,
        &[
            (0.0, "a: OL", ""),
            (1.0, "sleep", "SUSPEND_STARTING"),
            (60.9, "wake", ""),
            (61.0, "wake", "SUSPEND_FINISHED, poll a"),
            (61.1, "woken", ""),
            (61.2, "a: OL", "poll a"),
        ],
    );
}

#[test]
fn a_time_of_day_that_is_set_is_told_and_voids_nothing() {
    for (ahead, jump) in [(600, Some("600 s")), (6, Some("6 s")), (5, None)] {
        let mut rig = check(ONE, &[(0.0, "a: OB", "ONBATT a")]);
        rig.ahead = Duration::from_secs(ahead);
        let wall = WALL + Duration::from_secs(5 + ahead);
        let actions = rig.monitor.on(Event::Wake { wall }, Duration::from_secs(5));
        let text = actions.iter().find_map(|action| match action {
            Action::Notify(notice) if notice.kind == Kind::SuspendTimejump => Some(&notice.text),
            _ => None,
        });
        let expected = jump.map(|jump| {
            format!("Unexpected clock change by {jump}, treating as wake up from sleep")
        });
        assert_eq!(text, expected.as_ref());
        assert!(rig.shown(&actions).contains("poll a"));
        // A server that dies meanwhile still makes a dead UPS.
        rig.check(&[
            (5.0, "a! broken", "COMMBAD a"),
            (10.0, "wake", "poll a"),
            (10.0, "a! refused", ""),
            (15.0, "wake", "poll a"),
            (15.0, "a! refused", ""),
            (15.001, "wake", "poll a"),
            (15.001, "a! refused", "fsd a"),
        ]);
    }
}

#[test]
fn a_clock_set_back_is_a_jump_too_and_only_once() {
    let mut rig = check(ONE, &[(0.0, "a: OL", "")]);
    let back = |at: u64| Event::Wake {
        wall: WALL + Duration::from_secs(at) - Duration::from_secs(7200),
    };
    let actions = rig.monitor.on(back(5), Duration::from_secs(5));
    assert_eq!(rig.shown(&actions), "SUSPEND_TIMEJUMP_UNEXPECTED, poll a");
    rig.on(5.0, "a: OL");
    let actions = rig.monitor.on(back(10), Duration::from_secs(10));
    assert_eq!(rig.shown(&actions), "poll a");
}

#[test]
fn a_program_that_was_stopped_does_not_blame_the_ups() {
    // Stopped for a minute with a UPS on battery: DEADTIME has passed, but nobody listened.
    check(
        ONE,
        &[
            (0.0, "a: OB", "ONBATT a"),
            (60.0, "wake", "SUSPEND_TIMEJUMP_UNEXPECTED, poll a"),
            (60.1, "a: OB", ""),
            (65.0, "wake", "poll a"),
        ],
    );
    // The first thing it hears is the end of a connection that nobody served.
    check(
        ONE,
        &[
            (0.0, "a: OB", "ONBATT a"),
            (5.0, "wake", "poll a"),
            (60.0, "a! broken", "SUSPEND_TIMEJUMP_UNEXPECTED, poll a"),
            (60.0, "wake", ""),
            (60.1, "a! refused", "COMMBAD a"),
            (65.0, "wake", "poll a"),
            (65.0, "a: OB", "COMMOK a"),
        ],
    );
}

#[test]
fn an_interval_that_shrinks_is_no_jump() {
    let conf = "MONITOR a 1 u p primary\nPOLLFREQ 60\nPOLLFREQALERT 5\n";
    check(
        conf,
        &[
            (0.0, "a: OL", ""),
            (30.0, "a changed", "poll a"),
            (30.0, "a: OB", "ONBATT a"),
            (30.0, "wake", "poll a"),
            (30.0, "a: OB LB", "LOWBATT a, fsd a"),
        ],
    );
}
