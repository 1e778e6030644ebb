//! Why this machine would, or would not, shut down now: `husk why`, in words.
//!
//! Says what the rules that decide said ([`Outlook`]), every threshold with its value, the line it comes from and how far away it
//! is, and the settings that do nothing. Decides nothing itself. Passwords and commands are not shown.

use std::fmt::Write as _;
use std::time::Duration;

use super::{At, Comm, Flag, Judgement, Known, Outlook, Role, Rule, Settings, Stage};
use crate::conf::upsmon::Config;

mod inert;

pub use inert::inert;

/// What the words need besides the judgement.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What the monitor decides by.
    pub settings: &'a Settings,
    /// What else the file says.
    pub config: &'a Config,
    /// The name of the file.
    pub file: &'a str,
    /// The time of the judgement.
    pub now: Duration,
}

/// The whole explanation, for all UPSes or for one: its name as in the MONITOR line, or the part before `@`.
pub fn text(outlook: &Outlook, context: &Context<'_>, only: Option<&str>) -> String {
    let chosen = |judged: &&Judgement| only.is_none_or(|name| is_called(&judged.system, name));
    let chosen: Vec<_> = outlook.systems.iter().filter(chosen).collect();
    if let (Some(name), true) = (only, chosen.is_empty()) {
        let known = outlook.systems.iter().map(|judged| &*judged.system);
        let known: Vec<&str> = known.collect();
        return format!(
            "{name} is not monitored here; {} is: {}\n",
            context.file,
            known.join(", ")
        );
    }
    let mut out = verdict(outlook, context);
    for judged in chosen {
        system(judged, context, &mut out);
    }
    for (heading, rows) in [
        ("Before a decision", before(context.settings)),
        ("After it", afterwards(context)),
    ] {
        let _ = writeln!(out, "\n{heading}");
        for row in rows {
            row.write(context.file, &mut out);
        }
    }
    let inert = inert(context.settings, context.config);
    if !inert.is_empty() {
        out.push_str("\nWorth a look\n");
    }
    for (line, sentence) in inert {
        let line = line.map_or(String::new(), |line| format!(":{line}"));
        let _ = writeln!(out, "  {}{line}: {sentence}", context.file);
    }
    out
}

fn is_called(system: &str, name: &str) -> bool {
    let ups = system.split('@').next().unwrap_or_default();
    system.eq_ignore_ascii_case(name) || ups.eq_ignore_ascii_case(name)
}

fn source(file: &str, line: Option<u32>) -> String {
    line.map_or("default".to_owned(), |line| format!("{file}:{line}"))
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

fn verdict(outlook: &Outlook, context: &Context<'_>) -> String {
    let left = |until: Duration| seconds(until.saturating_sub(context.now));
    let mut out = match &outlook.stage {
        Stage::Watching if outlook.shuts_down() => "Yes: this machine shuts down now.\n".to_owned(),
        Stage::Watching => "No: this machine would not shut down now.\n".to_owned(),
        Stage::Asleep(_) => "The machine sleeps or is about to; nothing is judged.\n".to_owned(),
        Stage::AwaitingSecondaries(waits) => format!(
            "It is shutting down: FSD is set, secondaries have {} left to leave.\n",
            left(waits.until)
        ),
        Stage::FinalDelay(delay) => format!(
            "It is shutting down: SHUTDOWNCMD runs in {}.\n",
            left(delay.until)
        ),
        Stage::Lingering(_) | Stage::Over => {
            "It is shutting down: SHUTDOWNCMD has been given.\n".to_owned()
        }
    };
    let Outlook {
        supplies, needed, ..
    } = outlook;
    let all = outlook.systems.iter().map(|judged| judged.power);
    let all = all.fold(0, u32::saturating_add);
    let line = source(context.file, context.settings.min_supplies.line);
    let _ = writeln!(
        out,
        "  healthy power {supplies} of {all}; MINSUPPLIES is {needed} ({line})"
    );
    if *needed == 0 {
        out.push_str("  No failing UPS can change that.\n");
    } else if matches!(outlook.stage, Stage::Watching) && !outlook.shuts_down() {
        let more = supplies.saturating_sub(*needed).saturating_add(1);
        let _ = writeln!(
            out,
            "  It would if UPSes of a power of {more} became critical."
        );
    }
    out
}

fn system(judged: &Judgement, context: &Context<'_>, out: &mut String) {
    let settings = context.settings.system(&judged.system);
    let line = settings.map(|system| system.line).filter(|&line| line > 0);
    let critical = if judged.rule.critical() {
        "critical"
    } else {
        "healthy"
    };
    let role = match judged.role {
        Role::Primary => "primary",
        Role::Secondary => "secondary",
    };
    let _ = writeln!(
        out,
        "\n{}: {critical}, {}\n  power value {}, this machine is its {role} ({})",
        judged.system,
        because(judged),
        judged.power,
        line.map_or("no file".to_owned(), |line| source(
            context.file,
            Some(line)
        )),
    );
    let _ = writeln!(out, "  {}", heard(judged));
    if judged.login_refused {
        out.push_str(match judged.role {
            Role::Primary => "  the server refuses our login: it will not take our FSD either\n",
            Role::Secondary => "  the server refuses our login: the primary will not wait for us\n",
        });
    }
    for row in thresholds(judged, context.settings) {
        row.write(context.file, out);
    }
}

fn because(judged: &Judgement) -> &'static str {
    match judged.rule {
        Rule::Forced => "a forced shutdown was announced",
        Rule::LostOverloaded { .. } => "it was overloaded and cannot be heard any more",
        Rule::LostAlarm => "it had an alarm and cannot be heard any more",
        Rule::LostCalibrating => "it was calibrating and cannot be heard any more",
        Rule::LostBypass => "it was on bypass and cannot be heard any more",
        Rule::LostOff => "it was off and cannot be heard any more",
        Rule::Off { .. } => "it is off for too long",
        Rule::NeverHeard => "nothing is known against it: it was never heard",
        Rule::NotLow if judged.known.has(Flag::OnBattery) => {
            "it is on battery, and the battery is not low"
        }
        Rule::NotLow => "it is not on battery",
        Rule::Calibrating => "it calibrates, so a low battery is meant",
        Rule::LowTooShort { .. } => "its battery is low, but not for long enough",
        Rule::LowPrimary => "it is on battery and the battery is low",
        Rule::LowAwaitingPrimary { .. } => {
            "its battery is low, and its primary still has time to say so"
        }
        Rule::LowSecondary { .. } => "its battery is low and its primary has said nothing",
    }
}

const WORDS: [(Flag, &str); 12] = [
    (Flag::OnBattery, "OB"),
    (Flag::LowBattery, "LB"),
    (Flag::Fsd, "FSD"),
    (Flag::Calibrating, "CAL"),
    (Flag::Off, "OFF"),
    (Flag::Bypass, "BYPASS"),
    (Flag::Eco, "ECO"),
    (Flag::Alarm, "ALARM"),
    (Flag::Overloaded, "OVER"),
    (Flag::Trim, "TRIM"),
    (Flag::Boost, "BOOST"),
    (Flag::ReplaceBattery, "RB"),
];

fn heard(judged: &Judgement) -> String {
    let words = WORDS.iter().filter(|(flag, _)| judged.known.has(*flag));
    let mut words: Vec<&str> = words.map(|&(_, word)| word).collect();
    if !judged.known.has(Flag::OnBattery) {
        words.insert(0, "not OB");
    }
    if judged.presumed_low {
        words.push("(taken for LB, since it fell silent on battery)");
    }
    let mut text = match (judged.comm, judged.heard) {
        (_, None) => "never heard".to_owned(),
        (Comm::Lost, Some(ago)) => format!("silent for {}; it was ", seconds(ago)),
        (_, Some(ago)) => format!("heard {} ago: ", seconds(ago)),
    };
    if judged.heard.is_some() {
        text.push_str(&words.join(" "));
    }
    if let Some(alarm) = &judged.alarm {
        let _ = write!(text, "; alarm: {alarm}");
    }
    if let Some(failure) = &judged.failure {
        let _ = write!(text, "; the last try: {failure}");
    }
    text
}

/// A threshold: what it is called, what it is, whose word that is, how far away it is.
struct Row {
    name: &'static str,
    value: String,
    line: Option<u32>,
    distance: String,
}

impl Row {
    fn new(name: &'static str, value: String, line: Option<u32>, distance: String) -> Self {
        Self {
            name,
            value,
            line,
            distance,
        }
    }

    fn write(&self, file: &str, out: &mut String) {
        let Self {
            name,
            value,
            distance,
            ..
        } = self;
        let source = source(file, self.line);
        let _ = writeln!(out, "  {name:<14} {value:<8} {source}: {distance}");
    }
}

/// How far `so_far` is from `limit`; `idle` where it does not run.
fn distance(so_far: Option<Duration>, limit: Duration, idle: &str) -> String {
    match so_far {
        None => idle.to_owned(),
        Some(so_far) if so_far >= limit => format!("reached, {} so far", seconds(so_far)),
        Some(so_far) => format!(
            "{} so far, {} s to go",
            seconds(so_far),
            limit.as_secs().saturating_sub(so_far.as_secs())
        ),
    }
}

fn thresholds(judged: &Judgement, settings: &Settings) -> Vec<Row> {
    let has = |flag| judged.known.has(flag);
    let low = has(Flag::OnBattery) && (has(Flag::LowBattery) || judged.presumed_low);
    let lost = judged.comm == Comm::Lost;
    let never = || "never".to_owned();
    let mut rows = Vec::new();

    let limit = settings.dead_time;
    let silent = judged.heard.filter(|_| has(Flag::OnBattery));
    rows.push(Row::new(
        "DEADTIME",
        seconds(limit.value),
        limit.line,
        distance(
            silent,
            limit.value,
            "silence counts as a low battery only after OB",
        ),
    ));
    let limit = settings.low_battery_duration;
    rows.push(Row::new(
        "OBLBDURATION",
        seconds(limit.value),
        limit.line,
        distance(judged.low.filter(|_| low), limit.value, "not OB LB"),
    ));
    if judged.role == Role::Secondary {
        let limit = settings.host_sync;
        rows.push(Row::new(
            "HOSTSYNC",
            seconds(limit.value),
            limit.line,
            distance(judged.noncritical.filter(|_| low), limit.value, "not OB LB"),
        ));
    }
    let limit = settings.off_duration;
    rows.push(Row::new(
        "OFFDURATION",
        limit.value.map_or_else(never, seconds),
        limit.line,
        match limit.value {
            None => "OFF is never critical".to_owned(),
            Some(_) if lost && has(Flag::Off) => "out of reach while off: at once".to_owned(),
            Some(limit) => distance(judged.off, limit, "not OFF"),
        },
    ));
    let limit = settings.over_duration;
    rows.push(Row::new(
        "OVERDURATION",
        limit.value.map_or_else(never, seconds),
        limit.line,
        match limit.value {
            None => "OVER and out of reach is never critical".to_owned(),
            Some(limit) if lost => distance(judged.over, limit, "was not OVER"),
            Some(_) => "counts only while it cannot be heard".to_owned(),
        },
    ));
    rows.push(alarm(judged.known, lost, settings));
    rows
}

fn alarm(known: Known, lost: bool, settings: &Settings) -> Row {
    let limit = settings.alarm_critical;
    let says = match (limit.value, known.has(Flag::Alarm), lost) {
        (false, ..) => "an alarm is never critical",
        (true, false, _) => "no alarm",
        (true, true, false) => "would be critical if it could not be heard",
        (true, true, true) => "reached",
    };
    let value = if limit.value { "1" } else { "0" };
    Row::new(
        "ALARMCRITICAL",
        value.to_owned(),
        limit.line,
        says.to_owned(),
    )
}

/// How soon a change is noticed.
fn before(settings: &Settings) -> Vec<Row> {
    let row = |name, limit: At<Duration>, says: &str| {
        Row::new(name, seconds(limit.value), limit.line, says.to_owned())
    };
    vec![
        row("POLLFREQ", settings.poll, "between two looks at a UPS"),
        row(
            "POLLFREQALERT",
            settings.poll_alert,
            "the same while one is on battery or off",
        ),
    ]
}

/// What lies between the decision and the dark.
fn afterwards(context: &Context<'_>) -> Vec<Row> {
    let (settings, config) = (context.settings, context.config);
    let mut rows = Vec::new();
    let is_primary = |role| settings.systems.iter().any(|system| system.role == role);
    if is_primary(Role::Primary) {
        let limit = settings.host_sync;
        let says = "at most, until the secondaries have left".to_owned();
        rows.push(Row::new("HOSTSYNC", seconds(limit.value), limit.line, says));
    }
    let limit = settings.final_delay;
    let says = "from the last notice to SHUTDOWNCMD".to_owned();
    rows.push(Row::new(
        "FINALDELAY",
        seconds(limit.value),
        limit.line,
        says,
    ));
    let command = config.shutdown_command.as_ref();
    rows.push(match command {
        Some(at) => Row::new("SHUTDOWNCMD", "set".to_owned(), at.line, "runs".to_owned()),
        None => Row::new(
            "SHUTDOWNCMD",
            "not set".to_owned(),
            None,
            "nothing runs".to_owned(),
        ),
    });
    rows.push(match &config.power_down_flag {
        Some(at) => Row::new("POWERDOWNFLAG", "set".to_owned(), at.line, at.value.clone()),
        None => {
            let says = "no UPS will be told to cut the power".to_owned();
            Row::new("POWERDOWNFLAG", "not set".to_owned(), None, says)
        }
    });
    rows
}

#[cfg(test)]
mod tests;
