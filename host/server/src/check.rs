//! Everything that is wrong with a configuration, found without serving it: `husk check`.
//!
//! Looks at what a server looks at when it starts and when it opens devices, short of touching a device or a socket.

use crate::config::{Config, Source};
use crate::plugins;
use crate::registry::Registry;
use crate::remote;
use crate::tls;
use husk_core::conf::diag::{Diagnostic, Severity};
use husk_core::conf::ups::Section;
use husk_engine::Bundled;

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong, ready to print, in the order of the files.
    pub lines: Vec<String>,
    /// How many of them keep something from working.
    pub errors: usize,
    /// How many of them do not.
    pub warnings: usize,
}

impl Findings {
    /// Adds a mistake of a file.
    pub fn diagnostic(&mut self, diagnostic: &Diagnostic) {
        match diagnostic.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        self.lines.push(diagnostic.to_string());
    }

    /// Adds something that does not work.
    pub fn error(&mut self, sentence: impl std::fmt::Display) {
        self.errors += 1;
        self.lines.push(format!("error: {sentence}"));
    }

    /// Adds something that works, but hardly as meant.
    pub fn warning(&mut self, sentence: impl std::fmt::Display) {
        self.warnings += 1;
        self.lines.push(format!("warning: {sentence}"));
    }

    /// The same with the line that is to blame, if one is.
    pub fn warning_at(&mut self, file: &str, line: Option<u32>, sentence: impl std::fmt::Display) {
        let line = line.map_or(String::new(), |line| format!(":{line}"));
        self.warnings += 1;
        self.lines
            .push(format!("{file}{line}: warning: {sentence}"));
    }
}

/// Reads and checks all files of a configuration.
pub async fn check(source: &Source, bundled: &'static [Bundled]) -> Findings {
    let config = Config::examine(source);
    let mut found = Findings::default();
    for diagnostic in &config.diagnostics {
        found.diagnostic(diagnostic);
    }
    for remark in &config.remarks {
        found.warning(remark.trim_start_matches("WARNING: "));
    }
    for refusal in &config.refusals {
        found.error(refusal.to_string().trim_start_matches("Fatal error: "));
    }
    if let Err(reason) = tls::acceptor(&config.upsd, &config.extras.listen) {
        found.error(reason);
    }
    match plugins::open(&config.extras.plugins, &source.dir, bundled).await {
        Ok(registry) => {
            for (path, reason) in registry.listing().broken {
                found.error(format!("{}: not usable: {reason}", path.display()));
            }
            let file = source.dir.join("ups.conf").display().to_string();
            for section in &config.ups.sections {
                drivers(section, &config, &registry, &file, &mut found);
            }
        }
        Err(error) => found.error(error),
    }
    found
}

/// Whether there is a driver for the section, and whether it knows the options it gets.
fn drivers(
    section: &Section,
    config: &Config,
    registry: &Registry,
    file: &str,
    found: &mut Findings,
) {
    let place = |at: (u32, u32)| format!("{file}:{}:{}", at.0, at.1);
    let program = remote::program::find(&section.driver, config.ups.global.driver_path.as_deref());
    let wants_program = config.extras.device(&section.name).program;
    let known = match (wants_program, registry.find(section), program) {
        (false, Ok(known), _) => known,
        (_, _, Ok(_)) => return,
        (true, _, Err(reason)) | (false, Err(reason), Err(_)) => {
            let named = section.options.iter();
            let at = named.rev().find(|option| option.name == "driver");
            let at = at.map_or((1, 1), |option| option.at);
            found.errors += 1;
            found.lines.push(format!(
                "{}: error: UPS [{}]: {reason}",
                place(at),
                section.name
            ));
            return;
        }
    };
    for (option, help) in known.about().strange_options(section) {
        found.warnings += 1;
        found.lines.push(format!(
            "{}: warning: the driver {} of UPS [{}] has no option `{}`{help}",
            place(option.at),
            known.about().name(),
            section.name,
            option.name,
        ));
    }
}
