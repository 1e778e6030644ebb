//! The faults, one function each.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use husk_tests::process;
use husk_tests::rig::{Signal, Which};
use husk_tests::tool::{Tools, run};
use husk_tests::upsmon::{SHUTDOWN, Upsmon};

use crate::stage::{PATIENCE, Stage, Ups};
use crate::{Fate, Fates, Fault, TIMES, Wait, fates};

const AT_ONCE: Fate = Fate::Down(Wait::Nothing);
const HOSTSYNC: Fate = Fate::Down(Wait::Hostsync);
const DEADTIME: Fate = Fate::Down(Wait::Deadtime);
const UP: Fate = Fate::Up;

/// Longer than any of the times in the configuration.
const A_WHILE: Duration = Duration::from_secs(14);

/// Preloaded, it gives one process another time of day; Debian's package libfaketime.
pub(crate) fn faketime() -> PathBuf {
    let libraries = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    Path::new(&libraries).join("faketime/libfaketime.so.1")
}

const fn row(
    what: &'static str,
    [primary, secondary]: [Fate; 2],
    ordered: bool,
    play: fn(&mut Stage) -> Fates,
) -> Fault {
    Fault {
        what,
        primary,
        secondary,
        ordered,
        play,
    }
}

/// Every row of the table.
#[rustfmt::skip]
pub(crate) const FAULTS: &[Fault] = &[
    row("none: on battery, then battery low", [AT_ONCE, AT_ONCE], true, no_fault),
    row("server killed on mains, stays away", [UP, UP], false, server_killed_on_mains),
    row("server killed on battery, stays away", [DEADTIME, DEADTIME], false, server_killed),
    row("server killed on battery and restarted, then battery low", [AT_ONCE, AT_ONCE], true, server_restarted),
    row("host of server and primary restarted on battery, then battery low", [AT_ONCE, AT_ONCE], true, host_restarted),
    row("server killed after FSD, before the secondary heard of it, stays away", [HOSTSYNC, DEADTIME], false, server_killed_after_fsd),
    row("server restarted after FSD, before the secondary heard of it", [HOSTSYNC, AT_ONCE], true, server_restarted_after_fsd),
    row("server and both monitors reloaded (SIGHUP) on battery, then battery low", [AT_ONCE, AT_ONCE], true, all_reloaded),
    row("server stopped answering on battery (SIGSTOP)", [DEADTIME, DEADTIME], false, server_hangs),
    row("plugin replaced on battery, then battery low", [AT_ONCE, AT_ONCE], true, plugin_replaced),
    row("driver process killed on battery, stays away", [DEADTIME, DEADTIME], false, driver_killed),
    row("driver process killed on battery and restarted, then battery low", [AT_ONCE, AT_ONCE], true, driver_restarted),
    row("device unplugged on mains", [UP, UP], false, device_unplugged_on_mains),
    row("device unplugged on battery", [DEADTIME, DEADTIME], false, device_unplugged),
    row("mains comes and goes for ten seconds, then battery low", [AT_ONCE, AT_ONCE], true, mains_flaps),
    row("mains returns after FSD (nothing takes that back)", [AT_ONCE, AT_ONCE], true, mains_returns_after_fsd),
    row("secondary's upsmon killed on battery, then battery low", [AT_ONCE, UP], false, secondary_killed),
    row("secondary's upsmon stopped (SIGSTOP) on battery, then battery low", [HOSTSYNC, UP], false, secondary_hangs),
    row("primary's upsmon killed on battery, stays away, then battery low", [UP, HOSTSYNC], false, primary_killed),
    row("primary's upsmon stopped (SIGSTOP) on battery, then battery low", [UP, HOSTSYNC], false, primary_hangs),
    row("primary's upsmon killed on battery and restarted, then battery low", [AT_ONCE, AT_ONCE], true, primary_restarted),
    row("primary's upsmon killed after FSD, before SHUTDOWNCMD, and restarted", [AT_ONCE, AT_ONCE], true, primary_restarted_after_fsd),
    row("primary's half without root killed on battery; restarted by its service manager, then battery low", [AT_ONCE, AT_ONCE], true, primary_child_killed),
    row("primary's half with root killed on battery, not restarted, then battery low (NOPARENT is notified)", [UP, AT_ONCE], false, primary_parent_killed),
    row("secondary's cable pulled on mains, plugged in again, then battery low", [AT_ONCE, AT_ONCE], true, cable_pulled_on_mains),
    row("secondary's cable pulled on battery, then battery low", [HOSTSYNC, DEADTIME], false, cable_pulled),
    row("names no longer resolve on battery, then battery low", [AT_ONCE, AT_ONCE], true, names_gone),
    row("names no longer resolve on mains, and the server restarts", [UP, UP], false, names_gone_on_mains),
    row("names no longer resolve on battery, and the server restarts, then battery low", [AT_ONCE, AT_ONCE], true, names_gone_on_battery),
    row("clock jumps an hour ahead on battery, then battery low", [AT_ONCE, AT_ONCE], true, clock_jumps_ahead),
    row("clock jumps an hour back on battery, then battery low", [AT_ONCE, AT_ONCE], true, clock_jumps_back),
    row("clock jumps an hour ahead on battery, and the server is killed", [DEADTIME, DEADTIME], false, clock_jumps_and_server_killed),
    row("disk full where the server keeps its state, then battery low", [AT_ONCE, AT_ONCE], true, servers_disk_full),
    row("disk full where POWERDOWNFLAG goes (it is not set), then battery low", [AT_ONCE, AT_ONCE], true, disk_full),
    row("every NOTIFYCMD hangs, then battery low", [AT_ONCE, AT_ONCE], true, notifycmd_hangs),
];

/// Both monitors run and know that the UPS is on battery.
fn on_battery(stage: &mut Stage) {
    stage.start();
    stage.power(false, false);
    stage.both(|upsmon| upsmon.wait_for("ONBATT", PATIENCE).map(drop));
}

/// The battery is low; what comes of it.
fn battery_low(stage: &mut Stage) -> Fates {
    for upsmon in [&stage.primary, &stage.secondary] {
        let events = upsmon.events();
        assert!(upsmon.first(SHUTDOWN).is_none(), "too early: {events:?}");
    }
    stage.power(false, true);
    let now = Instant::now();
    fates(stage, now, now)
}

fn from_now(stage: &Stage) -> Fates {
    let now = Instant::now();
    fates(stage, now, now)
}

fn no_fault(stage: &mut Stage) -> Fates {
    on_battery(stage);
    battery_low(stage)
}

fn server_killed_on_mains(stage: &mut Stage) -> Fates {
    stage.start();
    stage.server.kill().unwrap();
    let fates = from_now(stage);
    stage.both(|upsmon| upsmon.wait_for("COMMBAD", PATIENCE).map(drop));
    fates
}

fn server_killed(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.server.kill().unwrap();
    from_now(stage)
}

fn server_restarted(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.server.kill().unwrap();
    stage.server.restart().unwrap();
    stage.logins(2);
    battery_low(stage)
}

fn host_restarted(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.primary.kill();
    stage.server.kill().unwrap();
    stage.server.restart().unwrap();
    stage.primary.start().unwrap();
    stage.logins(2);
    battery_low(stage)
}

/// The secondary does not run while FSD is said; `then` happens to the server meanwhile.
fn fsd_unheard(stage: &mut Stage, then: fn(&mut Stage)) -> Fates {
    on_battery(stage);
    let child = stage.secondary.child().unwrap();
    process::signal(child, Signal::STOP);
    let unheard = Instant::now();
    stage.power(false, true);
    stage.until_status("FSD");
    let said = Instant::now();
    then(stage);
    process::signal(child, Signal::CONT);
    fates(stage, said, unheard)
}

fn server_killed_after_fsd(stage: &mut Stage) -> Fates {
    fsd_unheard(stage, |stage| stage.server.kill().unwrap())
}

fn server_restarted_after_fsd(stage: &mut Stage) -> Fates {
    fsd_unheard(stage, |stage| {
        stage.server.kill().unwrap();
        stage.server.restart().unwrap();
    })
}

fn all_reloaded(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.server.signal(Signal::HUP);
    for upsmon in [&stage.primary, &stage.secondary] {
        process::signal(upsmon.child().unwrap(), Signal::HUP);
    }
    thread::sleep(Duration::from_secs(1));
    let fates = battery_low(stage);
    for upsmon in [&stage.primary, &stage.secondary] {
        assert!(upsmon.first("COMMBAD").is_none(), "{}", upsmon.log());
    }
    fates
}

/// Ended when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of ours on the server's machine, in the server's directory.
fn at_server(stage: &Stage, words: &[&str]) -> Process {
    let host = stage.network.host("server").unwrap();
    let mut command = host.command(husk_tests::husk_binary());
    command.args(words).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    for name in [
        "NUT_CONFPATH",
        "NUT_STATEPATH",
        "NUT_ALTPIDPATH",
        "NUT_PIDPATH",
    ] {
        command.env(name, stage.server.dir.path());
    }
    Process(command.spawn().unwrap())
}

const DRIVER: &[&str] = &["driver", "megatec", "-a", "lab", "-F"];

/// As processes of their own in place of `husk serve`: the driver, then the server.
fn split(stage: &mut Stage) -> [Process; 2] {
    stage.server.kill().unwrap();
    let driver = at_server(stage, DRIVER);
    [driver, at_server(stage, &["upsd", "-F"])]
}

fn driver_killed(stage: &mut Stage) -> Fates {
    let [driver, _upsd] = split(stage);
    on_battery(stage);
    drop(driver);
    from_now(stage)
}

fn driver_restarted(stage: &mut Stage) -> Fates {
    let [driver, _upsd] = split(stage);
    on_battery(stage);
    drop(driver);
    stage.until_status("ERR");
    let _driver = at_server(stage, DRIVER);
    stage.until_status("OB");
    battery_low(stage)
}

fn server_hangs(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.server.signal(Signal::STOP);
    let fates = from_now(stage);
    stage.server.signal(Signal::CONT);
    fates
}

fn plugin_replaced(stage: &mut Stage) -> Fates {
    on_battery(stage);
    let component = husk_tests::component("husk_plugin_megatec");
    let plugins = stage.server.dir.path().join("plugins");
    fs::create_dir_all(&plugins).unwrap();
    fs::copy(component, plugins.join("new")).unwrap();
    fs::rename(plugins.join("new"), plugins.join("megatec.wasm")).unwrap();
    let config = stage.server.dir.path().display().to_string();
    let words = ["reload", "megatec", "--config", &config];
    let reload = run(Tools::Husk, "plugin", &words).unwrap();
    assert_eq!(reload.code, Some(0), "{reload:?}");
    let fates = battery_low(stage);
    for upsmon in [&stage.primary, &stage.secondary] {
        assert!(upsmon.first("COMMBAD").is_none(), "nobody noticed");
    }
    fates
}

fn device_unplugged_on_mains(stage: &mut Stage) -> Fates {
    stage.start();
    stage.ups = Ups::Serial(None);
    let fates = from_now(stage);
    stage.both(|upsmon| upsmon.wait_for("COMMBAD", PATIENCE).map(drop));
    fates
}

fn device_unplugged(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.ups = Ups::Serial(None);
    from_now(stage)
}

fn mains_flaps(stage: &mut Stage) -> Fates {
    stage.start();
    for _ in 0..5 {
        stage.power(false, false);
        thread::sleep(Duration::from_secs(1));
        stage.power(true, false);
        thread::sleep(Duration::from_secs(1));
    }
    battery_low(stage)
}

fn mains_returns_after_fsd(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.power(false, true);
    let since = Instant::now();
    stage.until_status("FSD");
    stage.power(true, false);
    fates(stage, since, since)
}

fn secondary_killed(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.secondary.kill();
    battery_low(stage)
}

fn secondary_hangs(stage: &mut Stage) -> Fates {
    on_battery(stage);
    let child = stage.secondary.child().unwrap();
    process::signal(child, Signal::STOP);
    battery_low(stage)
}

fn primary_killed(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.primary.kill();
    battery_low(stage)
}

fn primary_hangs(stage: &mut Stage) -> Fates {
    on_battery(stage);
    process::signal(stage.primary.child().unwrap(), Signal::STOP);
    battery_low(stage)
}

fn primary_restarted(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.primary.kill();
    stage.primary.start().unwrap();
    stage.logins(2);
    battery_low(stage)
}

fn primary_restarted_after_fsd(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.power(false, true);
    let since = Instant::now();
    stage.secondary.wait_for("FSD", PATIENCE).unwrap();
    assert!(stage.primary.first(SHUTDOWN).is_none());
    stage.primary.kill();
    stage.primary.start().unwrap();
    fates(stage, Instant::now(), since)
}

fn primary_child_killed(stage: &mut Stage) -> Fates {
    on_battery(stage);
    process::signal(stage.primary.child().unwrap(), Signal::KILL);
    let parent = stage.primary.parent();
    stage.primary.wait_for_end(PATIENCE).unwrap();
    assert!(!process::lives(parent), "the service manager has to see it");
    stage.primary.start().unwrap();
    stage.logins(2);
    battery_low(stage)
}

fn primary_parent_killed(stage: &mut Stage) -> Fates {
    on_battery(stage);
    process::signal(stage.primary.parent(), Signal::KILL);
    stage.primary.wait_for("NOPARENT", PATIENCE).unwrap();
    battery_low(stage)
}

fn cable_pulled_on_mains(stage: &mut Stage) -> Fates {
    stage.start();
    let client = stage.network.host("client").unwrap();
    client.unplug().unwrap();
    thread::sleep(A_WHILE);
    stage.secondary.wait_for("COMMBAD", PATIENCE).unwrap();
    client.plug().unwrap();
    stage.secondary.wait_for("COMMOK", PATIENCE).unwrap();
    stage.power(false, false);
    stage.both(|upsmon| upsmon.wait_for("ONBATT", PATIENCE).map(drop));
    // The server may keep the connection that was cut for a while; one that counts has to be there.
    battery_low(stage)
}

fn cable_pulled(stage: &mut Stage) -> Fates {
    on_battery(stage);
    stage.network.host("client").unwrap().unplug().unwrap();
    let pulled = Instant::now();
    stage.power(false, true);
    fates(stage, Instant::now(), pulled)
}

fn forget_names(stage: &Stage) {
    for name in ["server", "client"] {
        stage.network.host(name).unwrap().names("").unwrap();
    }
}

fn names_gone(stage: &mut Stage) -> Fates {
    on_battery(stage);
    forget_names(stage);
    battery_low(stage)
}

fn names_gone_on_mains(stage: &mut Stage) -> Fates {
    stage.start();
    forget_names(stage);
    stage.server.kill().unwrap();
    stage.server.restart().unwrap();
    from_now(stage)
}

fn names_gone_on_battery(stage: &mut Stage) -> Fates {
    on_battery(stage);
    forget_names(stage);
    stage.server.kill().unwrap();
    stage.server.restart().unwrap();
    // Both remember the address.
    stage.logins(2);
    battery_low(stage)
}

/// Lets both monitors have a clock of their own, `shift` of which changes it.
fn own_clocks(stage: &mut Stage) -> Vec<PathBuf> {
    let mut shifts = Vec::new();
    for upsmon in [&mut stage.primary, &mut stage.secondary] {
        let shift = upsmon.dir.path().join("shift");
        write_shift(&shift, "+0");
        for (name, value) in [
            ("LD_PRELOAD", faketime().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", shift.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ] {
            upsmon.set_environment(name, value);
        }
        shifts.push(shift);
    }
    shifts
}

fn write_shift(path: &Path, shift: &str) {
    fs::write(path, format!("{shift}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

fn clock_jumps(stage: &mut Stage, by: &str) {
    let shifts = own_clocks(stage);
    on_battery(stage);
    for shift in &shifts {
        write_shift(shift, by);
    }
    if [stage.cast.primary, stage.cast.secondary] == [Which::Husk; 2] {
        let told = |upsmon: &Upsmon| {
            let told = upsmon.wait_for("SUSPEND_TIMEJUMP_UNEXPECTED", PATIENCE);
            told.map(drop)
        };
        stage.both(told);
    } else {
        thread::sleep(Duration::from_secs(3));
    }
}

fn clock_jumps_ahead(stage: &mut Stage) -> Fates {
    clock_jumps(stage, "+3600");
    battery_low(stage)
}

fn clock_jumps_and_server_killed(stage: &mut Stage) -> Fates {
    clock_jumps(stage, "+3600");
    stage.server.kill().unwrap();
    from_now(stage)
}

fn clock_jumps_back(stage: &mut Stage) -> Fates {
    clock_jumps(stage, "-3600");
    battery_low(stage)
}

/// A small file system of its own, taken away when dropped.
struct Disk(PathBuf);

impl Disk {
    /// Over a directory, whose files it keeps.
    fn over(path: &Path) -> Self {
        let script = "cp -a \"$0\" \"$0.copy\" && mount -t tmpfs -o size=64k,mode=755 none \"$0\" \
            && cp -a \"$0.copy/.\" \"$0\" && rm -r \"$0.copy\"";
        let mut shell = Command::new("sh");
        let status = shell.args(["-c", script]).arg(path).status().unwrap();
        assert!(status.success());
        Self(path.to_owned())
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("everything")).unwrap();
        while file.write_all(&[0; 1024]).is_ok() {}
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn servers_disk_full(stage: &mut Stage) -> Fates {
    stage.server.kill().unwrap();
    let disk = Disk::over(stage.server.dir.path());
    stage.server.restart().unwrap();
    on_battery(stage);
    disk.fill();
    battery_low(stage)
}

fn disk_full(stage: &mut Stage) -> Fates {
    let mut disks = Vec::new();
    for upsmon in [&mut stage.primary, &mut stage.secondary] {
        let path = upsmon.dir.path().join("disk");
        fs::create_dir(&path).unwrap();
        let disk = Disk::over(&path);
        upsmon.set_flag(disk.0.join("killpower"));
        disks.push(disk);
    }
    stage.configure(TIMES);
    on_battery(stage);
    disks.iter().for_each(Disk::fill);
    let fates = battery_low(stage);
    for upsmon in [&stage.primary, &stage.secondary] {
        assert_ne!(upsmon.flag().as_deref(), Some(&b"upsmon-shutdown-file"[..]));
        assert!(upsmon.log().contains("killpower"), "{}", upsmon.log());
    }
    fates
}

fn notifycmd_hangs(stage: &mut Stage) -> Fates {
    for upsmon in [&stage.primary, &stage.secondary] {
        let pipe = upsmon.dir.path().join("events");
        let text = format!("echo \"$NOTIFYTYPE\" >{}\nexec sleep 60\n", pipe.display());
        upsmon.script("notify", &text).unwrap();
    }
    on_battery(stage);
    battery_low(stage)
}
