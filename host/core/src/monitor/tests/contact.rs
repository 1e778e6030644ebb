//! Polls, answers, silence, logins.

use super::*;

#[test]
fn lost_and_found_are_told_once_each() {
    check(
        ONE,
        &[
            (0.0, "a: OL", ""),
            (5.0, "wake", "poll a"),
            (5.0, "a! broken", "COMMBAD a"),
            (10.0, "wake", "poll a"),
            (10.0, "a! refused", ""),
            (15.0, "wake", "poll a"),
            (15.0, "a: OL", "COMMOK a"),
        ],
    );
}

#[test]
fn every_way_not_to_answer_counts_as_lost() {
    for silence in [
        "a! broken",
        "a! DATA-STALE",
        "a! DRIVER-NOT-CONNECTED",
        "a! UNKNOWN-UPS",
        "a:  ",
    ] {
        check(
            ONE,
            &[(0.0, silence, "COMMBAD a"), (1.0, "a: OL", "COMMOK a")],
        );
    }
    // The first answer of all is no news.
    check(ONE, &[(0.0, "a: OL", "")]);
}

#[test]
fn a_ups_never_heard_is_unavailable_at_the_second_failure() {
    check(
        "MONITOR a 1 u p primary\nPOLLFREQ 1000\n",
        &[
            (0.0, "a! refused", "COMMBAD a"),
            (5.0, "a! refused", "NOCOMM a"),
            (300.0, "a! refused", ""),
            (305.0, "a! refused", ""),
            (306.0, "a! refused", "NOCOMM a"),
        ],
    );
}

#[test]
fn a_ups_once_heard_is_unavailable_after_nocommwarntime() {
    check(
        "MONITOR a 1 u p primary\nNOCOMMWARNTIME 20\nPOLLFREQ 1000\n",
        &[
            (0.0, "a: OL", ""),
            (5.0, "a! broken", "COMMBAD a"),
            (19.0, "a! broken", ""),
            (20.0, "a! broken", "NOCOMM a"),
            (40.0, "a! broken", ""),
            (41.0, "a! broken", "NOCOMM a"),
            (42.0, "a: OL", "COMMOK a"),
            (43.0, "a! broken", "COMMBAD a"),
            (50.0, "a! broken", ""),
        ],
    );
}

#[test]
fn a_ups_is_polled_every_pollfreq_and_more_often_in_need() {
    let conf = "MONITOR a 1 u p primary\nPOLLFREQ 10\nPOLLFREQALERT 3\nMINSUPPLIES 0\n";
    for (said, told, next) in [
        ("a: OL", "", 10.0),
        ("a: OL LB", "LOWBATT a", 10.0),
        ("a: OB", "ONBATT a", 3.0),
        ("a: OFF", "OFF a", 3.0),
    ] {
        let mut rig = start(conf);
        assert_eq!(rig.on(0.0, said), told);
        assert_eq!(rig.on(next - 0.5, "wake"), "", "{said}");
        assert_eq!(rig.on(next, "wake"), "poll a", "{said}");
    }
}

#[test]
fn no_ups_waits_for_another() {
    let two = "MONITOR a 1 u p primary\nMONITOR b 1 u p primary\nMINSUPPLIES 2\n";
    check(
        two,
        &[
            (0.0, "a: OB", "ONBATT a"),
            // b hangs all the time and is asked only once.
            (5.0, "wake", "poll a"),
            (5.0, "a: OB LB", "LOWBATT a, fsd a, fsd b"),
        ],
    );
}

#[test]
fn news_are_fetched_at_once_and_never_missed() {
    check(
        ONE,
        &[
            (0.0, "a: OL", ""),
            (1.0, "a changed", "poll a"),
            // What is being read now may be the old state.
            (1.1, "a changed", ""),
            (1.1, "a changed", ""),
            (1.2, "a: OL", "poll a"),
            (1.3, "a: OB", "ONBATT a"),
            (1.4, "b changed", ""),
        ],
    );
}

#[test]
fn a_new_connection_is_logged_in_and_read() {
    check(
        ONE,
        &[
            // The poll under way made the connection.
            (0.0, "a linked", "login a"),
            (0.1, "a: OL", ""),
            (0.2, "a in", ""),
            // This one came by itself.
            (3.0, "a linked", "login a, poll a"),
        ],
    );
}

#[test]
fn a_refused_login_is_tried_again() {
    let mut rig = check(
        ONE,
        &[
            (0.0, "a linked", "login a"),
            (0.0, "a: OL", ""),
            (0.1, "a refused LOGIN", ""),
            (5.0, "wake", "poll a"),
            (5.0, "a: OL", ""),
        ],
    );
    // A clock that jumps now would blur the picture: it is woken all the time.
    for at in [10.0, 15.0, 20.0, 25.0, 30.0] {
        assert_eq!(rig.on(at, "wake"), "poll a");
        assert_eq!(rig.on(at, "a: OL"), "");
    }
    rig.check(&[
        (35.0, "wake", "login a, poll a"),
        (35.0, "a: OL", ""),
        (35.1, "a refused PASSWORD", ""),
        (40.0, "wake", "poll a"),
        (40.0, "a! broken", "COMMBAD a"),
        (45.0, "wake", "poll a"),
        // Without a connection there is nothing to try on.
        (45.0, "a! refused", ""),
        (50.0, "wake", "poll a"),
        (50.0, "a linked", "login a"),
        (50.1, "a in", ""),
    ]);
    assert_eq!(
        rig.log[..2],
        [
            "Login to UPS [a] failed: Access denied; trying again in 30 s",
            "Authentication on [a] failed: Access denied; trying again in 30 s",
        ]
    );
}

#[test]
fn a_primary_without_the_right_is_counted_all_the_same() {
    let rig = check(
        ONE,
        &[(0.0, "a linked", "login a"), (0.0, "a refused PRIMARY", "")],
    );
    assert_eq!(
        rig.log,
        [
            "Primary managerial privileges unavailable on UPS [a]",
            "Reason: Access denied",
        ]
    );
    assert_eq!(rig.monitor.upses[0].login, super::super::contact::Login::In);
}

/// How often one cause, then another, then the first again, is logged.
fn logged(conf: &str) -> Vec<String> {
    let mut rig = start(conf);
    let causes = ["x", "x", "x", "x", "x", "y", "y", "x"];
    for (at, cause) in causes.iter().enumerate() {
        rig.on(at as f64, &format!("a! {cause}"));
    }
    rig.on(9.0, "a: OL");
    let texts = rig.log.iter();
    texts
        .map(|text| text.replace("Poll UPS [a] ", ""))
        .collect()
}

#[test]
fn repeated_failures_are_logged_as_often_as_asked() {
    let (x, y, end) = ("failed - x", "failed - y", "recovered from failure: x");
    assert_eq!(logged(ONE), [x, x, x, x, x, y, y, x, end]);
    let with = |count| format!("{ONE}POLLFAIL_LOG_THROTTLE_MAX {count}\n");
    assert_eq!(logged(&with(0)), [x, y, x, end]);
    assert_eq!(logged(&with(1)), [x, x, x, x, x, y, y, x, end]);
    assert_eq!(logged(&with(3)), [x, x, y, x, end]);
}

#[test]
fn a_failure_is_put_in_words() {
    let mut rig = start("MONITOR rack@pdu:99 1 u p primary\n");
    rig.on(0.0, "rack@pdu:99! UNKNOWN-UPS");
    rig.on(1.0, "rack@pdu:99! DATA-STALE");
    rig.on(2.0, "rack@pdu:99! refused");
    assert_eq!(
        rig.log,
        [
            "Poll UPS [rack@pdu:99] failed - [rack] does not exist on server pdu",
            "Poll UPS [rack@pdu:99] failed - Data stale",
            "Poll UPS [rack@pdu:99] failed - Connection refused",
        ]
    );
}
