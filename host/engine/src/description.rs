//! What a plugin says about itself, checked: these texts go into logs, error messages and file listings.

use crate::bindings::exports::ups::driver::driver as wit;
use crate::limits;
use crate::text;

/// A plugin's own words, within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The name that `driver =` uses.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// What is spoken, for people.
    pub protocol: String,
    /// Names of older drivers this one replaces.
    pub aliases: Vec<String>,
    /// The options its configuration section may hold.
    pub parameters: Vec<Parameter>,
    /// Commands that can cut or restore power; `#` stands for a number: `outlet.#.load.off`.
    pub dangerous: Vec<String>,
}

/// One option of a configuration section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// As written in the section, lower case.
    pub name: String,
    /// What it does, one line.
    pub help: String,
    /// Takes a value; otherwise it is a flag.
    pub takes_value: bool,
    /// Never shown, never logged.
    pub secret: bool,
}

impl Description {
    /// Takes the guest's answer.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence.
    pub(crate) fn from_guest(answer: wit::Description) -> Result<Self, String> {
        bounded("aliases", answer.aliases.len())?;
        bounded("parameters", answer.parameters.len())?;
        bounded("dangerous commands", answer.dangerous.len())?;
        let parameters = answer.parameters.into_iter().map(|parameter| {
            Ok(Parameter {
                name: name("parameter", parameter.name)?,
                help: text::clean(&parameter.help, limits::DESCRIPTION_TEXT),
                takes_value: parameter.takes_value,
                secret: parameter.secret,
            })
        });
        Ok(Self {
            name: name("name", answer.name)?,
            version: text::clean(&answer.version, limits::NAME),
            protocol: text::clean(&answer.protocol, limits::DESCRIPTION_TEXT),
            aliases: names("alias", answer.aliases)?,
            parameters: parameters.collect::<Result<_, String>>()?,
            dangerous: answer
                .dangerous
                .into_iter()
                .map(pattern)
                .collect::<Result<_, String>>()?,
        })
    }

    /// Whether a command can cut or restore power, by the plugin's own word.
    pub fn is_dangerous(&self, command: &str) -> bool {
        self.dangerous
            .iter()
            .any(|known| stands_for(known, command))
    }
}

/// Whether a name is the one of a pattern, in which the part `#` is any number.
fn stands_for(pattern: &str, name: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (mut patterns, mut parts) = (pattern.split('.'), name.split('.'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(known), Some(part)) if known == part || (known == "#" && number(part)) => {}
            _ => return false,
        }
    }
}

/// A name, in which `#` may stand for a part that is a number.
fn pattern(text: String) -> Result<String, String> {
    let example: Vec<&str> = text
        .split('.')
        .map(|part| if part == "#" { "1" } else { part })
        .collect();
    name("dangerous command", example.join("."))?;
    Ok(text)
}

fn bounded(what: &str, count: usize) -> Result<(), String> {
    if count > limits::DESCRIPTION_LIST {
        return Err(format!(
            "it lists {count} {what}; {} are allowed",
            limits::DESCRIPTION_LIST
        ));
    }
    Ok(())
}

fn names(what: &str, list: Vec<String>) -> Result<Vec<String>, String> {
    list.into_iter().map(|entry| name(what, entry)).collect()
}

/// Names are compared with words of configuration files, and become parts of variable names.
fn name(what: &str, name: String) -> Result<String, String> {
    let good = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && name.len() <= limits::NAME;
    if good {
        return Ok(name);
    }
    Err(format!(
        "{what} {:?} is not 1 to {} letters, digits, '-', '_' or '.'",
        text::clean(&name, limits::NAME),
        limits::NAME
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> wit::Description {
        wit::Description {
            name: "megatec".into(),
            version: "1\n2".into(),
            protocol: "Q1".into(),
            aliases: vec!["blazer_ser".into()],
            parameters: vec![],
            dangerous: vec!["load.off".into(), "outlet.#.load.off".into()],
        }
    }

    #[test]
    fn texts_are_made_fit_to_be_shown() {
        let description = Description::from_guest(answer());
        assert_eq!(description.map(|d| d.version), Ok("1 2".to_owned()));
    }

    #[test]
    fn names_that_could_be_mistaken_are_refused() {
        for bad in ["", "../x", "a b", "a\n", "-x", "größe", &"x".repeat(65)] {
            let mut answer = answer();
            answer.name = bad.to_owned();
            assert!(Description::from_guest(answer).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn one_name_declares_the_commands_of_all_outlets() {
        let mut answer = answer();
        answer.dangerous = vec!["load.off".into(), "outlet.#.load.off".into()];
        let description = Description::from_guest(answer.clone()).unwrap();
        for dangerous in ["load.off", "outlet.1.load.off", "outlet.42.load.off"] {
            assert!(description.is_dangerous(dangerous), "{dangerous}");
        }
        for harmless in [
            "load.on",
            "outlet.load.off",
            "outlet.x.load.off",
            "outlet..load.off",
            "outlet.1.load.off.delay",
            "outlet.group.1.load.off",
        ] {
            assert!(!description.is_dangerous(harmless), "{harmless}");
        }
        for bad in ["outlet.#1.load.off", "#.\n", "outlet.*.load.off"] {
            answer.dangerous = vec![bad.into()];
            assert!(Description::from_guest(answer.clone()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn endless_lists_are_refused() {
        let mut answer = answer();
        answer.aliases = vec!["x".into(); 257];
        assert_eq!(
            Description::from_guest(answer),
            Err("it lists 257 aliases; 256 are allowed".to_owned())
        );
    }
}
