//! Many SNMP agents polled by one host, and some of them by the incumbent's driver, a process each.
//!
//! `cargo xtask bench snmp` builds what this needs. The agents run on the same processors. Without Debian's nut-snmp only our
//! own figures are shown.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use husk_tests::process;
use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::sim::snmp::{Agent, Counted, rfc1628};
use husk_tests::tool::Wire;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HELP: &str = "
usage: bench_snmp [--agents N] [--incumbents N] [--interval S] [--polls N] [--ours]

  --agents N      agents that one husk serve polls (1000)
  --incumbents N  of the incumbent's drivers beside that (20)
  --interval S    seconds between two polls (30)
  --polls N       polls measured (2)
  --ours          ours alone
";

/// All must be served within this time.
const START: Duration = Duration::from_secs(120);

struct Options {
    agents: usize,
    incumbents: usize,
    interval: u64,
    polls: u64,
}

/// What polling some agents takes.
struct Figures {
    agents: usize,
    variables: usize,
    first: Duration,
    starting: Counted,
    window: Duration,
    polling: Counted,
    cpu: Duration,
    memory: u64,
    late: Vec<Duration>,
}

fn main() -> Result<()> {
    let Some(options) = options()? else {
        println!("{}", HELP.trim());
        return Ok(());
    };
    allow_descriptors();
    let load = std::fs::read_to_string("/proc/loadavg")?;
    println!("load before: {}", load.trim());
    let ours = measure(Which::Husk, options.agents, &options)?;
    ours.print("ours");
    if options.incumbents > 0 && incumbent_installed() && Path::new("/lib/nut/snmp-ups").exists() {
        let theirs = measure(Which::Incumbent, options.incumbents, &options)?;
        theirs.print("incumbent");
        ratios(&ours, &theirs);
    }
    Ok(())
}

fn options() -> Result<Option<Options>> {
    let mut options = Options {
        agents: 1000,
        incumbents: 20,
        interval: 30,
        polls: 2,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        match word.as_str() {
            "--agents" => options.agents = value()?.parse()?,
            "--incumbents" => options.incumbents = value()?.parse()?,
            "--interval" => options.interval = value()?.parse()?,
            "--polls" => options.polls = value()?.parse()?,
            "--ours" => options.incumbents = 0,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("{word} is not known\n{HELP}").into()),
        }
    }
    Ok(Some(options))
}

/// A socket for each agent.
fn allow_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Who may not gets an error when the sockets are made.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn measure(which: Which, count: usize, options: &Options) -> Result<Figures> {
    let objects = |number| rfc1628::ups(&format!("Sim {number}"));
    let agents = Agent::start_all((0..count).map(objects).collect())?;
    let dir = Scratch::new("bench-snmp")?;
    let interval = options.interval;
    // The incumbent looks every `pollinterval` whether `pollfreq` is over: with both alike it polls every other time.
    let look = match which {
        Which::Husk => interval,
        Which::Incumbent => 2,
    };
    let mut conf = format!("pollinterval = {look}\n");
    let names: Vec<String> = (0..count).map(|number| format!("d{number}")).collect();
    for (name, agent) in names.iter().zip(&agents) {
        conf += &format!(
            "[{name}]\n  driver = snmp-ups\n  port = {}\n  snmp_version = v2c\n  mibs = ietf\n  pollfreq = {interval}\n",
            agent.address()
        );
    }
    dir.write("ups.conf", &conf)?;
    dir.write("upsd.users", "")?;
    dir.write("upsd.conf", &format!("MAXAGE {}\n", interval * 2))?;
    let since = Instant::now();
    let devices: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = Server::start(which, dir, &devices)?;
    let mut wire = Wire::connect(server.port)?;
    let mut waiting = devices.clone();
    wait_until(START, || {
        waiting.retain(|name| !matches!(wire.value(name, "ups.status").as_deref(), Ok("OL")));
        waiting.is_empty()
    })?;
    let first = since.elapsed();
    let listed = wire.ask(&format!(
        "LIST VAR {}",
        names.first().map_or("", String::as_str)
    ))?;
    let counted = |line: &&str| line.starts_with("VAR ") && !line.contains(" driver.");
    let variables = listed.lines().filter(counted).count();
    let starting = total(&agents);
    // The first polls are spread over the interval.
    std::thread::sleep(Duration::from_secs(interval));
    let _ = total(&agents);
    agents.iter().for_each(|agent| drop(agent.take_begun()));
    let processes: Vec<u32> = match which {
        Which::Husk => vec![server.pid()],
        Which::Incumbent => drivers(),
    };
    let cpu = || {
        processes
            .iter()
            .map(|pid| process::cpu_of_threads(*pid))
            .sum::<Duration>()
    };
    let (begun, before) = (Instant::now(), cpu());
    std::thread::sleep(Duration::from_secs(interval * options.polls) + Duration::from_secs(2));
    let window = begun.elapsed();
    Ok(Figures {
        agents: count,
        variables,
        first,
        starting,
        window,
        polling: total(&agents),
        cpu: cpu() - before,
        memory: processes
            .iter()
            .map(|pid| process::proportional_memory(*pid))
            .sum(),
        late: lateness(&agents, Duration::from_secs(interval)),
    })
}

/// The incumbent's drivers that run as children of this process.
fn drivers() -> Vec<u32> {
    let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let all = process::children(std::process::id()).into_iter();
    all.filter(|pid| name(pid).trim() == "snmp-ups").collect()
}

fn total(agents: &[Agent]) -> Counted {
    let mut sum = Counted::default();
    for counted in agents.iter().map(Agent::take_counted) {
        sum.requests += counted.requests;
        sum.objects += counted.objects;
        sum.bytes_in += counted.bytes_in;
        sum.bytes_out += counted.bytes_out;
    }
    sum
}

/// By how much each poll began later or earlier than an interval after the one before, sorted.
fn lateness(agents: &[Agent], interval: Duration) -> Vec<Duration> {
    let mut late = Vec::new();
    for agent in agents {
        let begun = agent.take_begun();
        let pairs = begun.iter().zip(begun.iter().skip(1));
        late.extend(pairs.map(|(one, two)| two.duration_since(*one).abs_diff(interval)));
    }
    late.sort_unstable();
    late
}

impl Figures {
    fn per_agent(&self, of: f64) -> f64 {
        of / self.agents as f64
    }

    /// Processor time of a second, in percent of one processor, for each agent.
    fn share(&self) -> f64 {
        self.per_agent(self.cpu.as_secs_f64() / self.window.as_secs_f64() * 100.0)
    }

    fn requests_per_variable(&self) -> f64 {
        let polls = self.late.len() as f64 + self.agents as f64;
        self.polling.requests as f64 / polls / self.variables as f64
    }

    fn print(&self, who: &str) {
        let at = |part: usize| {
            let at = self.late.len().saturating_sub(1) * part / 100;
            self.late.get(at).copied().unwrap_or_default()
        };
        println!(
            "{who}: {} agents with {} variables; all served after {:.1?}, for {:.1} packets each",
            self.agents,
            self.variables,
            self.first,
            self.per_agent(self.starting.requests as f64)
        );
        println!(
            "  in {:.0?}: {} packets with {} objects, {:.3} packets per variable and poll; {} bytes there, {} back",
            self.window,
            self.polling.requests,
            self.polling.objects,
            self.requests_per_variable(),
            self.polling.bytes_in,
            self.polling.bytes_out
        );
        println!(
            "  processor {:.2} % of one, {:.5} % per agent; memory {} kB (shared pages divided), {:.0} kB per agent",
            self.share() * self.agents as f64,
            self.share(),
            self.memory,
            self.per_agent(self.memory as f64)
        );
        println!(
            "  a poll begins off its interval by {:.1?} (median), {:.1?} (99 %), {:.1?} (most) of {} polls",
            at(50),
            at(99),
            at(100),
            self.late.len()
        );
    }
}

fn ratios(ours: &Figures, theirs: &Figures) {
    println!(
        "ratio per agent: packets x{:.3}, processor x{:.3}, memory x{:.3}",
        ours.requests_per_variable() / theirs.requests_per_variable().max(1e-9),
        ours.share() / theirs.share().max(1e-9),
        ours.per_agent(ours.memory as f64) / theirs.per_agent(theirs.memory as f64).max(1e-9)
    );
}
