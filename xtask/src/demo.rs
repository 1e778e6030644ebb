//! A demonstration that checks itself: a simulated UPS loses its mains, a driver is swapped under a client, another one
//! crashes. Whatever does not happen as said ends it with an error.
//!
//! The play runs in a process of its own, so that Ctrl-C ends the onlooker and the play still cleans up.

mod reader;
mod stage;

use crate::steps::{Steps, succeed};
use crate::{build, layout};
use anyhow::{Context as _, ensure};
use husk_tests::rig::Scratch;
use husk_tests::sim::megatec::State;
use lexopt::{Arg, Parser};
use stage::{LAB, OFFICE, Stage};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

pub(crate) const HELP: &str = "
usage: cargo xtask demo [--stay]

Builds the release, starts a simulated UPS on a pseudo-terminal and a server on a free port,
and plays: mains failure, low battery, mains return, a driver replaced while a client reads
every 10 ms, a driver that crashes beside one that works. Takes about half a minute after the
build and cleans up. Ends with an error when something did not happen as announced.

  --stay   afterwards keep serving and showing, until Ctrl-C
";

/// The status changes at the next poll, a second away at most; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(5);
/// Probing, compiling a component that is not bundled, or leaving a crashed driver.
const LATER: Duration = Duration::from_secs(20);

pub(crate) fn main(mut parser: Parser) -> anyhow::Result<()> {
    let (mut stay, mut play) = (false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("stay") => stay = true,
            // Not for people: this process is the play.
            Arg::Long("play") => play = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if play {
        return perform(stay);
    }
    let mut steps = Steps::default();
    let outcome = build::build(&mut steps);
    steps.finish().and(outcome)?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["demo", "--play"])
        .args(stay.then_some("--stay"));
    // Its standard input ends with this process, whatever ends it.
    let mut child = command.stdin(Stdio::piped()).process_group(0).spawn()?;
    let input = child.stdin.take();
    let status = child.wait()?;
    drop(input);
    ensure!(status.success(), "the demonstration failed");
    Ok(())
}

fn perform(stay: bool) -> anyhow::Result<()> {
    let mut stage = Stage::set_up()?;
    mains(&mut stage)?;
    hot_swap(&mut stage)?;
    crash(&mut stage)?;
    if stay {
        stage.say("The server keeps running; Ctrl-C ends it.")?;
        while !stage.over() {
            stage.show(OFFICE)?;
            stage.pause(Duration::from_secs(2));
        }
    }
    stage.take_down()
}

fn mains(stage: &mut Stage) -> anyhow::Result<()> {
    stage
        .say("A simulated Megatec UPS hangs on a pseudo-terminal; its driver runs in a sandbox.")?;
    stage.expect(OFFICE, LATER, "on mains", |words| words.contains(&"OL"))?;
    stage.show_all(OFFICE)?;

    stage.say("The mains fail.")?;
    let failed = State {
        mains: false,
        input_voltage: 0.0,
        battery_voltage: 25.1,
        ..State::default()
    };
    stage.ups.set(failed.clone());
    stage.expect(OFFICE, SOON, "on battery", |words| {
        words.contains(&"OB") && !words.contains(&"LB")
    })?;

    stage.say("The battery runs low: this is when clients shut their machines down.")?;
    stage.ups.set(State {
        low_battery: true,
        battery_voltage: 21.4,
        ..failed
    });
    stage.expect(OFFICE, SOON, "on battery, low", |words| {
        words.contains(&"OB") && words.contains(&"LB")
    })?;

    stage.say("The mains return.")?;
    stage.ups.set(State::default());
    stage.expect(OFFICE, SOON, "on mains", |words| {
        words.contains(&"OL") && !words.contains(&"LB")
    })
}

fn hot_swap(stage: &mut Stage) -> anyhow::Result<()> {
    stage.say(
        "A client reads every 10 ms on one connection while the driver is replaced three times.",
    )?;
    let reader = stage.read_on()?;
    let fresh = stage.server.dir.path().join("plugins/megatec.new");
    fs::copy(husk_tests::component("husk_plugin_megatec"), &fresh)?;
    fs::rename(&fresh, fresh.with_extension("wasm"))?;
    for _ in 0..3 {
        let mut reload = Command::new(layout::husk());
        reload
            .args(["plugin", "reload", "megatec", "--config"])
            .arg(stage.server.dir.path());
        stage.command("husk plugin reload megatec");
        succeed(&mut reload)?;
        stage.pause(Duration::from_millis(700));
    }
    let (replies, failed) = reader.end()?;
    stage.tell(&format!(
        "{replies} replies, {failed} of them failed; the line was opened {} time(s).",
        stage.ups.opens()
    ));
    ensure!(failed == 0, "the client noticed the swap");
    ensure!(replies > 50, "the client was hardly answered");
    ensure!(stage.ups.opens() == 1, "the line was closed in between");
    Ok(())
}

fn crash(stage: &mut Stage) -> anyhow::Result<()> {
    stage.say(
        "A second device has a driver that panics from now on; the first is read meanwhile.",
    )?;
    stage.expect(LAB, LATER, "well behaved", |words| words.contains(&"OL"))?;
    let reader = stage.read_on()?;
    stage.configure("panic")?;
    stage.expect_refusal(LAB, LATER)?;
    let (replies, failed) = reader.end()?;
    stage.tell(&format!(
        "Meanwhile {OFFICE} gave {replies} replies, {failed} of them failed."
    ));
    ensure!(
        failed == 0,
        "the crash was noticed by the client of the other device"
    );
    stage.say("Its driver behaves again and is taken back.")?;
    stage.configure("none")?;
    stage.expect(LAB, 3 * LATER, "well behaved", |words| {
        words.contains(&"OL")
    })
}

/// The configuration: one device on the simulated line, one whose driver does as it is told.
fn configuration(state: &Path, port: &str, attack: &str) -> String {
    let state = state.display();
    format!(
        "statepath = {state}\npollinterval = 1\n\
         [{OFFICE}]\n  driver = megatec\n  port = {port}\n  protocol = megatec\n  desc = \"Simulated UPS\"\n\
         [{LAB}]\n  driver = hostile\n  port = idle.txt\n  attack = {attack}\n"
    )
}

/// The directory the server starts from.
fn directory(port: &str) -> anyhow::Result<Scratch> {
    let scratch = Scratch::new("demo")?;
    scratch.write("ups.conf", &configuration(scratch.path(), port, "none"))?;
    scratch.write("upsd.users", "")?;
    scratch.write("idle.txt", "read by nobody\n")?;
    fs::create_dir(scratch.path().join("plugins"))?;
    let hostile = husk_tests::component("husk_hostile");
    fs::copy(&hostile, scratch.path().join("plugins/hostile.wasm"))
        .with_context(|| format!("cannot copy {}", hostile.display()))?;
    Ok(scratch)
}

fn flush() {
    let _ = io::stdout().flush();
}
