//! Settings that do nothing, or less than they seem to.

use super::super::{Flags, Kind, Role, Settings, ShutdownExit};
use crate::conf::upsmon::Config;

/// Settings that do nothing, or less than they seem to: the line, if one is to blame, and a sentence.
pub fn inert(settings: &Settings, config: &Config) -> Vec<(Option<u32>, String)> {
    let mut found = Vec::new();
    power(settings, config, &mut found);
    intervals(settings, &mut found);
    notices(settings, config, &mut found);
    for host in &config.cert_hosts {
        let mut systems = settings.systems.iter();
        let name = host.value.host.split(':').next().unwrap_or_default();
        let used = |target: &str| target.eq_ignore_ascii_case(name);
        if !host.value.host.starts_with('[') && !systems.any(|it| used(&it.target.server.host)) {
            let sentence = format!("CERTHOST {name}: no MONITOR line has this host");
            found.push((host.line, sentence));
        }
    }
    found
}

type Found = Vec<(Option<u32>, String)>;

fn power(settings: &Settings, config: &Config, found: &mut Found) {
    let needed = settings.min_supplies;
    if needed.value == 0 {
        let sentence = "MINSUPPLIES 0: no UPS ever shuts this machine down";
        found.push((needed.line, sentence.to_owned()));
    }
    for system in settings.systems.iter().filter(|system| system.power == 0) {
        let name = &system.name;
        let sentence = format!(
            "MONITOR {name}: with a power value of 0 it is watched, and never shuts this machine down"
        );
        found.push((Some(system.line), sentence));
    }
    if needed.value > 0 && config.shutdown_command.is_none() {
        let sentence = "no SHUTDOWNCMD: a shutdown would be announced, and that is all";
        found.push((None, sentence.to_owned()));
    }
    let primary = |role| role == Role::Primary;
    let mut roles = settings.systems.iter().map(|system| system.role);
    if needed.value > 0 && config.power_down_flag.is_none() && roles.clone().any(primary) {
        let sentence = "no POWERDOWNFLAG: the UPS is not told to cut the power, and a machine that is down stays down when the \
                        mains return first";
        found.push((None, sentence.to_owned()));
    }
    let exit = settings.shutdown_exit;
    if exit.value != ShutdownExit::Now && !settings.systems.is_empty() && roles.all(primary) {
        let sentence =
            "SHUTDOWNEXIT: this machine is primary everywhere, so nobody waits for it to leave";
        found.push((exit.line, sentence.to_owned()));
    }
}

fn intervals(settings: &Settings, found: &mut Found) {
    for (name, line, kind) in [
        (
            "RBWARNTIME",
            settings.replace_battery_warn.line,
            Kind::ReplaceBattery,
        ),
        ("NOCOMMWARNTIME", settings.no_comm_warn.line, Kind::NoComm),
    ] {
        if line.is_some() && settings.notices.flags(kind) == Flags::NONE {
            found.push((line, format!("{name}: {} is ignored anyway", kind.name())));
        }
    }
}

fn notices(settings: &Settings, config: &Config, found: &mut Found) {
    let runs = |kind: &&Kind| settings.notices.flags(**kind).has(Flags::EXEC);
    let first = Kind::ALL.iter().find(runs);
    match (&config.notify_command, first) {
        (Some(command), None) => {
            let sentence = "NOTIFYCMD: no NOTIFYFLAG has EXEC, so it never runs";
            found.push((command.line, sentence.to_owned()));
        }
        (None, Some(kind)) => {
            let name = kind.name();
            let sentence = format!("NOTIFYFLAG {name} has EXEC, and there is no NOTIFYCMD to run");
            found.push((None, sentence));
        }
        _ => {}
    }
}
