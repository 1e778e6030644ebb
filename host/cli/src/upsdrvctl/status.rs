//! `upsdrvctl status`: one line per UPS, what its PID file says and what its driver says.
//!
//! A driver inside a running server has no PID file; its process is the server's.

use std::fmt::Write as _;
use std::path::Path;

use husk_core::conf::ups::Section;

use super::Control;
use super::inside::{Inside, State};
use super::{process, socket};

/// PF_PID where there is no PID file, as NUT prints it.
const NO_PID_FILE: i32 = -3;
/// PF_PID where the file holds no number.
const BAD_PID_FILE: i32 = -2;

/// The table with its heading.
pub(super) fn table(control: &Control, sections: &[&Section]) -> String {
    let mut text = row(
        "UPSNAME",
        "UPSDRV",
        &["RUNNING", "PF_PID", "S_RESPONSIVE", "S_PID", "S_STATUS"].map(str::to_owned),
    );
    for section in sections {
        let fields = match control.server.find(&section.name) {
            Some(inside) => of_inside(inside),
            None => of_process(control, section),
        };
        text.push_str(&row(&section.name, &section.driver, &fields));
    }
    text
}

fn row(name: &str, driver: &str, fields: &[String; 5]) -> String {
    let mut text = format!("{name:<11}\t{driver:>11}");
    for field in fields {
        // Writing into a String does not fail.
        let _ = write!(text, "\t{field}");
    }
    text.push('\n');
    text
}

fn of_inside(inside: &Inside) -> [String; 5] {
    let no_file = NO_PID_FILE.to_string();
    match inside.state {
        State::Stopped => [
            "STOPPED".to_owned(),
            no_file,
            responsive(false),
            "N/A".to_owned(),
            String::new(),
        ],
        State::Starting | State::Running => [
            "RUNNING".to_owned(),
            no_file,
            responsive(inside.state == State::Running),
            inside.pid.clone(),
            format!("\"{}\"", inside.status),
        ],
    }
}

fn of_process(control: &Control, section: &Section) -> [String; 5] {
    let file = control.pid_file(section);
    let written = pid_in(&file);
    let answer = socket::ask(&control.socket(section));
    let lives = process::running(&file, section).is_some();
    let running = match (lives || answer.responsive, written > 0) {
        (true, _) => "RUNNING",
        (false, true) => "STOPPED",
        (false, false) => "N/A",
    };
    [
        running.to_owned(),
        written.to_string(),
        responsive(answer.responsive),
        answer.pid.map_or("N/A".to_owned(), |pid| pid.to_string()),
        answer.status.unwrap_or_default(),
    ]
}

fn pid_in(file: &Path) -> i32 {
    match std::fs::read_to_string(file) {
        Ok(text) => text.trim().parse().unwrap_or(BAD_PID_FILE),
        Err(_) => NO_PID_FILE,
    }
}

fn responsive(yes: bool) -> String {
    let word = if yes { "RESPONSIVE" } else { "NOT_RESPONSIVE" };
    word.to_owned()
}
