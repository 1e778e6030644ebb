//! When data stop being worth anything.
use super::*;
use crate::report::{Kind, Traits};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn three_failures_in_a_row_make_data_stale() {
    let mut state = device("");
    state.apply(Ok(report("status=OL")), at(0));
    for (seconds, changed) in [(1, false), (2, false)] {
        assert_eq!(state.apply(Err(&Failure::Timeout), at(seconds)), changed);
    }
    assert!(!state.apply(Ok(Update::default()), at(3)));
    for (seconds, changed) in [(4, false), (5, false), (6, true), (7, false)] {
        assert_eq!(
            state.apply(Err(&Failure::Protocol("x".into())), at(seconds)),
            changed,
            "{seconds}"
        );
    }
    assert_eq!(
        (state.freshness(), state.next_deadline()),
        (Freshness::Stale, None)
    );
    assert_eq!(state.problem(), Some(&Failure::Protocol("x".into())));
    assert!(state.apply(Ok(Update::default()), at(8)));
    assert_eq!(
        (state.freshness(), state.problem()),
        (Freshness::Fresh, None)
    );
}

#[test]
fn a_lost_port_and_a_crash_count_at_once() {
    for failure in [Failure::Lost, Failure::Crashed("trap".into())] {
        let mut state = device("");
        assert!(!state.apply(Err(&failure), at(0)));
        assert_eq!(state.freshness(), Freshness::Waiting);
        state.apply(Ok(report("status=OL")), at(1));
        assert!(state.apply(Err(&failure), at(2)));
        for seconds in 3..9 {
            assert!(!state.apply(Err(&Failure::Timeout), at(seconds)));
        }
        assert_eq!(state.freshness(), Freshness::Lost);
        assert!(state.apply(Ok(report("status=OL")), at(9)));
        assert_eq!(state.freshness(), Freshness::Fresh);
    }
}

#[test]
fn silence_makes_data_stale_at_the_deadline() {
    let mut state = device("");
    assert_eq!((state.next_deadline(), state.tick(at(99))), (None, false));
    state.apply(Ok(report("status=OL")), at(100));
    assert_eq!(state.next_deadline(), Some(at(115)));
    assert!(!state.tick(at(115) - SECOND / 1000));
    assert!(state.tick(at(115)));
    assert!(!state.tick(at(116)));
    assert_eq!(state.freshness(), Freshness::Stale);
}

#[test]
fn a_device_polled_less_often_than_maxage_is_waited_for() {
    let mut state = device("pollinterval = 30\n");
    state.apply(Ok(report("status=OL")), at(0));
    assert_eq!(state.next_deadline(), Some(at(40)));
    let next = Some(at(60));
    state.apply(
        Ok(Update {
            next,
            ..Update::default()
        }),
        at(10),
    );
    assert_eq!(state.next_deadline(), Some(at(80)));
}

#[test]
fn updates_that_add_up_to_garbage_end_the_instance() {
    let many = |from: usize| -> Update {
        let set = (from..from + 3000)
            .map(|n| (format!("ups.v{n}"), "1".to_owned()))
            .collect();
        Update {
            set,
            ..Update::default()
        }
    };
    let mut state = device("");
    state.apply(Ok(report("status=OL")), at(0));
    assert!(state.apply(Ok(many(0)), at(1)));
    assert!(state.apply(Ok(many(3000)), at(2)));
    assert!(matches!(state.problem(), Some(Failure::Crashed(_))));
    assert_eq!(state.freshness(), Freshness::Lost);
    assert!(!state.apply(Ok(changes("ups.load=1")), at(3)));
    assert_eq!(state.freshness(), Freshness::Lost);
    assert!(state.apply(Ok(report("status=OL")), at(4)));

    let mut state = device("");
    let number = Traits {
        name: "ups.load".into(),
        kind: Kind::Number,
        ..Traits::default()
    };
    state.apply(
        Ok(Update {
            traits: vec![number],
            ..report("status=OL, ups.load=1")
        }),
        at(0),
    );
    assert!(state.apply(Ok(changes("ups.load=much")), at(1)));
    assert!(state.problem().unwrap().to_string().contains("ups.load"));
    let mut state = device("");
    assert!(!state.apply(Ok(changes("ups.load=1")), at(0)));
    assert_eq!(state.freshness(), Freshness::Waiting);
}
