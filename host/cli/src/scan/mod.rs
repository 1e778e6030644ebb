//! `husk scan`: which UPSes there are, which plugin is for each, what keeps it from them, and the sections for ups.conf.
//!
//! USB devices are only looked at. Serial lines and networks are asked where the command line says so, because what is there
//! may be anything. `--write` adds to ups.conf and changes nothing that is in it.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use husk_core::scan::addresses::Range;
use husk_core::scan::draft::{Draft, addition};
use husk_core::scan::found::Found;
use husk_ports::present::serial::SerialLine;
use husk_server::scan::{Scanner, append};
use tokio::runtime::Runtime;

use crate::bundle::BUNDLED;
use crate::{logging, serve};
use account::Account;
use network::Survey;

mod account;
mod agents;
mod daemons;
mod network;
pub(crate) mod nut_scanner;
mod serial;
mod usb;

const HELP: &str = "\
usage: husk scan [--serial[=DEVICE]]... [--snmp=ADDRESS [--community=WORD]]... [--daemon=ADDRESS]...
                 [--nut=ADDRESS]... [--write] [--all] [--user NAME] [--config DIR] [--root DIR]

Lists the UPSes on USB with the driver for each and what keeps it from opening it; and, where asked to:

  --serial[=DEVICE]  has each serial driver try this line, or all lines that nobody uses
  --snmp=ADDRESS     asks SNMP agents what they are: a name, an address, a network as in 192.0.2.0/24, or `auto`
                     for the networks this machine is in; in version 1 (nut-scanner -S knows version 3 too)
  --community=WORD   in this community (default: public)
  --daemon=ADDRESS   asks the daemons of other software, apcupsd's information server (NIS) and PowerMan: as --nut
  --nut=ADDRESS      asks NUT servers which UPSes they serve: a name, an address, a network as in 192.0.2.0/24,
                     or `auto` for the networks this machine is in; with :PORT behind a name or an address
  --write            adds a section to ups.conf for each UPS on USB, a serial line or behind an agent or a daemon that
                     has none
  --all              lists USB devices that are no UPSes too
  --user NAME        judges whether NAME may open them (default: whoever runs this)
  --config DIR       directory of ups.conf and husk.toml (default: $NUT_CONFPATH, else /etc/nut)
  --root DIR         reads DIR/sys and DIR/dev instead of /sys and /dev
  -D                 more detail in the log

A driver that tries a serial line sends what its devices expect: let it try no line that something else is on.
";

/// What is asked for.
#[derive(Debug, Default)]
struct Asked {
    config: Option<PathBuf>,
    root: Option<PathBuf>,
    user: Option<String>,
    every_line: bool,
    lines: Vec<PathBuf>,
    servers: Vec<String>,
    agents: Vec<String>,
    daemons: Vec<String>,
    community: Option<String>,
    write: bool,
    all: bool,
    debug: usize,
}

/// Runs `husk scan` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let asked = match parse(words) {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("husk scan: {error}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    logging::start("husk", asked.debug, true);
    match scan(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("husk scan: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(words: Vec<OsString>) -> Result<Option<Asked>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(words);
    let mut asked = Asked::default();
    while let Some(option) = parser.next()? {
        match option {
            Long("usb") => {}
            Long("serial") => match parser.optional_value() {
                Some(line) => asked.lines.push(line.into()),
                None => asked.every_line = true,
            },
            Long("nut") => asked.servers.push(parser.value()?.string()?),
            Long("snmp") => asked.agents.push(parser.value()?.string()?),
            Long("daemon") => asked.daemons.push(parser.value()?.string()?),
            Long("community") => asked.community = Some(parser.value()?.string()?),
            Long("write") => asked.write = true,
            Long("all") => asked.all = true,
            Long("user") => asked.user = Some(parser.value()?.string()?),
            Long("config") => asked.config = Some(parser.value()?.into()),
            Long("root") => asked.root = Some(parser.value()?.into()),
            Short('D') => asked.debug += 1,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(asked))
}

fn scan(asked: &Asked) -> Result<(), String> {
    let dir = serve::source(asked.config.clone(), false).dir;
    let root = asked.root.as_deref().unwrap_or(Path::new("/"));
    let account = match &asked.user {
        Some(name) => Account::named(name)?,
        None => Account::own(),
    };
    let scanner = scanner(&dir)?;
    let mut drafts = on_usb(asked, root, &scanner, &account)?;
    drafts.extend(on_lines(asked, root, &scanner)?);
    for place in &asked.agents {
        drafts.extend(at_agents(asked, place, &scanner)?);
    }
    for place in &asked.daemons {
        drafts.extend(at_daemons(place, &scanner)?);
    }
    for server in &asked.servers {
        servers(server)?;
    }
    match (asked.write, drafts.is_empty()) {
        (true, _) => write(&dir, &drafts),
        (false, true) => Ok(()),
        (false, false) => {
            println!(
                "\n`husk scan --write` adds {} to {}.",
                some(drafts.len(), "section"),
                dir.join("ups.conf").display()
            );
            Ok(())
        }
    }
}

/// Loads the plugins.
fn scanner(dir: &Path) -> Result<Scanner, String> {
    let opening = runtime()?.block_on(Scanner::open(dir, BUNDLED));
    opening.map_err(|error| error.to_string())
}

fn runtime() -> Result<Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|error| error.to_string())
}

fn on_usb(
    asked: &Asked,
    root: &Path,
    scanner: &Scanner,
    account: &Account,
) -> Result<Vec<Draft>, String> {
    let seen = usb::look(root, scanner)?;
    println!("USB:");
    let mut told = 0;
    for one in seen.iter().filter(|one| asked.all || one.concerns_us()) {
        told += 1;
        tell(&one.tell(account));
    }
    let others = seen.len() - told;
    if !root.join("sys/bus/usb").exists() {
        println!(
            "  the kernel shows no USB: {} is not there",
            root.join("sys/bus/usb").display()
        );
    } else if told == 0 {
        println!("  no UPS");
    }
    if others > 0 {
        println!(
            "  {} more that no plugin claims; --all lists them",
            some(others, "device")
        );
    }
    Ok(seen.iter().filter_map(|one| one.draft(&seen)).collect())
}

fn on_lines(asked: &Asked, root: &Path, scanner: &Scanner) -> Result<Vec<Draft>, String> {
    let lines = serial::lines(root, scanner)?;
    println!("Serial lines:");
    let wanted = |line: &SerialLine| asked.lines.contains(&line.path);
    let mut probes = asked.lines.clone();
    for (line, reason) in lines.iter().filter(|(line, _)| !wanted(line)) {
        match reason {
            Some(reason) => println!("  {}  {reason}", line.path.display()),
            None if asked.every_line => probes.push(line.path.clone()),
            None => println!(
                "  {}  not asked; `husk scan --serial={0}` has the drivers try it",
                line.path.display()
            ),
        }
    }
    if lines.is_empty() && probes.is_empty() {
        println!("  none with hardware behind it");
    }
    if !probes.is_empty() {
        eprintln!(
            "asking {} with {}, which may take some minutes",
            some(probes.len(), "line"),
            scanner.serial_drivers().join(", ")
        );
    }
    let probed = serial::probe(scanner, &probes)?;
    for one in &probed {
        tell(&one.tell());
    }
    Ok(probed
        .iter()
        .filter_map(|one| one.draft(&lines, scanner))
        .collect())
}

fn at_agents(asked: &Asked, place: &str, scanner: &Scanner) -> Result<Vec<Draft>, String> {
    let community = asked.community.as_deref().unwrap_or(agents::PUBLIC);
    let survey = agents::Survey {
        addresses: addresses(place)?,
        options: vec![("community", community.to_owned())],
        patience: network::PATIENCE,
        at_once: agents::AT_ONCE,
        who: "husk scan",
    };
    println!("SNMP agents at {place}:");
    let found = survey.ask(scanner)?;
    if found.is_empty() {
        println!("  no UPS");
    }
    let section = |found: &Found| scanner.section_of_agent(&found.port);
    for one in &found {
        let section = section(one).map(|section| section.name.as_str());
        tell(&agents::tell(one, section));
    }
    let new = found.iter().filter(|one| section(one).is_none());
    Ok(new.map(agents::draft).collect())
}

fn at_daemons(place: &str, scanner: &Scanner) -> Result<Vec<Draft>, String> {
    let (addresses, port) = whom(place, None)?;
    let places: Vec<String> = addresses
        .iter()
        .map(|address| daemons::place(address, port))
        .collect();
    println!("Daemons at {place}:");
    let found = daemons::ask(scanner, &places)?;
    if found.is_empty() {
        println!("  none");
    }
    for one in &found {
        tell(&one.tell(scanner));
    }
    Ok(found.iter().filter_map(|one| one.draft(scanner)).collect())
}

/// The addresses that a word means: all of a network, those of this machine's networks, or that of a name.
fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    if text == "auto" {
        return network::all(&network::own_networks()?);
    }
    if text.contains('/') {
        let range = Range::network(text).map_err(|error| error.to_string())?;
        return network::all(&[range]);
    }
    Ok(vec![network::resolve(text)?])
}

fn servers(place: &str) -> Result<(), String> {
    let (addresses, port) = whom(place, Some(husk_core::proto::PORT))?;
    let survey = Survey {
        addresses,
        port: port.unwrap_or(husk_core::proto::PORT),
        patience: network::PATIENCE,
        at_once: network::AT_ONCE,
    };
    println!("NUT servers at {place}:");
    let answers = survey.ask();
    if answers.is_empty() {
        println!("  none");
    }
    for answer in answers {
        match &answer.upses {
            Ok(upses) => {
                println!("  {}  {}", answer.place, some(upses.len(), "UPS"));
                for (name, desc) in upses {
                    println!("    {}@{}  {}", shown(name), answer.place, shown(desc));
                }
            }
            Err(reason) => println!("  {}  says: {}", answer.place, shown(reason)),
        }
    }
    Ok(())
}

/// The addresses that the word behind `--nut` or `--daemon` means, and the port, which is `usual` unless one is given.
fn whom(text: &str, usual: Option<u16>) -> Result<(Vec<IpAddr>, Option<u16>), String> {
    if text == "auto" || text.contains('/') || text.parse::<IpAddr>().is_ok() {
        return Ok((addresses(text)?, usual));
    }
    let server = husk_core::proto::client::Server::parse(text);
    let server = server.map_err(|error| format!("{text}: {error}"))?;
    let given = text
        .strip_suffix(&format!(":{}", server.port))
        .map(|_| server.port);
    Ok((vec![network::resolve(&server.host)?], given.or(usual)))
}

fn write(dir: &Path, drafts: &[Draft]) -> Result<(), String> {
    let path = dir.join("ups.conf");
    let name = path.display();
    if drafts.is_empty() {
        println!("\n{name} is left as it is: there is nothing to add.");
        return Ok(());
    }
    let file = match std::fs::read(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("{name}: {error}"));
        }
        file => file.unwrap_or_default(),
    };
    let addition =
        addition(&file, drafts).map_err(|error| format!("{name} is left as it is: {error}"))?;
    append(dir, &addition.text).map_err(|error| format!("{name}: {error}"))?;
    println!(
        "\n{name} has {} more: {}",
        some(drafts.len(), "section"),
        addition.names.join(", ")
    );
    Ok(())
}

fn tell(lines: &[String]) {
    for line in lines {
        println!("  {line}");
    }
}

/// What a stranger wrote, without what would move the cursor.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

fn some(count: usize, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "UPS") => format!("{count} UPSes"),
        _ => format!("{count} {what}s"),
    }
}
