//! upslog's format: literal text with escapes between percent signs, compiled once, filled in for each line.
//!
//! Read as NUT 2.8.5 reads it: escapes in any case, told by how they begin (`%varx ups.load%` is `%VAR`), `%t` a TAB before
//! anything else that begins so; what is no escape becomes the word INVALID. Source: upslog(8), probed on 2.8.0.

/// What a format is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Local time, by a strftime format.
    Time(String),
    /// Seconds since 1970.
    Epoch,
    /// The name of this machine.
    Host,
    /// The UPS as it was named to upslog.
    UpsHost,
    /// Our process id.
    Pid,
    /// The value of a variable.
    Var(String),
}

/// A compiled format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format(Vec<Part>);

/// Where the values for one line come from.
pub(super) trait Values {
    /// The local time by a strftime format.
    fn time(&self, format: &str) -> String;
    /// Seconds since 1970.
    fn epoch(&self) -> u64;
    /// The name of this machine.
    fn host(&self) -> &str;
    /// The UPS as it was named to upslog.
    fn ups(&self) -> &str;
    /// The variable's value, if there is one.
    fn variable(&mut self, name: &str) -> Option<String>;
}

/// Stands for an escape that is none.
const INVALID: &str = "INVALID";
/// Stands for a value that is not to be had.
const NOT_AVAILABLE: &str = "NA";

impl Format {
    /// Compiles a format; every text is one.
    pub(super) fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('%') {
            push_text(&mut parts, literal);
            rest = if let Some(after) = after.strip_prefix('%') {
                push_text(&mut parts, "%");
                after
            } else if let Some(after) = after.strip_prefix('t') {
                push_text(&mut parts, "\t");
                after
            } else if let Some((escape, after)) = after.split_once('%') {
                match Part::of(escape) {
                    Some(part) => parts.push(part),
                    None => push_text(&mut parts, INVALID),
                }
                after
            } else {
                push_text(&mut parts, INVALID);
                after
            };
        }
        push_text(&mut parts, rest);
        Self(parts)
    }

    /// One line, without its end.
    pub(super) fn line(&self, values: &mut dyn Values) -> String {
        let mut line = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => line.push_str(text),
                Part::Time(format) => line.push_str(&values.time(format)),
                Part::Epoch => line.push_str(&values.epoch().to_string()),
                Part::Host => line.push_str(values.host()),
                Part::UpsHost => line.push_str(values.ups()),
                Part::Pid => line.push_str(&std::process::id().to_string()),
                Part::Var(name) => {
                    let value = values.variable(name);
                    line.push_str(value.as_deref().unwrap_or(NOT_AVAILABLE));
                }
            }
        }
        line
    }
}

impl Part {
    /// The escape written between percent signs: a word and, after a blank, what it is about.
    fn of(escape: &str) -> Option<Self> {
        let (word, about) = match escape.split_once(' ') {
            Some((word, about)) => (word, Some(about)),
            None => (escape, None),
        };
        let word = word.to_ascii_uppercase();
        let is = |name: &str| word.starts_with(name);
        if is("HOST") {
            Some(Self::Host)
        } else if is("UPSHOST") {
            Some(Self::UpsHost)
        } else if is("PID") {
            Some(Self::Pid)
        } else if is("ETIME") {
            Some(Self::Epoch)
        } else if is("TIME") {
            // Without a format 2.8.0 crashes.
            about.map(|format| Self::Time(format.replace('@', "%")))
        } else if is("VAR") {
            about
                .filter(|name| name.contains('.'))
                .map(|name| Self::Var(name.to_owned()))
        } else {
            None
        }
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Text(before)) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Values for Fixed {
        fn time(&self, format: &str) -> String {
            format!("<{format}>")
        }
        fn epoch(&self) -> u64 {
            1_795_405_826
        }
        fn host(&self) -> &'static str {
            "vm"
        }
        fn ups(&self) -> &'static str {
            "lab@box:1"
        }
        fn variable(&mut self, name: &str) -> Option<String> {
            (name == "ups.load").then(|| "12".to_owned())
        }
    }

    #[test]
    fn escapes_are_read_as_nut_reads_them() {
        for (format, line) in [
            ("", ""),
            ("plain %% text", "plain % text"),
            ("%%%VAR ups.load%%%", "%12%"),
            ("%%VAR ups.load%%", "%VAR ups.load%"),
            ("[%VAR ups.status%]", "[NA]"),
            ("%var ups.load%%VarX ups.load%", "1212"),
            ("%VAR  ups.load%", "NA"),
            ("%VAR load%", "INVALID"),
            ("%VAR%", "INVALID"),
            ("%BOGUS x y%", "INVALID"),
            ("% VAR ups.load%", "INVALID"),
            ("x%VAR ups.load", "xINVALIDVAR ups.load"),
            ("x%", "xINVALID"),
            ("a%tb%time @Y%", "a\tb\time @YINVALID"),
            ("%HOST x% %UPSHOST%", "vm lab@box:1"),
            ("%ETIME%", "1795405826"),
            ("%TIME @Y@@%", "<%Y%%>"),
            ("%TIME%", "INVALID"),
        ] {
            assert_eq!(Format::parse(format).line(&mut Fixed), line, "{format}");
        }
    }

    #[test]
    fn the_process_is_this_one() {
        let line = Format::parse("%PID%").line(&mut Fixed);
        assert_eq!(line, std::process::id().to_string());
    }
}
