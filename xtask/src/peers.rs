//! Other people's clients against our server: each says pass or fail, or that it could not be installed here.
//!
//! What they speak is the protocol as the world reads it, misreadings included. Python, Node and Rust packages go below
//! `target/`, Debian's through apt-get with their services forbidden. What a peer checks is in its script in `tests/peers`.

use crate::steps::{Steps, succeed};
use crate::{apt, build, layout};
use anyhow::{Context as _, bail, ensure};
use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::tool::Wire;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Where a peer comes from.
#[derive(Clone, Copy)]
enum Source {
    /// A requirement of pip.
    Python(&'static str),
    /// A package of npm with its version.
    Node(&'static str),
    /// A crate with its version, built into `rust.rs` as `nut`.
    Rust(&'static str, &'static str),
    /// A Debian package and a file that shows it is there.
    Debian(&'static str, &'static str),
}

/// One client, or one way to use it.
struct Peer {
    name: &'static str,
    sources: &'static [Source],
    /// Its script in `tests/peers`.
    script: &'static str,
    /// What the script gets after host, port and authority.
    more: &'static [&'static str],
}

const UPSMON: &[Source] = &[
    Source::Debian("nut-client", "/lib/nut/upsmon"),
    Source::Debian("libnss3-tools", "/usr/bin/certutil"),
];

const PEERS: &[Peer] = &[
    Peer {
        name: "PyNUTClient",
        sources: &[Source::Python("PyNUTClient==2.8.5")],
        script: "py-pynutclient.py",
        more: &[],
    },
    Peer {
        name: "nut2",
        sources: &[Source::Python("nut2==2.1.1")],
        script: "py-nut2.py",
        more: &[],
    },
    Peer {
        name: "aionut",
        sources: &[Source::Python("aionut==4.3.4")],
        script: "py-aionut.py",
        more: &[],
    },
    Peer {
        name: "node-nut",
        sources: &[Source::Node("node-nut@1.0.3")],
        script: "node-nut.js",
        more: &[],
    },
    Peer {
        name: "rups",
        sources: &[Source::Rust("rups", "0.6.1")],
        script: "rust.rs",
        more: &[],
    },
    Peer {
        name: "nut-client",
        sources: &[Source::Rust("nut-client", "0.4.2")],
        script: "rust.rs",
        more: &[],
    },
    Peer {
        name: "UPS::Nut",
        sources: &[Source::Debian(
            "libups-nut-perl",
            "/usr/share/perl5/UPS/Nut.pm",
        )],
        script: "perl-ups-nut.pl",
        more: &[],
    },
    Peer {
        name: "check_ups",
        sources: &[Source::Debian(
            "monitoring-plugins-standard",
            "/usr/lib/nagios/plugins/check_ups",
        )],
        script: "check_ups.sh",
        more: &[],
    },
    Peer {
        name: "upsstats.cgi",
        sources: &[Source::Debian(
            "nut-cgi",
            "/usr/lib/cgi-bin/nut/upsstats.cgi",
        )],
        script: "upsstats.sh",
        more: &[],
    },
    Peer {
        name: "upsmon in clear",
        sources: UPSMON,
        script: "upsmon.py",
        more: &["plain"],
    },
    Peer {
        name: "upsmon over TLS",
        sources: UPSMON,
        script: "upsmon.py",
        more: &["tls"],
    },
];

/// `lab` is everybody's; the other two each go through one shutdown.
const UPS_CONF: &str = r#"
[lab]
  driver = dummy-ups
  port = lab.dev
  desc = "The lab"
[plain]
  driver = dummy-ups
  port = plain.dev
[tls]
  driver = dummy-ups
  port = tls.dev
"#;
const LAB: &str = "battery.charge: 97\ninput.voltage: 230.1\nups.load: 12\nups.delay.shutdown: 20\nups.status: OL CHRG\n";
const ONLINE: &str = "battery.charge: 90\nups.status: OL\n";
const USERS: &str = "
[admin]
  password = secret
  actions = SET
  instcmds = ALL
[watcher]
  password = watch
  upsmon secondary
[keeper]
  password = keep
  upsmon primary
";
/// Each script has shorter limits of its own.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a peer fared.
enum Verdict {
    Pass,
    Fail(String),
    NotInstallable(String),
}

/// Builds the release, unless `HUSK_BIN` names another program, and runs every peer.
pub(crate) fn main() -> anyhow::Result<()> {
    if std::env::var_os("HUSK_BIN").is_none() {
        let mut steps = Steps::default();
        let outcome = build::build(&mut steps);
        steps.finish().and(outcome)?;
    }
    let servers = Servers {
        good: serve("unsafe.server.pem")?,
        expired: serve("unsafe.expired.pem")?,
        elsewhere: serve("unsafe.elsewhere.pem")?,
    };
    let mut verdicts = Vec::new();
    for peer in PEERS {
        eprintln!("==> peer {}", peer.name);
        let verdict = match install(peer.sources) {
            Ok(()) => try_out(peer, &servers).map_or_else(
                |error| Verdict::Fail(format!("{error:#}")),
                |()| Verdict::Pass,
            ),
            Err(error) => Verdict::NotInstallable(format!("{error:#}")),
        };
        verdicts.push((peer.name, verdict));
    }
    report(&verdicts)
}

fn report(verdicts: &[(&str, Verdict)]) -> anyhow::Result<()> {
    let (mut passed, mut failed, mut absent) = (0, 0, 0);
    println!();
    for (name, verdict) in verdicts {
        match verdict {
            Verdict::Pass => {
                passed += 1;
                println!("PASS             {name}");
            }
            Verdict::Fail(why) => {
                failed += 1;
                println!("FAIL             {name}: {why}");
            }
            Verdict::NotInstallable(why) => {
                absent += 1;
                println!("NOT INSTALLABLE  {name}: {why}");
            }
        }
    }
    println!("\npeers: {passed} passed, {failed} failed, {absent} not installable");
    ensure!(failed == 0, "{failed} peers failed");
    ensure!(passed > 0, "no peer could be installed");
    Ok(())
}

/// The same server three times, by what a client that verifies has to think of it.
struct Servers {
    good: Server,
    expired: Server,
    /// Its certificate is for another name.
    elsewhere: Server,
}

fn serve(certificate: &str) -> anyhow::Result<Server> {
    let dir = Scratch::new("peers")?;
    let certificate = layout::root().join("certs").join(certificate);
    for (file, text) in [
        ("ups.conf", UPS_CONF),
        ("upsd.users", USERS),
        ("lab.dev", LAB),
        ("plain.dev", ONLINE),
        ("tls.dev", ONLINE),
        (
            "upsd.conf",
            &format!("CERTFILE {}\n", certificate.display()),
        ),
    ] {
        dir.write(file, text)?;
    }
    let server = Server::start_husk(dir)?;
    let mut wire = Wire::connect(server.port)?;
    for ups in ["lab", "plain", "tls"] {
        wait_until(Duration::from_secs(20), || {
            wire.value(ups, "ups.status")
                .is_ok_and(|status| status.starts_with("OL"))
        })
        .with_context(|| format!("{ups} is not served; the log:\n{}", server.log()))?;
    }
    Ok(server)
}

/// Where pip and npm install.
fn shelf() -> PathBuf {
    layout::target().join("peers")
}

fn python() -> PathBuf {
    shelf().join("venv/bin/python")
}

fn install(sources: &[Source]) -> anyhow::Result<()> {
    for source in sources {
        match *source {
            Source::Python(package) => {
                pip(package).with_context(|| format!("{package} of PyPI"))?;
            }
            Source::Node(package) => {
                npm(package).with_context(|| format!("{package} of npm"))?;
            }
            Source::Rust(name, version) => {
                build_with(name, version).with_context(|| format!("{name} of crates.io"))?;
            }
            Source::Debian(package, file) => {
                let outcome = apt::ensure(&[(package, file)])?;
                ensure!(Path::new(file).exists(), "Debian's {outcome}");
            }
        }
    }
    Ok(())
}

fn pip(package: &str) -> anyhow::Result<()> {
    if !python().exists() {
        let mut venv = Command::new("python3");
        succeed(venv.args(["-m", "venv"]).arg(shelf().join("venv")))?;
    }
    let mut pip = Command::new(python());
    succeed(pip.args(["-m", "pip", "install", "--quiet", package]))
}

fn npm(package: &str) -> anyhow::Result<()> {
    fs::create_dir_all(shelf())?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-save", "--ignore-scripts"]);
    succeed(npm.arg("--prefix").arg(shelf()).arg(package))
}

/// Builds `rust.rs` with the crate.
fn build_with(name: &str, version: &str) -> anyhow::Result<()> {
    let place = shelf().join(name);
    let program = layout::root().join("tests/peers/rust.rs");
    let manifest = format!(
        "[package]\nname = \"peer-{name}\"\nedition = \"2021\"\n[workspace]\n\
         [[bin]]\nname = \"peer-{name}\"\npath = {program:?}\n\
         [dependencies]\nnut = {{ package = \"{name}\", version = \"={version}\", features = [\"ssl\"] }}\n"
    );
    fs::create_dir_all(&place)?;
    fs::write(place.join("Cargo.toml"), manifest)?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet"]).current_dir(&place);
    succeed(cargo.arg("--target-dir").arg(shelf().join("rust")))
}

/// What runs the peer's script.
fn program(peer: &Peer) -> Command {
    let script = layout::root().join("tests/peers").join(peer.script);
    if let [Source::Rust(name, _)] = peer.sources {
        return Command::new(shelf().join("rust/debug").join(format!("peer-{name}")));
    }
    let interpreter = match script.extension().and_then(|extension| extension.to_str()) {
        Some("py") if python().exists() => python(),
        Some("py") => "python3".into(),
        Some("js") => "node".into(),
        Some("pl") => "perl".into(),
        _ => "sh".into(),
    };
    let mut command = Command::new(interpreter);
    command.arg(script);
    command
}

fn try_out(peer: &Peer, servers: &Servers) -> anyhow::Result<()> {
    let mut command = program(peer);
    command
        .args(["127.0.0.1", &servers.good.port.to_string()])
        .arg(layout::root().join("certs/ca.pem"))
        .args(peer.more)
        .env("EXPIRED_PORT", servers.expired.port.to_string())
        .env("ELSEWHERE_PORT", servers.elsewhere.port.to_string())
        .env("NODE_PATH", shelf().join("node_modules"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = run(command)?;
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "{} with\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs a command that may hang. What it prints has to fit into the pipes, and does.
fn run(mut command: Command) -> anyhow::Result<Output> {
    let mut child = command.spawn().context("no interpreter for the script")?;
    let end = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            bail!("not done after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(child.wait_with_output()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_a_peers_and_every_peer_has_one() {
        let dir = layout::root().join("tests/peers");
        let mut files: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut scripts: Vec<&str> = PEERS.iter().map(|peer| peer.script).collect();
        scripts.sort_unstable();
        scripts.dedup();
        assert_eq!(files, scripts);
    }

    #[test]
    fn a_failed_peer_fails_the_run_and_an_absent_one_does_not() {
        let absent = || ("a", Verdict::NotInstallable("no network".to_owned()));
        assert!(report(&[absent(), ("b", Verdict::Pass)]).is_ok());
        assert!(report(&[absent()]).is_err());
        assert!(report(&[("b", Verdict::Pass), ("c", Verdict::Fail("x".to_owned()))]).is_err());
    }
}
