//! `-u`: daemons started as root become the user, with its groups and without a way back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::os::unix::fs::chown;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use husk_tests::process;
use husk_tests::rig::{Scratch, Signal, wait_until};

const PATIENCE: Duration = Duration::from_secs(10);

/// A user to become, preferably one with groups of its own: user id, group id, all groups, as id(1) says.
struct User {
    name: &'static str,
    uid: u32,
    gid: u32,
    groups: BTreeSet<u32>,
}

impl User {
    fn any() -> Option<Self> {
        let found = ["nut", "nobody"].into_iter().find_map(Self::find)?;
        rustix::process::geteuid().is_root().then_some(found)
    }

    fn find(name: &'static str) -> Option<Self> {
        Some(Self {
            name,
            uid: *numbers(&["-u", name])?.first()?,
            gid: *numbers(&["-g", name])?.first()?,
            groups: numbers(&["-G", name])?,
        })
    }
}

fn numbers(words: &[&str]) -> Option<BTreeSet<u32>> {
    let output = Command::new("id").args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let found = text.split_whitespace().map(|word| word.parse().unwrap());
    output.status.success().then(|| found.collect())
}

/// What /proc says behind `key` of a process.
fn status(pid: u32, key: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let words = line.unwrap_or_default().split_whitespace();
    words.map(str::to_owned).collect()
}

struct Daemon(Child);

impl Daemon {
    fn start(dir: &Scratch, words: &[&str]) -> Self {
        let mut command = Command::new(husk_tests::husk_binary());
        command.args(words).current_dir(dir.path());
        for name in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
            command.env(name, dir.path());
        }
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn became(&self, user: &User) {
        let pid = self.0.id();
        let uid = vec![user.uid.to_string(); 4];
        wait_until(PATIENCE, || status(pid, "Uid:") == uid)
            .unwrap_or_else(|_| panic!("still {:?}", status(pid, "Uid:")));
        assert_eq!(status(pid, "Gid:"), vec![user.gid.to_string(); 4]);
        let groups = status(pid, "Groups:");
        let groups: BTreeSet<u32> = groups.iter().map(|word| word.parse().unwrap()).collect();
        assert_eq!(groups, user.groups);
        for set in ["CapPrm:", "CapEff:"] {
            let rights = status(pid, set).concat();
            assert_eq!(u64::from_str_radix(&rights, 16), Ok(0), "{set}");
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        process::signal(self.0.id(), Signal::TERM);
        let _ = self.0.wait();
    }
}

fn scratch(user: &User) -> Scratch {
    let dir = Scratch::new("users").unwrap();
    for (name, text) in [
        (
            "ups.conf",
            "[lab]\n  driver = dummy-ups\n  port = lab.dev\n",
        ),
        ("lab.dev", "ups.status: OL\n"),
        ("upsd.conf", "LISTEN 127.0.0.1 0\n"),
        ("upsd.users", ""),
    ] {
        let path = dir.write(name, text).unwrap();
        chown(path, Some(user.uid), Some(user.gid)).unwrap();
    }
    chown(dir.path(), Some(user.uid), Some(user.gid)).unwrap();
    dir
}

#[test]
fn server_driver_and_logger_become_their_user() {
    let Some(user) = User::any() else {
        return husk_tests::skip("users: not root, or no user to become");
    };
    let dir = scratch(&user);
    let driver = Daemon::start(
        &dir,
        &["driver", "dummy-ups", "-a", "lab", "-FF", "-u", user.name],
    );
    driver.became(&user);
    let pid_file = dir.path().join("dummy-ups-lab.pid");
    wait_until(PATIENCE, || pid_file.exists()).expect("a PID file");
    let server = Daemon::start(&dir, &["upsd", "-FF", "-u", user.name]);
    server.became(&user);
    wait_until(PATIENCE, || dir.path().join("upsd.pid").exists()).expect("a PID file");
    let log = dir.path().join("lab.log");
    let log = log.to_str().unwrap();
    let words = ["upslog", "-F", "-s", "lab", "-l", log, "-u", user.name];
    Daemon::start(&dir, &words).became(&user);
}

#[test]
fn nobody_is_no_reason_to_stay_root() {
    let Some(user) = User::any() else {
        return husk_tests::skip("users: not root, or no user to become");
    };
    let dir = scratch(&user);
    let output = Command::new(husk_tests::husk_binary())
        .args(["upsd", "-F", "-u", "no-such-user"])
        .env("NUT_CONFPATH", dir.path())
        .env("NUT_STATEPATH", dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("there is no user no-such-user"), "{said}");
}
