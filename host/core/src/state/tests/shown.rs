//! Variables and commands: the device's, the host's own, and presets.
use super::*;
use crate::report::{Kind, Traits};

#[test]
fn presets_stand_above_and_below_the_device() {
    let mut state =
        device("override.ups.id = forced\ndefault.battery.charge = 50\ndefault.ups.Foo = bar\n");
    let mut update = report("status=OL, ups.id=device's, battery.charge=15");
    let writable = |name: &str| Traits {
        name: name.into(),
        writable: true,
        kind: Kind::Text(9),
        ..Traits::default()
    };
    update.traits = vec![
        writable("ups.id"),
        writable("battery.charge"),
        writable("ups.foo"),
    ];
    state.apply(Ok(update), at(0));
    let seen = state.snapshot();
    let get = |name: &str| {
        seen.variable(name)
            .map(|v| (v.name.as_str(), v.value.as_str(), v.writable, v.kind))
    };
    assert_eq!(
        get("ups.id"),
        Some(("ups.id", "forced", false, Kind::Unspecified))
    );
    assert_eq!(
        get("battery.charge"),
        Some(("battery.charge", "15", true, Kind::Text(9)))
    );
    assert_eq!(
        get("ups.foo"),
        Some(("ups.Foo", "bar", true, Kind::Text(9)))
    );
    let clear = vec!["Battery.Charge".to_owned()];
    state.apply(
        Ok(Update {
            clear,
            ..Update::default()
        }),
        at(1),
    );
    assert_eq!(value(&state, "battery.charge").unwrap(), "50");
    let refused = state.set_own("UPS.id", "x").unwrap().unwrap_err();
    assert!(refused.to_string().contains("override."), "{refused}");
    assert_eq!(state.set_own("battery.charge", "x"), None);
}

#[test]
fn the_device_is_called_what_the_ups_is() {
    let mut state = device("");
    state.apply(
        Ok(report(
            "status=OL, ups.mfr=ACME, ups.model=X, device.model=Y",
        )),
        at(0),
    );
    assert_eq!(value(&state, "device.mfr").unwrap(), "ACME");
    assert_eq!(value(&state, "device.model").unwrap(), "Y");
    assert_eq!(
        (
            value(&state, "device.serial"),
            value(&state, "device.type").unwrap()
        ),
        (None, "ups".into())
    );
    state.apply(Ok(changes("ups.mfr=label, ups.serial=7")), at(1));
    assert_eq!(
        (
            value(&state, "device.mfr").unwrap(),
            value(&state, "device.serial").unwrap()
        ),
        ("ACME".into(), "7".into())
    );
    state.apply(
        Ok(report("status=OL, ups.mfr=Other, device.type=pdu")),
        at(2),
    );
    assert_eq!(
        (
            value(&state, "device.mfr").unwrap(),
            value(&state, "device.type").unwrap()
        ),
        ("Other".into(), "pdu".into())
    );
}

/// What Debian's dummy-ups 2.8.0 shows for the same section and file, and what later versions add.
#[test]
fn the_list_is_that_of_the_incumbent() {
    let mut state = device(
        "desc = x\nsdorder = 1\nuser = root\ndebug_min = 0\nnolock\nmode = dummy-once\nignorelb\n\
         override.battery.charge.low = 20\ncommunity = private\n",
    );
    state.identify("0.15");
    let mut update =
        report("status=OL, ups.mfr=ACME, battery.charge=50, UPS.id=x, driver.name=lie");
    update.commands = Some(vec![
        "load.off".into(),
        "Shutdown.Default".into(),
        "beeper.toggle".into(),
    ]);
    state.apply(Ok(update), at(0));
    let seen = state.snapshot();
    let shown: Vec<String> = seen
        .variables
        .iter()
        .map(|v| format!("{}: {}", v.name, v.value))
        .collect();
    let expected = [
        "battery.charge: 50",
        "battery.charge.low: 20",
        "device.mfr: ACME",
        "device.type: ups",
        "driver.debug: 0",
        "driver.flag.allow_killpower: 0",
        "driver.flag.ignorelb: enabled",
        "driver.flag.nolock: enabled",
        "driver.name: dummy-ups",
        "driver.parameter.mode: dummy-once",
        "driver.parameter.override.battery.charge.low: 20",
        "driver.parameter.pollinterval: 2",
        "driver.parameter.port: a.dev",
        "driver.parameter.synchronous: auto",
        "driver.state: init.starting",
        concat!("driver.version: ", env!("CARGO_PKG_VERSION")),
        "driver.version.internal: 0.15",
        "UPS.id: x",
        "ups.mfr: ACME",
        "ups.status: OL",
    ];
    assert_eq!(shown, expected);
    let commands = [
        "beeper.toggle",
        "driver.killpower",
        "driver.reload",
        "driver.reload-or-error",
        "driver.reload-or-exit",
        "load.off",
        "shutdown.default",
    ];
    assert_eq!(seen.commands, commands);
    assert!(seen.command("LOAD.off").is_some() && seen.command("load.on").is_none());
}

#[test]
fn the_plugins_secrets_are_withdrawn() {
    let mut state = device("Login = x\nmode = y\n");
    state.conceal("login");
    assert_eq!(
        (
            value(&state, "driver.parameter.login"),
            value(&state, "driver.parameter.mode").unwrap()
        ),
        (None, "y".into())
    );
}

#[test]
fn the_hosts_own_variables_are_written_here() {
    let mut state = device("debug_min = 2\n");
    let mut check = |name: &str, text: &str, expected: Option<bool>, shown: &str| {
        assert_eq!(
            state.set_own(name, text).map(|result| result.is_ok()),
            expected,
            "{name} {text}"
        );
        assert_eq!(
            value(&state, name).unwrap_or_default(),
            shown,
            "{name} {text}"
        );
    };
    check("driver.debug", "5", Some(true), "5");
    check("Driver.Debug", "-1", Some(true), "2");
    check("driver.debug", "9999", Some(true), "255");
    check("driver.debug", "much", Some(false), "255");
    check("driver.flag.allow_killpower", "yes", Some(true), "1");
    check("driver.flag.allow_killpower", "disabled", Some(true), "0");
    check("driver.flag.allow_killpower", "Enabled", Some(true), "1");
    check("driver.flag.allow_killpower", "perhaps", Some(false), "1");
    check("driver.name", "x", Some(false), "dummy-ups");
    check("ups.id", "x", None, "");
    let seen = state.snapshot();
    let writable: Vec<_> = seen
        .variables
        .iter()
        .filter(|v| v.writable)
        .map(|v| (v.name.as_str(), v.kind))
        .collect();
    assert_eq!(
        writable,
        [
            ("driver.debug", Kind::Number),
            ("driver.flag.allow_killpower", Kind::Number)
        ]
    );
}

#[test]
fn the_hosts_own_commands_are_resolved_here() {
    let mut state = device("sdcommands = shutdown.return,load.off\n");
    let list = vec!["shutdown.return".to_owned(), "load.off".to_owned()];
    assert_eq!(
        state.own_command("Shutdown.default"),
        Some(Ok(OwnCommand::Shutdown(list.clone())))
    );
    assert!(matches!(
        state.own_command("driver.killpower"),
        Some(Err(Failure::InvalidArgument(_)))
    ));
    state
        .set_own("driver.flag.allow_killpower", "1")
        .unwrap()
        .unwrap();
    assert_eq!(
        state.own_command("driver.killpower"),
        Some(Ok(OwnCommand::Shutdown(list)))
    );
    assert_eq!(
        state.own_command("driver.reload"),
        Some(Ok(OwnCommand::Reload))
    );
    assert_eq!(
        state.own_command("driver.reload-or-error"),
        Some(Ok(OwnCommand::ReloadOrError))
    );
    assert_eq!(
        state.own_command("driver.reload-or-exit"),
        Some(Ok(OwnCommand::ReloadOrExit))
    );
    assert_eq!(
        (
            state.own_command("load.off"),
            state.own_command("driver.exit")
        ),
        (None, None)
    );
    let allowed = device("allow_killpower\n").own_command("driver.killpower");
    assert_eq!(allowed, Some(Ok(OwnCommand::Shutdown(vec![]))));
}

#[test]
fn the_drivers_state_is_shown() {
    let mut state = device("");
    assert!(state.set_driver_state("updateinfo") && !state.set_driver_state("updateinfo"));
    assert_eq!(value(&state, "driver.state").unwrap(), "updateinfo");
    assert!(state.apply(Ok(report("status=OL")), at(0)));
    assert_eq!(value(&state, "driver.state").unwrap(), "updateinfo");
}

#[test]
fn changed_settings_leave_the_values_alone() {
    let mut state = device("");
    state.identify("1.2");
    state.conceal("x");
    state.apply(Ok(report("status=OL, ups.id=a")), at(0));
    let (conf, _) = ups::parse(
        "f",
        b"[a]\ndriver=d\nport=p\npollinterval=5\noverride.ups.id=b\nx=1\n",
    );
    assert!(state.reconfigure(&conf.sections[0], &conf.global, at(15)));
    for (name, expected) in [
        ("ups.id", Some("b")),
        ("ups.status", Some("OL")),
        ("driver.version.internal", Some("1.2")),
        ("driver.parameter.pollinterval", Some("5")),
        ("driver.parameter.x", None),
    ] {
        assert_eq!(value(&state, name).as_deref(), expected, "{name}");
    }
    assert_eq!(state.freshness(), Freshness::Fresh);
}

#[test]
fn lists_are_sorted_without_regard_to_case() {
    let mut state = device("");
    state.apply(
        Ok(report("status=OL, ups.B=1, UPS.a=2, ups.c=3, ups-x=4")),
        at(0),
    );
    let seen = state.snapshot();
    let names: Vec<_> = seen
        .variables
        .iter()
        .map(|v| v.name.to_ascii_lowercase())
        .collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(names, sorted);
    assert!(
        names
            .iter()
            .all(|name| seen.variable(&name.to_ascii_uppercase()).is_some())
    );
}

#[test]
fn a_driver_tells_the_options_in_effect_and_nothing_else_of_the_hosts() {
    let mut state = device("MODE = x\npin = 1\n");
    state.conceal("pin");
    let mut update = report(
        "status=OL, driver.parameter.mode=dummy-once, driver.parameter.port=lie, driver.parameter.pin=1, \
         driver.version.data=7, driver.reconnect_count=3, ups.alarm=from the file",
    );
    let name = "driver.version.data".to_owned();
    update.traits = vec![Traits {
        name,
        writable: true,
        ..Traits::default()
    }];
    state.apply(Ok(update), at(0));
    for (name, expected) in [
        ("driver.parameter.mode", Some("dummy-once")),
        ("driver.parameter.port", Some("a.dev")),
        ("driver.parameter.pin", None),
        ("driver.version.data", Some("7")),
        ("driver.reconnect_count", None),
        ("ups.alarm", Some("from the file")),
        ("ups.status", Some("OL")),
    ] {
        assert_eq!(value(&state, name).as_deref(), expected, "{name}");
    }
    assert!(
        !state
            .snapshot()
            .variable("driver.version.data")
            .unwrap()
            .writable
    );
    state.apply(Ok(changes("alarm=Real one.")), at(1));
    assert_eq!(value(&state, "ups.alarm").unwrap(), "Real one.");
}
