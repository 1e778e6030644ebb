//! How soon a machine acts on its UPS: from the device's change until NOTIFYCMD and SHUTDOWNCMD run, for our upsmon and the
//! incumbent's under our server and the incumbent's.
//!
//! `cargo xtask bench monitor` builds what this needs. The device is dummy-ups, whose status is set by a client: its report
//! follows at once, so a figure has no wait for a driver's poll in it. Every monitor has the defaults (POLLFREQ and
//! POLLFREQALERT 5 s), except FINALDELAY 0. It needs root for network namespaces; without Debian's packages only our own
//! figures are shown.

use std::error::Error;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use husk_tests::netns::Network;
use husk_tests::random::Random;
use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::tool::Wire;
use husk_tests::upsmon::{SHUTDOWN, Upsmon};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HELP: &str = "
usage: bench_monitor [--runs N] [--only TEXT]

  --runs N     shutdowns of each combination, of which least, median and most are shown (5)
  --only TEXT  combinations whose name contains TEXT
";
const PATIENCE: Duration = Duration::from_secs(30);
/// Server and upsmon of each combination.
const CASES: &[(&str, Which, Which)] = &[
    ("our server, our upsmon", Which::Husk, Which::Husk),
    (
        "our server, the incumbent's upsmon",
        Which::Husk,
        Which::Incumbent,
    ),
    (
        "the incumbent's server, our upsmon",
        Which::Incumbent,
        Which::Husk,
    ),
    ("both the incumbent's", Which::Incumbent, Which::Incumbent),
];

fn main() -> Result<()> {
    let Some((runs, only)) = options()? else {
        println!("{}", HELP.trim());
        return Ok(());
    };
    println!("ms from the change: least, median, most of {runs}");
    println!(
        "{:40}{:>27}{:>27}",
        "", "OB to NOTIFYCMD", "OB LB to SHUTDOWNCMD"
    );
    // Where in its interval a monitor is when the change comes is a matter of chance.
    let mut random = Random::new(u64::from(std::process::id()));
    for &(name, server, upsmon) in CASES {
        let stock = [server, upsmon].contains(&Which::Incumbent);
        if !name.contains(&only) || (stock && !incumbent_installed()) {
            continue;
        }
        let (mut told, mut ordered) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            let (notify, shutdown) = shutdown(server, upsmon, &mut random)?;
            told.push(notify);
            ordered.push(shutdown);
        }
        println!("{name:40}{:>27}{:>27}", spread(told), spread(ordered));
    }
    Ok(())
}

fn options() -> Result<Option<(usize, String)>> {
    let (mut runs, mut only) = (5, String::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--runs" => runs = words.next().ok_or("--runs wants a value")?.parse()?,
            "--only" => only = words.next().ok_or("--only wants a value")?,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("{word} is not known\n{HELP}").into()),
        }
    }
    Ok(Some((runs, only)))
}

/// One shutdown: from OB to NOTIFYCMD, and from OB LB to SHUTDOWNCMD.
fn shutdown(server: Which, upsmon: Which, random: &mut Random) -> Result<(Duration, Duration)> {
    let network = Network::new(&["machine"])?;
    let machine = network.host("machine")?;
    let dir = Scratch::new("bench")?;
    dir.write(
        "ups.conf",
        "[lab]\n  driver = dummy-ups\n  port = lab.dev\n  mode = dummy-once\n",
    )?;
    dir.write("lab.dev", "ups.status: OL\nbattery.charge: 90\n")?;
    dir.write(
        "upsd.users",
        "[admin]\n  password = bench\n  actions = SET\n[keeper]\n  password = keep\n  upsmon primary\n",
    )?;
    let server = Server::start_on(&machine, server, dir, &["lab"])?;
    let mut upsmon = Upsmon::new(upsmon, &machine)?;
    upsmon.configure("MONITOR lab@machine 1 keeper keep primary\nFINALDELAY 0\n")?;
    let mut wire = server.wire()?;
    wait_until(PATIENCE, || status(&mut wire) == "OL")?;
    for request in ["USERNAME admin", "PASSWORD bench"] {
        wire.ask(request)?;
    }
    upsmon.start()?;
    wait_until(PATIENCE, || {
        let reply = wire.ask("GET NUMLOGINS lab");
        reply.is_ok_and(|reply| reply == "NUMLOGINS lab 1")
    })?;
    let notify = change(&mut wire, "OB", &upsmon, "ONBATT", random)?;
    let shutdown = change(&mut wire, "OB LB", &upsmon, SHUTDOWN, random)?;
    drop(upsmon);
    Ok((notify, shutdown))
}

fn change(
    wire: &mut Wire,
    to: &str,
    upsmon: &Upsmon,
    what: &str,
    random: &mut Random,
) -> io::Result<Duration> {
    let wait = u64::try_from(random.below(5000)).unwrap_or(0);
    thread::sleep(Duration::from_millis(wait));
    let since = Instant::now();
    let reply = wire.ask(&format!("SET VAR lab ups.status \"{to}\""))?;
    if !reply.starts_with("OK") {
        return Err(io::Error::other(reply));
    }
    Ok(upsmon.wait_for(what, PATIENCE)? - since)
}

fn status(wire: &mut Wire) -> String {
    wire.value("lab", "ups.status").unwrap_or_default()
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let millis = |time: Option<&Duration>| {
        let time = time.copied().unwrap_or_default();
        format!("{:.1}", time.as_secs_f64() * 1e3)
    };
    format!(
        "{} {} {}",
        millis(times.first()),
        millis(times.get(times.len() / 2)),
        millis(times.last())
    )
}
