//! New settings while it runs.

use super::*;

impl Rig {
    fn reload(&mut self, at: f64, conf: &str) -> String {
        let now = Duration::from_secs_f64(at);
        let actions = self
            .monitor
            .on(Event::Reload(Box::new(settings(conf))), now);
        self.shown(&actions)
    }
}

#[test]
fn upses_come_go_and_keep_what_is_known() {
    let two = "MONITOR a 1 u p primary\nMONITOR b 1 u p secondary\n";
    let mut rig = check(two, &[(0.0, "b: OB", "ONBATT b"), (0.0, "a: OL", "")]);
    let other = "MONITOR c 1 u p primary\nMONITOR b 2 u p secondary\n";
    assert_eq!(rig.reload(1.0, other), "drop a, poll c, poll b");
    assert_eq!(rig.log, ["No longer monitoring UPS [a]"]);
    rig.check(&[
        (1.1, "a: OB LB", ""),
        (1.1, "b: OL", "ONLINE b"),
        (1.1, "c: OL", ""),
    ]);
    let outlook = rig.monitor.judgements(Duration::from_secs(2));
    assert_eq!(outlook.supplies, 3);
}

#[test]
fn who_becomes_primary_says_so_on_a_new_connection() {
    let mut rig = check(
        GUEST,
        &[
            (0.0, "a linked", "login a"),
            (0.0, "a in", ""),
            (0.0, "a: OL", ""),
        ],
    );
    assert_eq!(rig.reload(1.0, ONE), "drop a, poll a");
    rig.check(&[(1.1, "a linked", "login a"), (1.2, "a: OL", "")]);
    // Back again nothing needs to be said.
    rig.on(1.3, "a in");
    assert_eq!(rig.reload(2.0, GUEST), "poll a");
}

#[test]
fn an_answer_that_a_dropped_connection_owes_is_no_news() {
    let mut rig = check(GUEST, &[(0.0, "a: OL", ""), (5.0, "wake", "poll a")]);
    assert_eq!(rig.reload(5.1, ONE), "drop a");
    rig.check(&[(5.2, "a! closed", "poll a"), (5.3, "a: OL", "")]);
}

#[test]
fn another_password_is_tried_where_the_old_one_failed() {
    let other = "MONITOR a 1 u q primary\n";
    let mut rig = check(
        ONE,
        &[
            (0.0, "a linked", "login a"),
            (0.0, "a: OL", ""),
            (0.0, "a in", ""),
        ],
    );
    assert_eq!(rig.reload(1.0, other), "poll a");
    rig.check(&[(1.0, "a: OL", ""), (2.0, "a linked", "login a, poll a")]);
    rig.check(&[(2.0, "a: OL", ""), (2.0, "a refused LOGIN", "")]);
    assert_eq!(rig.reload(3.0, ONE), "drop a, poll a");
}

#[test]
fn settings_hold_at_once() {
    let mut rig = check(ONE, &[(0.0, "a: OL", "")]);
    rig.reload(1.0, "MONITOR a 1 u p primary\nPOLLFREQ 30\n");
    rig.check(&[
        (1.0, "a: OL", ""),
        (6.0, "wake", ""),
        (31.0, "wake", "poll a"),
    ]);
    // A pass is due when fewer supplies would no longer do.
    let two = "MONITOR a 1 u p primary\nMONITOR b 1 u p secondary\n";
    let mut rig = check(
        two,
        &[(0.0, "a: OB LB", "ONBATT a, LOWBATT a"), (0.0, "b: OL", "")],
    );
    assert_eq!(
        rig.reload(1.0, &format!("{two}MINSUPPLIES 2\n")),
        "poll a, poll b"
    );
    rig.check(&[(1.1, "b: OL", "fsd a")]);
}

#[test]
fn too_little_power_ends_the_program() {
    let mut rig = check(ONE, &[(0.0, "a: OL", "")]);
    assert_eq!(rig.reload(1.0, "MONITOR a 0 u p primary\n"), "exit 1");
    assert!(rig.log[0].starts_with("Fatal error: insufficient power configured!"));
}

#[test]
fn on_the_way_down_nothing_is_read() {
    let mut rig = check(ONE, &[(0.0, "a: OB LB", "ONBATT a, LOWBATT a, fsd a")]);
    assert_eq!(rig.reload(0.1, "MINSUPPLIES 0\n"), "");
    assert_eq!(rig.monitor.settings().systems.len(), 1);
}
