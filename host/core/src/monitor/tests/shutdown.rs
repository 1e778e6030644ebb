//! The way down, step by step.

use super::*;

/// OB LB at a primary that is logged in.
const FALLS: [Row<'static>; 4] = [
    (0.0, "a linked", "login a"),
    (0.0, "a in", ""),
    (0.0, "a: OL", ""),
    (1.0, "a: OB LB", "ONBATT a, LOWBATT a, fsd a"),
];

#[track_caller]
fn falls(more: &str, script: &[Row<'_>]) -> Rig {
    let mut rig = check(&format!("{ONE}{more}"), &FALLS);
    rig.check(script);
    rig
}

#[test]
fn a_primary_alone_goes_down_after_finaldelay() {
    let rig = falls(
        "",
        &[
            (1.1, "a fsd ok", "count a, FSD a"),
            (1.2, "a logins 1", "wall, SHUTDOWN"),
            (6.1, "wake", ""),
            (6.2, "wake", "SHUTDOWNCMD, exit 0"),
        ],
    );
    assert_eq!(
        rig.log.last().unwrap(),
        "Executing automatic power-fail shutdown"
    );
}

#[test]
fn without_finaldelay_the_command_follows_at_once() {
    falls(
        "FINALDELAY 0\n",
        &[
            (1.1, "a fsd ok", "count a, FSD a"),
            (1.2, "a logins 1", "wall, SHUTDOWN, SHUTDOWNCMD, exit 0"),
        ],
    );
}

#[test]
fn a_primary_waits_for_its_secondaries() {
    falls(
        "",
        &[
            (1.1, "a fsd ok", "count a, FSD a"),
            (1.1, "a logins 3", "SHUTDOWN_HOSTSYNC"),
            (1.25, "wake", "count a"),
            (1.3, "a logins 2", ""),
            (1.5, "wake", "count a"),
            (1.6, "a logins 1", "wall, SHUTDOWN"),
        ],
    );
}

#[test]
fn a_primary_waits_no_longer_than_hostsync() {
    let rig = falls(
        "",
        &[
            (1.1, "a fsd ok", "count a, FSD a"),
            (1.1, "a logins 2", "SHUTDOWN_HOSTSYNC"),
            (15.9, "wake", "count a"),
            (15.95, "a logins 2", ""),
            (16.0, "wake", "wall, SHUTDOWN"),
        ],
    );
    assert!(
        rig.log
            .contains(&"Host sync timer expired, forcing shutdown".to_owned())
    );
}

#[test]
fn a_count_that_fails_is_not_taken_for_nobody() {
    for failure in ["DATA-STALE", "DRIVER-NOT-CONNECTED", "lost"] {
        falls(
            "",
            &[
                (1.1, "a fsd ok", "count a, FSD a"),
                (1.1, &format!("a logins {failure}"), ""),
                (1.25, "wake", "count a"),
                (15.9, &format!("a logins {failure}"), "count a"),
                (16.0, "wake", "wall, SHUTDOWN"),
            ],
        );
    }
    // At a UPS that is not there nobody is.
    falls(
        "",
        &[
            (1.1, "a fsd UNKNOWN-UPS", "count a"),
            (1.1, "a logins UNKNOWN-UPS", "wall, SHUTDOWN"),
        ],
    );
}

#[test]
fn the_one_who_is_logged_in_may_be_another() {
    // Never logged in: the only login is somebody else's.
    check(
        ONE,
        &[
            (0.0, "a linked", "login a"),
            (0.0, "a: OB LB", "ONBATT a, LOWBATT a, fsd a"),
            (0.1, "a fsd ok", "count a, FSD a"),
            (0.1, "a logins 1", "SHUTDOWN_HOSTSYNC"),
            (0.3, "wake", "count a"),
            (0.3, "a logins 0", "wall, SHUTDOWN"),
        ],
    );
}

#[test]
fn an_fsd_that_gets_lost_is_said_again() {
    let rig = falls(
        "",
        &[
            (1.1, "a fsd lost", ""),
            (1.25, "wake", "fsd a"),
            (1.3, "a linked", "login a"),
            (1.3, "a fsd USERNAME-REQUIRED", ""),
            (1.4, "a in", "fsd a"),
            (1.5, "wake", ""),
            (1.5, "a fsd ok", "count a, FSD a"),
            (1.6, "a logins 1", ""),
            (16.0, "wake", "wall, SHUTDOWN"),
        ],
    );
    let lost = rig
        .log
        .iter()
        .filter(|text| text.contains("FSD set on UPS [a] failed"));
    assert_eq!(lost.count(), 1);
}

#[test]
fn a_server_that_starts_anew_is_told_anew() {
    falls(
        "",
        &[
            (1.1, "a fsd ok", "count a, FSD a"),
            (1.1, "a logins 2", "SHUTDOWN_HOSTSYNC"),
            (1.25, "wake", "count a"),
            (1.3, "a logins lost", ""),
            (1.5, "wake", "count a"),
            (1.6, "a linked", "login a"),
            // Nobody has come back yet, and nobody who does would hear of it.
            (1.6, "a logins 0", ""),
            (1.6, "a in", "fsd a"),
            (1.7, "a fsd ok", "count a"),
            (1.8, "a logins 1", "count a"),
            (16.0, "wake", "wall, SHUTDOWN"),
        ],
    );
}

#[test]
fn an_fsd_that_is_denied_is_not_said_again_and_the_secondaries_are_awaited() {
    let rig = falls(
        "",
        &[
            (1.1, "a fsd ACCESS-DENIED", "count a"),
            (1.1, "a logins 2", "SHUTDOWN_HOSTSYNC"),
            (1.25, "wake", "count a"),
            (1.3, "a logins 1", "wall, SHUTDOWN"),
        ],
    );
    assert!(
        rig.log
            .contains(&"FSD set on UPS [a] failed: Access denied".to_owned())
    );
}

#[test]
fn an_fsd_is_given_time_to_arrive_even_without_hostsync() {
    let fast = "HOSTSYNC 0\nFINALDELAY 0\n";
    let down = "wall, SHUTDOWN, SHUTDOWNCMD, exit 0";
    falls(
        fast,
        &[
            (1.2, "wake", ""),
            (1.3, "a fsd ok", &format!("count a, FSD a, {down}")),
        ],
    );
    falls(
        fast,
        &[(1.2, "wake", ""), (5.9, "wake", ""), (6.0, "wake", down)],
    );
}

#[test]
fn every_primary_is_told_and_all_are_awaited() {
    let three = "MONITOR a 1 u p primary\nMONITOR b 0 u p primary\nMONITOR c 1 u p secondary\nMINSUPPLIES 2\n";
    check(
        three,
        &[
            (0.0, "b: OL", ""),
            (0.0, "c: OL FSD", "FSD c, fsd a, fsd b"),
            (0.1, "b fsd ok", "count b, FSD b"),
            (0.1, "b logins 0", ""),
            (0.1, "a fsd ok", "count a, FSD a"),
            (0.1, "a logins 4", "SHUTDOWN_HOSTSYNC"),
            (0.3, "wake", "count a, count b"),
            (0.3, "a logins 0", ""),
            (0.3, "b logins 1", ""),
            (0.6, "wake", "count a, count b"),
            // A count of before is none: the answers belong together.
            (0.6, "b logins 0", ""),
            (0.6, "a logins 0", "wall, SHUTDOWN"),
        ],
    );
}

#[test]
fn a_secondary_goes_when_told() {
    check(
        GUEST,
        &[
            (0.0, "a: OL", ""),
            (5.0, "wake", "poll a"),
            (
                5.0,
                "a: FSD OB LB",
                "FSD a, ONBATT a, LOWBATT a, wall, SHUTDOWN",
            ),
            (10.0, "wake", "SHUTDOWNCMD, exit 0"),
        ],
    );
}

#[test]
fn nothing_cancels_a_forced_shutdown() {
    falls(
        "",
        &[
            (1.1, "a fsd ok", "count a, FSD a"),
            (1.1, "a logins 2", "SHUTDOWN_HOSTSYNC"),
            (1.2, "a: OL", ""),
            (1.2, "a changed", ""),
            (1.2, "a! DATA-STALE", ""),
            (1.2, "sleep", ""),
            (1.2, "woken", ""),
            (1.2, "forced", ""),
            (1.25, "wake", "count a"),
            (1.3, "a logins 1", "wall, SHUTDOWN"),
            (1.4, "a: OL", ""),
            (1.5, "forced", ""),
            (6.3, "wake", "SHUTDOWNCMD, exit 0"),
        ],
    );
}

#[test]
fn the_operator_forces_it_whatever_the_status() {
    check(ONE, &[(0.0, "a: OL", ""), (1.0, "forced", "fsd a")]);
    check(
        GUEST,
        &[(0.0, "a: OL", ""), (1.0, "forced", "wall, SHUTDOWN")],
    );
    check(
        GUEST,
        &[
            (0.0, "sleep", "SUSPEND_STARTING"),
            (1.0, "forced", "wall, SHUTDOWN"),
        ],
    );
}

#[test]
fn who_stays_keeps_the_connections_alive() {
    let conf = |exit| format!("{GUEST}FINALDELAY 30\nSHUTDOWNEXIT {exit}\n");
    let script = [
        (0.0, "a: FSD OL", "FSD a, wall, SHUTDOWN"),
        (20.0, "wake", "count a"),
        (20.1, "a logins 2", ""),
        (30.0, "wake", "SHUTDOWNCMD"),
        (31.0, "wake", "count a"),
        (32.0, "wake", "count a"),
        (32.5, "a linked", "login a"),
    ];
    let mut rig = check(&conf("no"), &script);
    rig.check(&[(600.0, "wake", "count a")]);
    let mut rig = check(&conf("3"), &script);
    rig.check(&[(33.0, "wake", "exit 0")]);
    assert!(
        rig.monitor
            .on(Event::Forced, Duration::from_secs(34))
            .is_empty()
    );
}

#[test]
fn a_missing_parent_is_told_every_two_minutes() {
    let mut rig = check(
        ONE,
        &[
            (0.0, "a: OL", ""),
            (0.0, "orphan", "NOPARENT"),
            (1.0, "orphan", ""),
        ],
    );
    let mut told = Vec::new();
    for at in (5..=250).step_by(5) {
        let at = f64::from(at);
        if rig.on(at, "wake").contains("NOPARENT") {
            told.push(at);
        }
        rig.on(at, "a: OL");
    }
    assert_eq!(told, [120.0, 240.0]);
}
