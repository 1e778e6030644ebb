//! Our server and the incumbent's on the same device, asked the same things in turn.
//!
//! `cargo xtask bench server` builds what this needs. The load runs on the same processors as the servers, and the
//! medians of several short runs are shown: other work on the machine makes all figures worse, and spares none.
//! Without Debian's nut-server only our own figures are shown.

mod device;
mod load;

use std::error::Error;
use std::time::{Duration, Instant};

use husk_tests::process;
use husk_tests::rig::{Server, Which, incumbent_installed};
use husk_tests::tool::Wire;
use load::{Figures, Load};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HELP: &str = "
usage: bench_server [--runs N] [--seconds S] [--only TEXT] [--ours]

  --runs N     runs of each case on each server, of which the median is shown (3)
  --seconds S  measured time of one run (1)
  --only TEXT  cases whose name contains TEXT
  --ours       our server alone
";

/// What is asked, over how many connections, with how many requests at once on each, over TLS.
const CASES: &[(&str, usize, usize, bool)] = &[
    ("GET VAR", 1, 1, false),
    ("GET VAR", 1, 32, false),
    ("GET VAR", 100, 1, false),
    ("GET VAR", 1000, 1, false),
    ("LIST VAR", 1, 1, false),
    ("LIST VAR", 1, 32, false),
    ("LIST VAR", 100, 1, false),
    ("LIST VAR", 1000, 1, false),
    ("GET VAR", 1, 1, true),
    ("GET VAR", 100, 1, true),
    ("LIST VAR", 1, 1, true),
    ("LIST VAR", 100, 1, true),
];

struct Options {
    runs: usize,
    seconds: f64,
    only: String,
    ours: bool,
}

fn main() -> Result<()> {
    let Some(options) = options()? else {
        println!("{}", HELP.trim());
        return Ok(());
    };
    let mut servers = vec![device::start(Which::Husk)?];
    if !options.ours && incumbent_installed() {
        servers.push(device::start(Which::Incumbent)?);
    }
    let load = std::fs::read_to_string("/proc/loadavg")?;
    println!(
        "{} runs of {} s each, medians; load before: {}",
        options.runs,
        options.seconds,
        load.trim()
    );
    println!(
        "{:34}{:>12}{:>12}{:>12}{:>12}",
        "", "replies/s", "p50 µs", "p99 µs", "CPU µs"
    );
    for &(request, connections, depth, tls) in CASES {
        let case = Case {
            request,
            connections,
            depth,
            tls,
        };
        if case.name().contains(&options.only) {
            case.measure(&servers, &options)?;
        }
    }
    if options.only.is_empty() {
        memory(&servers)?;
        change(&servers)?;
    }
    Ok(())
}

fn options() -> Result<Option<Options>> {
    let mut options = Options {
        runs: 3,
        seconds: 1.0,
        only: String::new(),
        ours: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        match word.as_str() {
            "--runs" => options.runs = value()?.parse()?,
            "--seconds" => options.seconds = value()?.parse()?,
            "--only" => options.only = value()?,
            "--ours" => options.ours = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("{word} is not known\n{HELP}").into()),
        }
    }
    Ok(Some(options))
}

#[derive(Clone, Copy)]
struct Case {
    request: &'static str,
    connections: usize,
    depth: usize,
    tls: bool,
}

impl Case {
    fn name(&self) -> String {
        let tls = if self.tls { "TLS " } else { "" };
        let depth = match self.depth {
            1 => String::new(),
            depth => format!(" {depth} at once"),
        };
        format!("{tls}{} x{}{depth}", self.request, self.connections)
    }

    fn measure(&self, servers: &[Server], options: &Options) -> Result<()> {
        let mut all = vec![Vec::new(); servers.len()];
        for _ in 0..options.runs {
            for (server, figures) in servers.iter().zip(&mut all) {
                if !self.tls || device::offers_tls(server) {
                    figures.push(self.run(server, options)?);
                }
            }
        }
        let medians: Vec<_> = all.iter().map(|figures| median(figures)).collect();
        for (who, figures) in ["ours", "incumbent"].iter().zip(&medians) {
            if let Some(figures) = figures {
                println!("{:24}{who:10}{}", self.name(), row(figures));
            }
        }
        if let [Some(ours), Some(theirs)] = medians[..] {
            println!("{:24}{:10}{}", "", "ratio", ratios(&ours, &theirs));
        }
        Ok(())
    }

    fn run(&self, server: &Server, options: &Options) -> Result<Figures> {
        let load = self.load(server, options.seconds)?;
        let pid = server.pid();
        Ok(load.run(load.connect()?, || process::cpu(pid))?)
    }

    fn load(&self, server: &Server, seconds: f64) -> Result<Load> {
        let variable = if self.request == "GET VAR" {
            " ups.status"
        } else {
            ""
        };
        Ok(Load {
            port: server.port,
            request: format!("{} {}{variable}", self.request, device::UPS),
            connections: self.connections,
            depth: self.depth,
            tls: self.tls.then(device::client).transpose()?,
            warm_up: Duration::from_millis(300),
            measured: Duration::from_secs_f64(seconds),
        })
    }
}

fn median(figures: &[Figures]) -> Option<Figures> {
    let middle = |of: &dyn Fn(&Figures) -> f64| {
        let mut values: Vec<f64> = figures.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let time = |of: &dyn Fn(&Figures) -> Duration| {
        middle(&|figures| of(figures).as_secs_f64()).map(Duration::from_secs_f64)
    };
    Some(Figures {
        rate: middle(&|figures| figures.rate)?,
        p50: time(&|figures| figures.p50)?,
        p99: time(&|figures| figures.p99)?,
        cpu: time(&|figures| figures.cpu)?,
    })
}

fn row(figures: &Figures) -> String {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    format!(
        "{:>12.0}{:>12.0}{:>12.0}{:>12}",
        figures.rate,
        micros(figures.p50),
        micros(figures.p99),
        known(figures.cpu, format!("{:.1}", micros(figures.cpu)))
    )
}

fn ratios(ours: &Figures, theirs: &Figures) -> String {
    let of = |ours: Duration, theirs: Duration| ours.as_secs_f64() / theirs.as_secs_f64().max(1e-9);
    format!(
        "{:>12}{:>12}{:>12}{:>12}",
        format!("x{:.2}", ours.rate / theirs.rate),
        format!("x{:.3}", of(ours.p50, theirs.p50)),
        format!("x{:.3}", of(ours.p99, theirs.p99)),
        known(
            ours.cpu.min(theirs.cpu),
            format!("x{:.2}", of(ours.cpu, theirs.cpu))
        ),
    )
}

/// A text that rests on a processor time, or a dash when that was too short to measure.
fn known(cpu: Duration, text: String) -> String {
    if cpu.is_zero() { "-".to_owned() } else { text }
}

/// Resident memory after the load, then with idle connections on top of it.
fn memory(servers: &[Server]) -> Result<()> {
    println!(
        "\nresident memory, kB, after the cases above; then with 1,000 idle connections, plain and TLS"
    );
    for (who, server) in ["ours", "incumbent"].iter().zip(servers) {
        let before = process::memory(server.pid());
        let mut with = Vec::new();
        for tls in [false, true] {
            if tls && !device::offers_tls(server) {
                continue;
            }
            let case = Case {
                request: "GET VAR",
                connections: 1000,
                depth: 1,
                tls,
            };
            let crowd = case.load(server, 1.0)?.connect()?;
            with.push(process::memory(server.pid()));
            drop(crowd);
        }
        println!("{who:10}{before:>10}   {with:?}");
    }
    Ok(())
}

/// From the OK to a SET until another client that asks without a pause sees the new value.
fn change(servers: &[Server]) -> Result<()> {
    println!(
        "\na change of the device, until another client reads it, ms: least, median, most of 9"
    );
    for (who, server) in ["ours", "incumbent"].iter().zip(servers) {
        let mut writer = Wire::connect(server.port)?;
        let mut reader = Wire::connect(server.port)?;
        for request in ["USERNAME admin", "PASSWORD bench"] {
            writer.ask(request)?;
        }
        let mut times = Vec::new();
        for round in 0..9 {
            let value = format!("round {round}");
            let reply = writer.ask(&format!("SET VAR {} ups.id \"{value}\"", device::UPS))?;
            if reply != "OK" {
                return Err(format!("{who}: SET is answered {reply}").into());
            }
            let begun = Instant::now();
            while reader.value(device::UPS, "ups.id")? != value {
                if begun.elapsed() > Duration::from_secs(10) {
                    return Err(format!("{who}: the change never came").into());
                }
            }
            times.push(begun.elapsed());
            std::thread::sleep(Duration::from_millis(50));
        }
        times.sort_unstable();
        let shown = [0, 4, 8].map(|at| times.get(at).copied().unwrap_or_default());
        let shown = shown.map(|time| format!("{:.2}", time.as_secs_f64() * 1e3));
        println!("{who:10}{}", shown.join("  "));
    }
    Ok(())
}
