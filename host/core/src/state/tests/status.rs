//! Alarms, low battery, trends: the words of the status.
use super::*;

/// The status after the reports, which come one second apart.
#[track_caller]
fn check_status(lines: &str, reports: &[&str], expected: &str) {
    let mut state = device(lines);
    for (n, pairs) in reports.iter().enumerate() {
        state.apply(Ok(report(pairs)), at(n as u64));
    }
    assert_eq!(
        value(&state, "ups.status").unwrap_or("(none)".into()),
        expected,
        "{reports:?}"
    );
}

#[test]
fn the_status_is_the_devices_words_once_each() {
    check_status("", &["status=OL"], "OL");
    check_status("", &["status=OB LB DISCHRG OB"], "OB LB DISCHRG");
    check_status("", &["status="], "");
    let mut state = device("");
    let update = Update {
        complete: true,
        ..changes("ups.status=RB OL RB")
    };
    state.apply(Ok(update), at(0));
    assert_eq!(value(&state, "ups.status").unwrap(), "RB OL");
}

#[test]
fn alarm_comes_first() {
    check_status(
        "",
        &["status=OL RB, alarm=Replace the battery."],
        "ALARM OL RB",
    );
    check_status("", &["status=OL ALARM RB"], "ALARM OL RB");
    let mut state = device("");
    state.apply(
        Ok(report("status=OL, alarm=Too hot., alarm=Fan stands.")),
        at(0),
    );
    assert_eq!(value(&state, "ups.alarm").unwrap(), "Too hot. Fan stands.");
    let calm = Update {
        alarms: Some(vec![]),
        ..Update::default()
    };
    assert!(state.apply(Ok(calm), at(1)));
    assert_eq!(
        (
            value(&state, "ups.alarm"),
            value(&state, "ups.status").unwrap()
        ),
        (None, "OL".into())
    );
}

#[test]
fn alarms_fit_into_a_value() {
    let mut state = device("");
    let alarms = Some(vec!["x".repeat(200); 3]);
    state.apply(
        Ok(Update {
            alarms,
            ..report("status=OL")
        }),
        at(0),
    );
    assert_eq!(value(&state, "ups.alarm").unwrap().len(), 255);
    let status = Some((0..30).map(|n| format!("{n:040}")).collect());
    state.apply(
        Ok(Update {
            status,
            ..Update::default()
        }),
        at(1),
    );
    assert_eq!(value(&state, "ups.status").unwrap().len(), 5 + 6 * 41);
}

#[test]
fn ignorelb_decides_low_battery_by_thresholds() {
    let low = "ignorelb\noverride.battery.charge.low = 20\n";
    check_status(low, &["status=OB LB, battery.charge=50"], "OB");
    check_status(low, &["status=OB LB, battery.charge=20"], "OB");
    check_status(low, &["status=OB LB, battery.charge=20.9"], "OB");
    check_status(low, &["status=OB, battery.charge=19.9"], "OB LB");
    check_status(
        "ignorelb\n",
        &["status=OB, battery.charge=10, battery.charge.low=20"],
        "OB LB",
    );
    let runtime = "ignorelb\ndefault.battery.runtime.low = 300\n";
    check_status(runtime, &["status=OB, battery.runtime=299"], "OB LB");
    check_status(
        runtime,
        &["status=OB, battery.runtime=299, battery.runtime.low=100"],
        "OB",
    );
    check_status(
        "override.battery.charge.low = 20\n",
        &["status=OB LB, battery.charge=50"],
        "OB LB",
    );
}

#[test]
fn ignorelb_without_a_way_to_tell_serves_nothing() {
    let mut state = device("ignorelb\n");
    assert!(!state.apply(Ok(report("status=OL LB, battery.charge=50")), at(0)));
    assert_eq!(state.freshness(), Freshness::Waiting);
    assert!(
        matches!(state.problem(), Some(Failure::BadSetting { name, .. }) if name == "ignorelb")
    );
    assert!(state.apply(Ok(changes("battery.charge.low=60")), at(1)));
    assert_eq!(
        (state.freshness(), state.problem()),
        (Freshness::Fresh, None)
    );
    assert_eq!(value(&state, "ups.status").unwrap(), "OL LB");
    // Once is enough: a value that goes missing later only means that nothing is low.
    state.apply(Ok(report("status=OL LB")), at(2));
    assert_eq!(value(&state, "ups.status").unwrap(), "OL");
}

#[test]
fn a_charge_that_moves_makes_a_trend() {
    let status = |charges: &[&str], expected| {
        let reports: Vec<String> = charges
            .iter()
            .map(|charge| format!("status=OL, battery.charge={charge}"))
            .collect();
        check_status(
            "",
            &reports.iter().map(String::as_str).collect::<Vec<_>>(),
            expected,
        );
    };
    status(&["50"], "OL");
    status(&["50", "51"], "OL CHRG");
    status(&["50", "49"], "OL DISCHRG");
    status(&["50", "51", "51"], "OL");
    status(&["99", "100"], "OL");
    status(&["100", "99"], "OL DISCHRG");
    status(&["x", "51"], "OL");
    check_status(
        "",
        &[
            "status=OL, battery.charge=5",
            "status=OL CHRG, battery.charge=6",
        ],
        "OL CHRG",
    );
    check_status(
        "",
        &[
            "status=OL, battery.charge=5",
            "status=OL CHRG, battery.charge=4",
        ],
        "OL CHRG DISCHRG",
    );
    check_status(
        "override.battery.charge = 50\n",
        &["battery.charge=5", "battery.charge=6"],
        "",
    );
}

#[test]
fn a_trend_ends_with_the_next_report_though_nothing_else_changed() {
    let mut state = device("");
    state.apply(Ok(report("status=OL, battery.charge=5")), at(0));
    assert!(state.apply(Ok(changes("battery.charge=6")), at(1)));
    assert_eq!(value(&state, "ups.status").unwrap(), "OL CHRG");
    assert!(state.apply(Ok(Update::default()), at(2)));
    assert_eq!(value(&state, "ups.status").unwrap(), "OL");
    assert!(!state.apply(Ok(Update::default()), at(3)));
}
