//! The one program: subcommands by their name, and NUT's classic programs by the name it is called by.
//!
//! Nothing but the choice is made here. A link named `upsc` to this program is `husk upsc`.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

mod bundle;
mod check;
mod client;
mod devices;
mod driver;
mod killpower;
mod logging;
mod outlet;
mod passwd;
mod plugin;
mod scan;
mod serve;
mod tls;
mod upsc;
mod upscmd;
mod upsd;
mod upsdrvctl;
mod upslog;
mod upsmon;
mod upsrw;
mod upssched;
mod why;

const HELP: &str = "\
usage: husk COMMAND [ARGUMENT]...

  serve     serve the UPSes of ups.conf to NUT clients
  status    how the UPSes of a running server fare
  check     everything that is wrong with the configuration
  scan      look for UPSes, tell what keeps their drivers from them, write ups.conf
  devices   the devices the plugins are for, and from what that is known
  passwd    a hashed password for upsd.users
  tls       make certificates for the server and tell how to use them
  plugin    list, show or replace driver plugins
  why       would this machine shut down now, and how far is it from that
  killpower cut the power of this machine's UPSes if upsmon decided so; for the shutdown hook
  outlet    list, switch and cycle the outlets of a UPS or PDU
  driver    drive one UPS in a process of its own, with the options of NUT's drivers
  names     all variable and command names with their descriptions, as a cmdvartab
  upsd      the server, with the options of NUT's upsd
  upsc      read variables        upscmd   send instant commands
  upsrw     write variables       upslog   write values to a file at intervals
  upsmon    shut this machine down before its UPSes run empty
  upsdrvctl, upsdrvsvcctl         start and stop drivers
  upssched  timers for the notifications of upsmon
  nut-scanner                     look for UPSes, with the options of NUT's

`husk COMMAND -h` tells more. The programs of NUT also run under their own names through links to husk.
";

type Tool = fn(Vec<OsString>) -> ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let own_name = words.next().unwrap_or_default();
    let own_name = Path::new(&own_name).file_name().unwrap_or_default();
    let mut words: Vec<OsString> = words.collect();
    if let Some(tool) = classic(own_name) {
        return tool(words);
    }
    // Whatever else the program is called by is a driver: which there are depends on the plugins.
    if let Some(name) = own_name.to_str().filter(|name| !name.starts_with("husk")) {
        return driver::called(name, words);
    }
    if words.is_empty() {
        eprint!("{HELP}");
        return ExitCode::from(2);
    }
    let command = words.remove(0);
    if let Some(tool) = classic(&command) {
        return tool(words);
    }
    match command.to_str() {
        Some("serve") => serve::run(words),
        Some("status") => plugin::status(words),
        Some("plugin") => plugin::run(words),
        Some("check") => check::run(words),
        Some("devices") => devices::run(words),
        Some("scan") => scan::run(words),
        Some("passwd") => passwd::run(words),
        Some("tls") => tls::run(words),
        Some("driver") => driver::run(words),
        Some("killpower") => killpower::run(words),
        Some("why") => why::run(words),
        Some("outlet") => outlet::run(words),
        Some("names") => {
            print!("{}", husk_names::cmdvartab());
            ExitCode::SUCCESS
        }
        Some("-h" | "--help" | "help") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Some("-V" | "--version") => {
            println!("husk {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("husk: there is no command {command:?}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

/// A program of NUT, by its name.
fn classic(name: &OsStr) -> Option<Tool> {
    Some(match name.to_str()? {
        "upsd" => upsd::run,
        "upsc" => upsc::run,
        "upscmd" => upscmd::run,
        "upsrw" => upsrw::run,
        "upsdrvctl" => upsdrvctl::run,
        "upsdrvsvcctl" => upsdrvctl::run_services,
        "upslog" => upslog::run,
        "upsmon" => upsmon::run,
        "upssched" => upssched::run,
        "nut-scanner" => scan::nut_scanner::run,
        _ => return None,
    })
}
