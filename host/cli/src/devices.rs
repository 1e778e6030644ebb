//! `husk devices`: which hardware the plugins are for, told by the plugins themselves.
//!
//! Each is asked in a sandbox without a port; nothing is opened and no running server is needed. It refuses to promise: each
//! line says from what it is known that the device works.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use husk_server::plugins::{self, Supported};
use husk_server::{Evidence, Hardware};
use lexopt::Arg;

use crate::bundle::BUNDLED;
use crate::upsc::quoted;
use crate::{logging, serve};

const HELP: &str = "\
usage: husk devices [--json] [--config DIR] [FILTER]...

Lists the devices that the plugins are known to be for: maker, model, driver, how it is connected, how much of it is
served (full, partial, status only), from what that is known, and what tells it or what it needs. Known from: a recording
of such a device, which is replayed in the tests; a document of its protocol or values another driver published; or
untested, being like one that is known.
Only lines in which every FILTER occurs are shown, in upper or lower case; with none of those the exit status is 1.
";

/// One model of one row.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    maker: &'a str,
    model: &'a str,
    driver: &'a str,
    connection: &'a str,
    hint: &'a str,
    support: String,
    evidence: String,
    is_recorded: bool,
}

struct Asked {
    json: bool,
    dir: Option<PathBuf>,
    filter: Vec<String>,
}

/// Runs `husk devices` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let asked = match parse(words) {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("husk devices: {error}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    logging::start("husk", 0, true);
    match ask(asked.dir) {
        Ok(supported) => tell(&supported, &asked.filter, asked.json),
        Err(error) => {
            eprintln!("husk devices: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(words: Vec<OsString>) -> Result<Option<Asked>, lexopt::Error> {
    let mut asked = Asked {
        json: false,
        dir: None,
        filter: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_args(words);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("json") => asked.json = true,
            Arg::Long("config") => asked.dir = Some(parser.value()?.into()),
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Value(word) => asked.filter.push(word.to_string_lossy().to_lowercase()),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(asked))
}

fn ask(dir: Option<PathBuf>) -> Result<Vec<Supported>, Box<dyn std::error::Error>> {
    let source = serve::source(dir, false);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(plugins::supported(&source.dir, BUNDLED))?)
}

fn tell(supported: &[Supported], filter: &[String], json: bool) -> ExitCode {
    for plugin in supported {
        if let Err(reason) = &plugin.hardware {
            eprintln!("husk devices: {}: {reason}", plugin.driver);
        }
    }
    let lines = lines(supported, filter);
    if json {
        print!("{}", as_json(&lines));
    } else {
        print!("{}", as_table(&lines));
        eprintln!("{}", summary(&lines));
    }
    match lines.is_empty() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// The lines that fit, by maker and model.
fn lines<'a>(supported: &'a [Supported], filter: &[String]) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = supported
        .iter()
        .flat_map(|plugin| {
            let rows = plugin.hardware.iter().flatten();
            rows.flat_map(|row| row.models.iter().map(|model| Line::new(plugin, row, model)))
        })
        .filter(|line| line.fits(filter))
        .collect();
    lines.sort_by_cached_key(|line| {
        (
            line.maker.to_lowercase(),
            line.model.to_lowercase(),
            line.driver,
        )
    });
    lines
}

impl<'a> Line<'a> {
    fn new(plugin: &'a Supported, row: &'a Hardware, model: &'a str) -> Self {
        Self {
            maker: &row.maker,
            model,
            driver: &plugin.driver,
            connection: &plugin.connection,
            hint: &row.hint,
            support: row.support.to_string(),
            evidence: row.evidence.to_string(),
            is_recorded: row.evidence == Evidence::Recording,
        }
    }

    fn fits(&self, filter: &[String]) -> bool {
        let text = self.columns().join("\t").to_lowercase();
        filter.iter().all(|word| text.contains(word))
    }

    fn columns(&self) -> [&str; 7] {
        [
            self.maker,
            self.model,
            self.driver,
            self.connection,
            &self.support,
            &self.evidence,
            self.hint,
        ]
    }
}

/// Columns as wide as their widest value; the hint, which may be a list of twenty ids, is the last.
fn as_table(lines: &[Line<'_>]) -> String {
    let mut widths = [0; 7];
    for line in lines {
        for (width, value) in widths.iter_mut().zip(line.columns()) {
            *width = value.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (width, value) in widths.iter().zip(line.columns()) {
            // Writing into a String does not fail, here and below.
            let _ = write!(row, "{value:<width$}  ");
        }
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

fn as_json(lines: &[Line<'_>]) -> String {
    const NAMES: [&str; 7] = [
        "maker",
        "model",
        "driver",
        "connection",
        "support",
        "evidence",
        "hint",
    ];
    let object = |line: &Line<'_>| {
        let pairs = NAMES.iter().zip(line.columns());
        let pairs = pairs.map(|(name, value)| format!("{}: {}", quoted(name), quoted(value)));
        format!("  {{{}}}", pairs.collect::<Vec<_>>().join(", "))
    };
    let objects: Vec<String> = lines.iter().map(object).collect();
    format!("[\n{}\n]\n", objects.join(",\n"))
}

fn summary(lines: &[Line<'_>]) -> String {
    let mut makers: Vec<String> = lines.iter().map(|line| line.maker.to_lowercase()).collect();
    makers.sort_unstable();
    makers.dedup();
    let recorded = lines.iter().filter(|line| line.is_recorded).count();
    format!(
        "{} devices of {} makers, {recorded} known by a recording",
        lines.len(),
        makers.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use husk_server::Support;

    fn supported() -> Vec<Supported> {
        let row = |maker: &str, models: &[&str], hint: &str, evidence| Hardware {
            maker: maker.to_owned(),
            models: models.iter().map(|&model| model.to_owned()).collect(),
            hint: hint.to_owned(),
            support: Support::Full,
            evidence,
        };
        let plugin = |driver: &str, connection: &str, hardware| Supported {
            driver: driver.to_owned(),
            connection: connection.to_owned(),
            hardware,
        };
        vec![
            plugin("broken", "usb", Err("no".to_owned())),
            plugin(
                "usbhid-ups",
                "usb",
                Ok(vec![
                    row("Zed", &["\"B\"", "A"], "0001:0002", Evidence::Untested),
                    row("apc", &["Back-UPS"], "", Evidence::Recording),
                ]),
            ),
        ]
    }

    #[test]
    fn one_line_per_model_by_maker_in_columns() {
        let supported = supported();
        let lines = lines(&supported, &[]);
        assert_eq!(
            as_table(&lines),
            "apc  Back-UPS  usbhid-ups  usb  full  recording\n\
             Zed  \"B\"       usbhid-ups  usb  full  untested   0001:0002\n\
             Zed  A         usbhid-ups  usb  full  untested   0001:0002\n"
        );
        assert_eq!(
            summary(&lines),
            "3 devices of 2 makers, 1 known by a recording"
        );
    }

    #[test]
    fn every_word_of_a_filter_must_occur() {
        let supported = supported();
        let count = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            lines(&supported, &words).len()
        };
        assert_eq!(count(&["zed"]), 2);
        assert_eq!(count(&["zed", "0001:0002", "untested"]), 2);
        assert_eq!(count(&["zed", "recording"]), 0);
    }

    #[test]
    fn json_is_one_object_per_line() {
        let supported = supported();
        let lines = lines(&supported, &["b\"".to_owned()]);
        assert_eq!(
            as_json(&lines),
            "[\n  {\"maker\": \"Zed\", \"model\": \"\\\"B\\\"\", \"driver\": \"usbhid-ups\", \
             \"connection\": \"usb\", \"support\": \"full\", \"evidence\": \"untested\", \
             \"hint\": \"0001:0002\"}\n]\n"
        );
    }
}
