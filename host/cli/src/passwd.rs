//! `husk passwd`: a hashed password for upsd.users, to be pasted there.
//!
//! Refuses to write the file itself, and to take the password as an argument, where other users of the machine see it.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use crate::client::prompt;

const HELP: &str = "
usage: husk passwd [USER]

Asks for a password, twice at a terminal, else once on stdin, and prints the lines for upsd.users that
let USER in by it: an argon2id hash, from which nobody gets the password back. NUT's own upsd does not
read such hashes.
";
/// What NUT's clients can send in one word, in bytes.
const LONGEST: usize = 512;

/// Runs `husk passwd` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let words: Option<Vec<String>> = words
        .into_iter()
        .map(|word| word.into_string().ok())
        .collect();
    let user = match words.as_deref() {
        Some([]) => None,
        Some([word]) if word == "-h" || word == "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some([user]) if is_name(user) => Some(user.clone()),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match made(user.as_deref()) {
        Ok(lines) => {
            print!("{lines}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("husk passwd: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// A name that needs no quotes in a section header.
fn is_name(user: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"[]#\"\\=".contains(c);
    !user.is_empty() && !user.starts_with('-') && user.chars().all(plain)
}

fn made(user: Option<&str>) -> Result<String, String> {
    let password = asked()?;
    if password.is_empty() {
        return Err("an empty password protects nothing; nothing is done".to_owned());
    }
    let sendable = password.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if password.len() > LONGEST || !sendable {
        return Err(format!(
            "NUT's protocol carries passwords of at most {LONGEST} bytes of plain ASCII"
        ));
    }
    let hash = husk_server::passwords::hash(&password).map_err(|error| error.to_string())?;
    let header = user.map_or(String::new(), |user| format!("[{user}]\n"));
    Ok(format!("{header}  password = \"{hash}\"\n"))
}

fn asked() -> Result<String, String> {
    // With something else on stdin than a person, that is where the password comes from.
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        read.map_err(|error| format!("cannot read the password: {error}"))?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let password = prompt::secret("New password: ");
    if prompt::secret("Once more: ") != password {
        return Err("the two are not the same; nothing is done".to_owned());
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_such_that_the_header_is_one_word() {
        for (name, good) in [
            ("upsmon", true),
            ("ups-mon@1", true),
            ("two words", false),
            ("a]", false),
            ("-x", false),
            ("", false),
        ] {
            assert_eq!(is_name(name), good, "{name}");
        }
    }
}
