//! `nut-scanner`: the same search with the options and the output of NUT's program.
//!
//! USB, SNMP, other NUT servers, simulation files and serial lines. Of the ways NUT's program looks besides (XML over HTTP,
//! Avahi, IPMI, UPower) it takes the options and says that nothing is looked for; found or not, it ends with 0, as scripts expect.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use husk_core::scan::addresses::Range;
use husk_core::scan::found::{Bus, Found, parsable, remarks, sections};

use super::network::{self, Survey};
use super::{agents, scanner, serial, usb};
use crate::client::tool::print;
use crate::{logging, serve};
use options::Options;

mod options;

const HELP: &str = "\
usage: nut-scanner [OPTIONS]

Looks for UPSes and prints sections of ups.conf for them.

  -C, --complete_scan          everything but serial lines (default)
  -U, --usb_scan               USB devices
  -S, --snmp_scan              SNMP agents
  -O, --oldnut_scan            NUT servers
  -n, --nut_simulation_scan    simulation files in the configuration directory
  -E, --eaton_serial <lines>   serial lines: `auto`, or device files and numbers such as /dev/ttyUSB0,1-3
  -T, --thread <number>        addresses asked at once (default 256)

NUT servers and SNMP agents:
  -t, --timeout <seconds>      how long each may take (default 5)
  -s, --start_ip <address>     the first address, or the only one
  -e, --end_ip <address>       the last address
  -m, --mask_cidr <network>    a network as in 192.0.2.0/24, or `auto` for those this machine is in
  -p, --port <number>          where NUT servers listen (default 3493)

SNMP agents, version 1 with a community or version 3 with a user:
  -c, --community <word>       (default public)
  -l, --secLevel <level>       noAuthNoPriv, authNoPriv or authPriv
  -u, --secName <user>
  -w, --authProtocol <name>    MD5 (default), SHA, SHA256, SHA384 or SHA512
  -W, --authPassword <phrase>  seen by everybody who lists processes
  -x, --privProtocol <name>    DES (default), AES, AES192 or AES256
  -X, --privPassword <phrase>  seen by everybody who lists processes

Output:
  -Q, --disp_nut_conf_with_sanity_check  sections, with remarks on what they have in common (default)
  -N, --disp_nut_conf          sections
  -P, --disp_parsable          one line per UPS
  -a, --available              what can be looked for
  -q, --quiet                  nothing but what was found
  -V, --version                the version
  -D, --nut_debug_level        more detail in the log; may be repeated

Nothing is found with -M (XML over HTTP), -A (Avahi), -I (IPMI) and -J (UPower); their options are accepted.
";

/// What can be looked for, in the words of NUT's program.
const AVAILABLE: &str = "USB\nSNMP\nOLDNUT\nNUT_SIMULATION\nEATON_SERIAL\n";
/// NUT's exit code for options that cannot be read.
const BAD_OPTION: u8 = 255;

/// Runs the program with the words after its name.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let options = match Options::parse(words) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("nut-scanner: {why}");
            print(HELP);
            return ExitCode::from(BAD_OPTION);
        }
    };
    for (letter, text) in [
        ('h', HELP.to_owned()),
        (
            'V',
            format!("Network UPS Tools - {}\n", husk_server::VERSION),
        ),
        ('a', AVAILABLE.to_owned()),
    ] {
        if options.has(letter) {
            print(&text);
            return ExitCode::SUCCESS;
        }
    }
    logging::start("nut-scanner", options.count('D'), true);
    let found = look(&options);
    let form = options.last_of(&['Q', 'N', 'P']).unwrap_or('Q');
    print(&match form {
        'P' => parsable(&found),
        'N' => sections(&found),
        _ => format!("{}{}", sections(&found), remarks(&found)),
    });
    ExitCode::SUCCESS
}

fn look(options: &Options) -> Vec<Found> {
    let chosen = options.has_any("USMOAnIJE");
    let every = options.has('C') || !chosen;
    for (letter, what) in [
        ('M', "XML over HTTP"),
        ('A', "NUT servers by Avahi"),
        ('I', "IPMI"),
        ('J', "UPower"),
    ] {
        if options.has(letter) {
            eprintln!("nut-scanner: {what}: not looked for, this version cannot");
        }
    }
    let dir = serve::source(None, false).dir;
    let mut found = Vec::new();
    let mut add = |wanted: bool, what: &str, more: &dyn Fn() -> Result<Vec<Found>, String>| {
        if !wanted {
            return;
        }
        if !options.has('q') {
            eprintln!("Scanning {what}.");
        }
        match more() {
            Ok(more) => found.extend(more),
            Err(reason) => eprintln!("nut-scanner: {what}: {reason}"),
        }
    };
    add(every || options.has('U'), "USB bus", &|| on_usb(&dir));
    add(every || options.has('S'), "SNMP bus", &|| {
        agents_at(options, &dir)
    });
    add(
        every || options.has('O'),
        "NUT bus (old connect method)",
        &|| servers(options),
    );
    add(every || options.has('n'), "NUT simulation devices", &|| {
        simulations(&dir)
    });
    add(options.has('E'), "serial bus", &|| on_lines(options, &dir));
    found
}

fn on_usb(dir: &Path) -> Result<Vec<Found>, String> {
    let seen = usb::look(Path::new("/"), &scanner(dir)?)?;
    Ok(seen.iter().filter_map(usb::Seen::found).collect())
}

fn servers(options: &Options) -> Result<Vec<Found>, String> {
    let ranges = ranges(options);
    if ranges.is_empty() && !options.has('O') {
        return Ok(Vec::new());
    }
    if ranges.is_empty() {
        return Err("no address to begin with, so none is asked".to_owned());
    }
    let number = |letter, usual| number(options, letter, usual);
    let port = number('p', husk_core::proto::PORT.into());
    let survey = Survey {
        addresses: network::all(&ranges)?,
        port: u16::try_from(port).map_err(|_| format!("{port} is no port"))?,
        patience: Duration::from_secs(number('t', network::PATIENCE.as_secs())),
        at_once: usize::try_from(number('T', network::AT_ONCE as u64))
            .unwrap_or(network::AT_ONCE_MAX),
    };
    let answers = survey.ask();
    Ok(answers.iter().flat_map(network::Answer::found).collect())
}

/// The number behind an option, or the usual one.
fn number(options: &Options, letter: char, usual: u64) -> u64 {
    match options.value(letter).map(str::parse) {
        None => usual,
        Some(Ok(number)) if number > 0 => number,
        Some(_) => {
            eprintln!("nut-scanner: -{letter} wants a number above 0; {usual} it is");
            usual
        }
    }
}

/// Agents at the addresses given: of version 3 if a user or a level is given, else of version 1.
fn agents_at(options: &Options, dir: &Path) -> Result<Vec<Found>, String> {
    const OF_VERSION_3: [(char, &str); 6] = [
        ('l', "secLevel"),
        ('u', "secName"),
        ('w', "authProtocol"),
        ('W', "authPassword"),
        ('x', "privProtocol"),
        ('X', "privPassword"),
    ];
    let ranges = ranges(options);
    if ranges.is_empty() && !options.has('S') {
        return Ok(Vec::new());
    }
    if ranges.is_empty() {
        return Err("no address to begin with, so none is asked".to_owned());
    }
    let mut section = Vec::new();
    if options.has_any("lu") {
        section.push(("snmp_version", "v3".to_owned()));
        let given = OF_VERSION_3.iter();
        section.extend(
            given.filter_map(|(letter, name)| Some((*name, options.value(*letter)?.to_owned()))),
        );
    } else {
        let community = options.value('c').unwrap_or(agents::PUBLIC);
        section.push(("community", community.to_owned()));
    }
    let survey = agents::Survey {
        addresses: network::all(&ranges)?,
        options: section,
        patience: Duration::from_secs(number(options, 't', network::PATIENCE.as_secs())),
        at_once: usize::try_from(number(options, 'T', network::AT_ONCE as u64))
            .unwrap_or(network::AT_ONCE),
        who: "nut-scanner",
    };
    survey.ask(&scanner(dir)?)
}

/// What `-s`, `-e` and `-m` mean, each as often as given: `-s` alone is one address, an `-e` behind it makes it a range.
fn ranges(options: &Options) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    let mut first = None;
    let complain = |reason: String| eprintln!("nut-scanner: {reason}");
    for (letter, value) in options.in_order() {
        let found = match letter {
            's' => network::resolve(value).map(|address| {
                first = Some(address);
                vec![Range::only(address)]
            }),
            'e' => network::resolve(value).and_then(|last| match first.take() {
                Some(first) => {
                    ranges.pop();
                    let range = Range::between(first, last);
                    range
                        .map(|range| vec![range])
                        .map_err(|error| error.to_string())
                }
                None => Ok(vec![Range::only(last)]),
            }),
            'm' if matches!(value, "auto" | "auto4") => network::own_networks(),
            'm' if value == "auto6" => {
                Err("-m auto6: no IPv6 network is small enough to ask all of it".to_owned())
            }
            'm' => Range::network(value)
                .map(|range| vec![range])
                .map_err(|error| error.to_string()),
            _ => continue,
        };
        match found {
            Ok(found) => ranges.extend(found),
            Err(reason) => complain(reason),
        }
    }
    ranges
}

/// `.dev` and `.seq` files, which dummy-ups plays.
fn simulations(dir: &Path) -> Result<Vec<Found>, String> {
    let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| name.ends_with(".dev") || name.ends_with(".seq"))
        .collect();
    names.sort();
    let found = names.into_iter().map(|port| Found {
        bus: Bus::Simulation,
        driver: "dummy-ups".to_owned(),
        others: Vec::new(),
        port,
        items: Vec::new(),
    });
    Ok(found.collect())
}

fn on_lines(options: &Options, dir: &Path) -> Result<Vec<Found>, String> {
    let scanner = scanner(dir)?;
    let mut lines = Vec::new();
    for word in options
        .value('E')
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
    {
        match word {
            "auto" => {
                let free = serial::lines(Path::new("/"), &scanner)?.into_iter();
                lines.extend(
                    free.filter(|(_, reason)| reason.is_none())
                        .map(|(line, _)| line.path),
                );
            }
            word => lines.extend(named_lines(word)?),
        }
    }
    let probed = serial::probe(&scanner, &lines)?;
    Ok(probed.iter().filter_map(serial::Probed::found).collect())
}

/// A device file, or one or several of the numbered ones: `1-3` is /dev/ttyS1 to /dev/ttyS3.
fn named_lines(word: &str) -> Result<Vec<PathBuf>, String> {
    if word.starts_with('/') {
        return Ok(vec![word.into()]);
    }
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let number = |text: &str| {
        text.parse::<u8>()
            .map_err(|_| format!("{word} is no serial line"))
    };
    let numbers = number(first)?..=number(last)?;
    Ok(numbers
        .map(|number| format!("/dev/ttyS{number}").into())
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options(words: &str) -> Options {
        Options::parse(words.split(' ').map(OsString::from).collect()).unwrap()
    }

    #[test]
    fn addresses_are_single_ranges_or_networks_as_often_as_given() {
        let at = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
        let only = |text: &str| Range::only(at(text));
        let between = |one, other| Range::between(at(one), at(other)).unwrap();
        for (words, expected) in [
            ("-s 10.0.0.1", vec![only("10.0.0.1")]),
            ("-e 10.0.0.1", vec![only("10.0.0.1")]),
            (
                "-s 10.0.0.1 -e 10.0.0.9",
                vec![between("10.0.0.1", "10.0.0.9")],
            ),
            (
                "-s 10.0.0.1 -s 10.0.1.1 --end_ip=10.0.1.2 -m 127.0.0.1/32",
                vec![
                    only("10.0.0.1"),
                    between("10.0.1.1", "10.0.1.2"),
                    only("127.0.0.1"),
                ],
            ),
            ("-m 127.0.0.1", vec![]),
            ("-O", vec![]),
        ] {
            assert_eq!(ranges(&options(words)), expected, "{words}");
        }
    }

    #[test]
    fn lines_are_files_or_numbers() {
        assert_eq!(
            named_lines("/dev/ttyUSB0").unwrap(),
            [PathBuf::from("/dev/ttyUSB0")]
        );
        assert_eq!(named_lines("1").unwrap(), [PathBuf::from("/dev/ttyS1")]);
        assert_eq!(named_lines("1-3").unwrap().len(), 3);
        assert!(named_lines("COM1").is_err());
    }
}
