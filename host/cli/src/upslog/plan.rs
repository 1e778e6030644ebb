//! What a command line asks of upslog: which systems go where, in which format, how often.
//!
//! Nothing is opened here except, for `*`, the server that has to say which UPSes there are.

use std::time::Duration;

use husk_core::proto::client::Target;

use super::format::Format;
use super::system;
use crate::client::args::Args;
use crate::client::tool::Fatal;

const DEFAULT_FORMAT: &str = "%TIME @Y@m@d @H@M@S% %VAR battery.charge% %VAR input.voltage% \
                              %VAR ups.load% [%VAR ups.status%] %VAR ups.temperature% %VAR input.frequency%";
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// A command line, understood.
#[derive(Debug)]
pub(super) struct Plan {
    /// UPSes as they were named, `*` too, each with its file.
    pub(super) targets: Vec<(String, String)>,
    pub(super) format: Format,
    pub(super) interval: Duration,
    /// How many lines to write; `None`: no end.
    pub(super) count: Option<u64>,
    pub(super) foreground: bool,
    /// How often `-D` was given.
    pub(super) debug: usize,
}

impl Plan {
    /// Reads the options.
    ///
    /// # Errors
    /// What is missing or cannot be read, as NUT says it where NUT minds.
    pub(super) fn read(args: &Args) -> Result<Self, Fatal> {
        let mut targets = tuples(args)?;
        let mut single = (args.value('s'), args.value('l'));
        let mut interval = args.value('i');
        let mut format = args.value('f').unwrap_or(DEFAULT_FORMAT).to_owned();
        if let [ups, file, seconds, words @ ..] = args.operands.as_slice() {
            single = (Some(ups), Some(file));
            interval = Some(seconds);
            if !words.is_empty() {
                format = words.iter().map(|word| format!("{word} ")).collect();
            }
        }
        match single {
            (Some(ups), Some(file)) => targets.push((ups.to_owned(), file.to_owned())),
            (None, None) if !targets.is_empty() => {}
            (Some(_), None) => {
                return Err(Fatal(
                    "No filename defined for logging - use -l <file>".to_owned(),
                ));
            }
            (None, _) => {
                return Err(Fatal(
                    "No UPS defined for monitoring - use -s <system>, or -m <ups,logfile>"
                        .to_owned(),
                ));
            }
        }
        for (ups, _) in &targets {
            parse(ups)?;
        }
        if args.has('N') {
            format.insert_str(0, "%UPSHOST%%t");
        }
        let letters = args.options.iter().map(|(letter, _)| *letter);
        let debug = letters.clone().filter(|&letter| letter == 'D').count();
        let prefers_foreground = debug > 0 || targets.iter().any(|(_, file)| file == "-");
        // The last of -F and -B counts.
        let asked = letters.rev().find(|letter| matches!(letter, 'F' | 'B'));
        Ok(Self {
            targets,
            format: Format::parse(&format),
            interval: interval.map_or(Ok(DEFAULT_INTERVAL), read_interval)?,
            count: args.value('d').map_or(Ok(None), read_count)?,
            foreground: asked.map_or(prefers_foreground, |letter| letter == 'F'),
            debug,
        })
    }

    /// The targets with every `*` replaced by what its server has.
    ///
    /// # Errors
    /// A server did not say, or none has any.
    pub(super) fn all(&self, args: &Args) -> Result<Vec<(String, String)>, Fatal> {
        let mut all = Vec::new();
        for (ups, file) in &self.targets {
            let target = parse(ups)?;
            if target.ups == "*" {
                let names = system::names(&target.server, args)?;
                all.extend(names.into_iter().map(|name| (name, file.clone())));
            } else {
                all.push((ups.clone(), file.clone()));
            }
        }
        if all.is_empty() {
            return Err(Fatal("Queries failed to find anything".to_owned()));
        }
        Ok(all)
    }
}

/// Reads a UPS definition.
///
/// # Errors
/// As NUT says it.
pub(super) fn parse(ups: &str) -> Result<Target, Fatal> {
    Target::parse(ups).map_err(|_| {
        Fatal(
            "Error: invalid UPS definition.  Required format: upsname[@hostname[:port]]".to_owned(),
        )
    })
}

fn tuples(args: &Args) -> Result<Vec<(String, String)>, Fatal> {
    let given = args.options.iter().filter(|(letter, _)| *letter == 'm');
    given
        .map(|(_, tuple)| match tuple.split_once(',') {
            Some((ups, file)) if !file.contains(',') => Ok((ups.to_owned(), file.to_owned())),
            _ => Err(Fatal(
                "Argument '-m upsspec,logfile' requires exactly 2 components in the tuple"
                    .to_owned(),
            )),
        })
        .collect()
}

fn read_interval(text: &str) -> Result<Duration, Fatal> {
    match text.parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err(Fatal(format!(
            "Error: the interval is a number of seconds from 1, not {text}"
        ))),
    }
}

/// 0 is no end.
fn read_count(text: &str) -> Result<Option<u64>, Fatal> {
    let count = text
        .parse()
        .map_err(|_| Fatal(format!("Error: the count is a number, not {text}")))?;
    Ok(Some(count).filter(|&count| count > 0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan(words: &[&str]) -> Result<Plan, Fatal> {
        let words = words.iter().map(|&word| word.into()).collect();
        Plan::read(&Args::parse(super::super::OPTIONS, words).unwrap())
    }

    fn pairs(plan: &Plan) -> Vec<(&str, &str)> {
        let pair = |(ups, file)| (String::as_str(ups), String::as_str(file));
        plan.targets.iter().map(|(u, f)| pair((u, f))).collect()
    }

    #[test]
    fn systems_come_from_tuples_then_the_single_one() {
        let many = plan(&["-s", "c", "-l", "-", "-m", "a@h:1,x", "-m", "*,y"]).unwrap();
        assert_eq!(pairs(&many), [("a@h:1", "x"), ("*", "y"), ("c", "-")]);
        assert_eq!(many.interval, DEFAULT_INTERVAL);
        assert_eq!(many.format, Format::parse(DEFAULT_FORMAT));
        let old = plan(&["-i", "9", "u", "file", "5", "%PID%", "x"]).unwrap();
        assert_eq!(pairs(&old), [("u", "file")]);
        assert_eq!(old.interval, Duration::from_secs(5));
        assert_eq!(old.format, Format::parse("%PID% x "));
        let named = plan(&["-N", "-f", "%PID%", "-m", "a,-", "-d", "3"]).unwrap();
        assert_eq!(named.format, Format::parse("%UPSHOST%%t%PID%"));
        assert_eq!(named.count, Some(3));
        assert_eq!(plan(&["-m", "a,-", "-d", "0"]).unwrap().count, None);
    }

    #[test]
    fn stdout_and_debugging_stay_in_the_foreground_unless_told_otherwise() {
        for (words, foreground) in [
            (&["-m", "a,file"][..], false),
            (&["-m", "a,-"], true),
            (&["-D", "-m", "a,file"], true),
            (&["-F", "-m", "a,file"], true),
            (&["-F", "-B", "-D", "-m", "a,-"], false),
            (&["-B", "-F", "-m", "a,file"], true),
        ] {
            assert_eq!(plan(words).unwrap().foreground, foreground, "{words:?}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        for (words, text) in [
            (&[][..], "No UPS defined"),
            (&["-l", "-"], "No UPS defined"),
            (&["-s", "a"], "No filename defined"),
            (&["-m", "a"], "Argument '-m"),
            (&["-m", "a,b,c"], "Argument '-m"),
            (&["-m", "a@b@c:x,-"], "Error: invalid UPS definition."),
            (&["-m", "a,-", "-i", "0"], "Error: the interval"),
            (&["-m", "a,-", "-i", "x"], "Error: the interval"),
            (&["-m", "a,-", "-d", "-1"], "Error: the count"),
        ] {
            let Fatal(why) = plan(words).unwrap_err();
            assert!(why.starts_with(text), "{words:?}: {why}");
        }
    }
}
