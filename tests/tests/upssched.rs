//! upssched beside Debian's: the same upssched.conf and the same notifications must run the same scripts.
//!
//! Debian has 2.8.0; what came later (shared timers, matched cancels, -l, the environment of timers) is tested on ours alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Signal, wait_until};
use husk_tests::tool::Tools;
use rustix::process::{Pid, kill_process};

const INCUMBENT: &str = "/usr/sbin/upssched";
const PATIENCE: Duration = Duration::from_secs(10);

/// A directory with upssched.conf and a script that writes down how it was called; timers in it end when dropped.
struct Lab {
    dir: Scratch,
    tools: Tools,
}

impl Lab {
    fn new(tools: Tools, rules: &str) -> Self {
        let dir = Scratch::new("upssched").unwrap();
        let path = dir.path().display();
        let conf =
            format!("CMDSCRIPT {path}/script\nPIPEFN {path}/pipe\nLOCKFN {path}/lock\n{rules}");
        dir.write("upssched.conf", &conf).unwrap();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = hang ] && sleep 13\necho \"$1|$UPSNAME|$NOTIFYTYPE|$NOTIFYMSG\" >> {path}/calls\n"
        );
        let script = dir.write("script", &script).unwrap();
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir, tools }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.tools {
            Tools::Husk => {
                let mut command = Command::new(husk_tests::husk_binary());
                command.arg("upssched");
                command
            }
            Tools::Incumbent => Command::new(INCUMBENT),
        };
        command
            .args(arguments)
            .env("NUT_CONFPATH", self.dir.path())
            .env("NUT_PIDPATH", self.dir.path())
            .env_remove("UPSNAME")
            .env_remove("NOTIFYTYPE")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A notification, as upsmon tells it; ours tells what goes wrong on stderr.
    fn notification(&self, kind: &str, system: &str) -> Command {
        let mut command = self.command(&[&format!("UPS {system}: {kind}")]);
        command.env("UPSNAME", system).env("NOTIFYTYPE", kind);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn tell(&self, kind: &str, system: &str) {
        assert!(self.notification(kind, system).status().unwrap().success());
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    fn names(&self) -> Vec<String> {
        let name = |call: &String| call.split('|').next().unwrap().to_owned();
        self.calls().iter().map(name).collect()
    }

    #[track_caller]
    fn expect(&self, calls: &[&str]) {
        let done = wait_until(PATIENCE, || self.calls().len() >= calls.len());
        assert_eq!(self.calls(), calls, "{done:?}");
    }

    fn timers(&self) -> Vec<String> {
        let output = self.run(&["-l"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The processes that keep timers for this directory.
    fn keepers(&self) -> Vec<Pid> {
        let ours = format!("NUT_CONFPATH={}", self.dir.path().display());
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let of_ours = |directory: &Path| {
            let comm = fs::read_to_string(directory.join("comm")).ok()?;
            let environment = fs::read(directory.join("environ")).ok()?;
            let mut words = environment.split(|&byte| byte == 0);
            (comm.trim() == "upssched" && words.any(|word| word == ours.as_bytes())).then_some(())
        };
        let pid = |path: &Path| Pid::from_raw(path.file_name()?.to_str()?.parse().ok()?);
        let found =
            processes.filter_map(|entry| of_ours(&entry.path()).and_then(|()| pid(&entry.path())));
        found.collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for keeper in self.keepers() {
            let _ = kill_process(keeper, Signal::KILL);
        }
    }
}

const RULES: &str = "\
AT ONBATT * START-TIMER out 2
AT ONBATT * EXECUTE onbatt-now
AT ONLINE a@h EXECUTE a-online
AT ONLINE * CANCEL-TIMER out back
AT LOWBATT b@h START-TIMER low 1
AT onbatt other@h EXECUTE never
AT commbad * START-TIMER com 4
AT COMMOK * CANCEL-TIMER com
";

/// The notifications of two UPSes in an outage; what was run, in order.
fn outage(tools: Tools) -> Vec<String> {
    let lab = Lab::new(tools, RULES);
    let pause = |seconds: f32| sleep(Duration::from_secs_f32(seconds));
    lab.tell("ONLINE", "a@h");
    pause(0.5);
    lab.tell("ONBATT", "a@h");
    lab.tell("ONBATT", "b@h");
    lab.tell("LOWBATT", "a@h");
    pause(4.0);
    lab.tell("LOWBATT", "b@h");
    lab.tell("COMMBAD", "b@h");
    pause(2.5);
    lab.tell("COMMOK", "b@h");
    lab.tell("ONBATT", "a@h");
    lab.tell("ONLINE", "a@h");
    pause(3.5);
    lab.names()
}

#[test]
fn an_outage_runs_the_same_scripts_as_debians() {
    let expected = [
        "a-online",
        "back",
        "onbatt-now",
        "onbatt-now",
        "out",
        "out",
        "low",
        "onbatt-now",
        "a-online",
    ];
    let incumbent = Path::new(INCUMBENT)
        .exists()
        .then(|| std::thread::spawn(|| outage(Tools::Incumbent)));
    assert_eq!(outage(Tools::Husk), expected);
    match incumbent {
        Some(incumbent) => assert_eq!(incumbent.join().unwrap(), expected, "Debian's"),
        None => eprintln!("SKIPPED: Debian's upssched is not installed"),
    }
}

#[test]
fn scripts_learn_why_and_shared_timers_run_once() {
    let lab = Lab::new(
        Tools::Husk,
        "AT ONBATT * START-TIMER-SHARED out 2\nAT COMMBAD * START-TIMER-SHARED out 9\nAT FSD * EXECUTE fsd\n",
    );
    lab.tell("ONBATT", "a@h");
    lab.tell("onbatt", "b@h");
    lab.tell("COMMBAD", "b@h");
    lab.tell("FSD", "");
    lab.expect(&[
        "fsd||FSD|UPS : FSD",
        "out|a@h,b@h|ONBATT,onbatt,COMMBAD|UPS a@h: ONBATT.\tUPS b@h: onbatt.\tUPS b@h: COMMBAD",
    ]);
    assert_eq!(lab.keepers().len(), 1);
}

#[test]
fn a_matched_cancel_spares_other_upses_and_the_list_shows_what_runs() {
    let lab = Lab::new(
        Tools::Husk,
        "AT ONBATT * START-TIMER out 100\nAT ONLINE * CANCEL-TIMER-MATCHED out back\n",
    );
    let nothing = lab.run(&["-l"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(
        String::from_utf8(nothing.stderr)
            .unwrap()
            .contains("upssched timer is not running")
    );
    lab.tell("ONBATT", "a@h");
    lab.tell("ONBATT", "b@h");
    lab.tell("ONLINE", "a@h");
    lab.tell("ONLINE", "a@h");
    lab.expect(&["back|a@h|ONLINE|UPS a@h: ONLINE"]);
    let timers = lab.timers();
    assert_eq!(timers.len(), 1, "{timers:?}");
    let fields: Vec<&str> = timers[0].split('\t').collect();
    assert_eq!(
        [fields[0], fields[3], fields[4], fields[5]],
        ["out", "ONBATT", "b@h", "UPS b@h: ONBATT"]
    );
    let (end, left): (u64, u64) = (fields[1].parse().unwrap(), fields[2].parse().unwrap());
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(
        (90..=100).contains(&left) && end.abs_diff(now + left) <= 1,
        "{timers:?}"
    );
    assert_eq!(
        fs::metadata(lab.path("pipe")).unwrap().mode() & 0o7777,
        0o660
    );
    let pid = fs::read_to_string(lab.path("upssched.pid")).unwrap();
    let keepers = lab.keepers();
    assert_eq!(pid.trim(), keepers[0].as_raw_nonzero().to_string());
}

#[test]
fn many_at_once_share_one_process() {
    let lab = Lab::new(
        Tools::Husk,
        "AT ONBATT * START-TIMER out 100\nAT FSD * START-TIMER-SHARED down 100\n",
    );
    let mut all: Vec<_> = (0..8)
        .map(|number| {
            lab.notification("ONBATT", &format!("u{number}@h"))
                .spawn()
                .unwrap()
        })
        .collect();
    for one in &mut all {
        assert!(one.wait().unwrap().success());
    }
    assert_eq!((lab.timers().len(), lab.keepers().len()), (8, 1));
    assert!(!lab.path("lock").exists());
}

#[test]
fn crashes_leave_nothing_that_stops_the_next_timer() {
    let lab = Lab::new(
        Tools::Husk,
        "AT ONBATT * START-TIMER out 100\nAT ONLINE * CANCEL-TIMER out back\n",
    );
    lab.tell("ONBATT", "a@h");
    for keeper in lab.keepers() {
        kill_process(keeper, Signal::KILL).unwrap();
    }
    wait_until(PATIENCE, || lab.keepers().is_empty()).unwrap();
    assert!(lab.path("pipe").exists(), "the socket is left over");
    lab.tell("ONLINE", "a@h");
    lab.expect(&["back|a@h|ONLINE|UPS a@h: ONLINE"]);
    lab.tell("ONBATT", "a@h");
    assert_eq!(lab.timers().len(), 1);
    for keeper in lab.keepers() {
        kill_process(keeper, Signal::KILL).unwrap();
    }
    // As if the one that started it had died in between.
    fs::write(lab.path("lock"), "").unwrap();
    let start = Instant::now();
    lab.tell("ONBATT", "b@h");
    assert!(
        start.elapsed() > Duration::from_secs(7),
        "the lock is respected for 30 tries"
    );
    assert_eq!(lab.timers().len(), 1);
}

#[test]
fn a_hanging_script_does_not_keep_the_next_from_being_run_and_an_idle_process_ends() {
    let lab = Lab::new(
        Tools::Husk,
        "AT ONBATT * START-TIMER hang 1\nAT ONBATT * START-TIMER out 1\n",
    );
    let start = Instant::now();
    lab.tell("ONBATT", "a@h");
    wait_until(Duration::from_secs(15), || lab.names() == ["out"]).unwrap();
    assert!(
        start.elapsed() > Duration::from_secs(10),
        "the order is kept for a while"
    );
    wait_until(Duration::from_secs(30), || lab.names() == ["out", "hang"]).unwrap();
    assert_eq!(lab.keepers().len(), 1);
    wait_until(Duration::from_secs(20), || lab.keepers().is_empty()).unwrap();
    assert!(start.elapsed() > Duration::from_secs(13 + 15));
    assert!(!lab.path("pipe").exists() && !lab.path("upssched.pid").exists());
}

#[test]
fn what_is_wrong_is_said() {
    let lab = Lab::new(Tools::Husk, "AT ONBATT * START-TIMR out 2\n");
    let output = lab.run(&["text"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("environment variables UPSNAME and NOTIFYTYPE must be set"),
        "{text}"
    );
    let told = |lab: &Lab| {
        let output = lab
            .notification("ONBATT", "a@h")
            .arg("-D")
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let mut command = lab.notification("ONBATT", "a@h");
    let output = command
        .env("NUT_DEBUG_SYSLOG", "stderr")
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("upssched.conf:4:13: error") && text.contains("did you mean `START-TIMER`?"),
        "{text}"
    );
    lab.dir
        .write(
            "upssched.conf",
            "CMDSCRIPT /x\nPIPEFN /x\nAT ONBATT * START-TIMER out 2\n",
        )
        .unwrap();
    let (code, text) = told(&lab);
    assert!(
        code == Some(1) && text.contains("LOCKFN is not set"),
        "{text}"
    );
    // A mistyped PIPEFN must not cost a file.
    let precious = lab.dir.write("precious", "x").unwrap();
    let path = lab.dir.path().display();
    let conf = format!(
        "CMDSCRIPT /x\nPIPEFN {path}/precious\nLOCKFN {path}/lock\nAT ONBATT * START-TIMER out 2\n"
    );
    lab.dir.write("upssched.conf", &conf).unwrap();
    let (code, text) = told(&lab);
    assert!(code == Some(1) && text.contains("does not start"), "{text}");
    assert!(precious.exists() && !lab.path("lock").exists());
    fs::remove_file(lab.path("upssched.conf")).unwrap();
    let (code, text) = told(&lab);
    assert!(code == Some(1) && text.contains("can't open"), "{text}");
}
