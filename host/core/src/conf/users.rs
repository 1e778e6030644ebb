//! upsd.users: who may do what.
//!
//! Passwords are compared in constant time and never shown. Departure from NUT: a section whose name is taken is dropped
//! whole, where NUT adds its rights to the user before it.

use std::fmt;
use std::hint::black_box;

use super::diag::{Diagnostic, Diagnostics, did_you_mean};
use super::lexer::Word;
use super::reader::{self, Statement};

/// The users, in file order.
#[derive(Debug, Clone, Default)]
pub struct Users {
    users: Vec<User>,
}

/// One user.
#[derive(Debug, Clone, Default)]
pub struct User {
    name: String,
    password: Option<Password>,
    actions: Vec<String>,
    commands: Vec<String>,
}

/// What a user may be allowed to do beside instant commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// LOGIN: count as a machine fed by the UPS.
    Login,
    /// PRIMARY (or MASTER): be the one that shuts the UPS down.
    Primary,
    /// FSD: announce a forced shutdown.
    Fsd,
    /// SET: write variables.
    Set,
}

impl Users {
    /// The user, if the password is right. Takes as long for a wrong name or password as for a right one.
    pub fn check(&self, name: &str, password: &str) -> Option<&User> {
        let user = self.users.iter().find(|user| user.name == name);
        match user.and_then(|user| user.password.as_ref()) {
            Some(right) => user.filter(|_| right.matches(password)),
            None => {
                // Nobody to compare with: spend the time all the same.
                let _ = Password::Plain("no such user".into()).matches(password);
                None
            }
        }
    }

    /// All users, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.users.iter()
    }
}

impl User {
    /// The name, case-sensitive.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `action` is granted.
    pub fn allows(&self, action: Action) -> bool {
        let words: &[&str] = match action {
            Action::Login => &["LOGIN"],
            Action::Primary => &["PRIMARY", "MASTER"],
            Action::Fsd => &["FSD"],
            Action::Set => &["SET"],
        };
        let granted = |word: &&str| {
            self.actions
                .iter()
                .any(|action| action.eq_ignore_ascii_case(word))
        };
        words.iter().any(granted)
    }

    /// Whether the instant command is granted, by name or by `ALL`.
    pub fn allows_command(&self, command: &str) -> bool {
        let matches =
            |word: &String| word.eq_ignore_ascii_case(command) || word.eq_ignore_ascii_case("all");
        self.commands.iter().any(matches)
    }
}

/// How a password is kept; a hashed form would be a case of its own.
#[derive(Clone)]
enum Password {
    Plain(String),
}

impl Password {
    fn matches(&self, given: &str) -> bool {
        match self {
            Self::Plain(right) => same(right.as_bytes(), given.as_bytes()),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Compares in a time that depends on the length of `given` alone.
fn same(right: &[u8], given: &[u8]) -> bool {
    let mut difference = right.len() ^ given.len();
    for (at, &byte) in given.iter().enumerate() {
        // Past the end of `right` the lengths differ already; the byte only has to be read.
        let other = right.get(at).copied().unwrap_or(!byte);
        difference = black_box(difference | usize::from(byte ^ other));
    }
    difference == 0
}

const KEYS: [&str; 4] = ["password", "actions", "instcmds", "upsmon"];
const ACTIONS: [&str; 5] = ["SET", "FSD", "LOGIN", "PRIMARY", "MASTER"];
/// Roles of `upsmon`, and the actions they stand for.
const ROLES: [(&str, &[&str]); 4] = [
    ("primary", &["LOGIN", "MASTER", "FSD"]),
    ("master", &["LOGIN", "MASTER", "FSD"]),
    ("secondary", &["LOGIN"]),
    ("slave", &["LOGIN"]),
];

/// Reads a upsd.users. Never fails: what cannot be used is left out and pointed at.
pub fn parse(file_name: &str, text: &[u8]) -> (Users, Vec<Diagnostic>) {
    let mut found = Diagnostics::new(file_name, text);
    let lines = reader::lines(text, &mut found);
    let mut parser = Parser {
        found,
        users: Users::default(),
        place: Place::Start,
    };
    for words in &lines {
        if let Some(statement) = reader::statement(words) {
            parser.take(statement);
        }
    }
    parser.close();
    (parser.users, parser.found.finish())
}

struct Parser<'a> {
    found: Diagnostics<'a>,
    users: Users,
    place: Place,
}

enum Place {
    Start,
    User(Word, User),
    /// After a header that cannot be used.
    Nowhere,
}

impl Parser<'_> {
    fn take(&mut self, statement: Statement<'_>) {
        let (key, values) = match statement {
            Statement::Header(word, name) => return self.open(word, name),
            Statement::Flag(key) => (key, &[][..]),
            Statement::Assignment(key, values) => (key, values),
            Statement::Other(key, _) if key.text.starts_with('[') && !key.quoted => {
                self.close();
                self.place = Place::Nowhere;
                let message =
                    "a user's name ends with `]` in the same word; this section is left out";
                self.found.error(
                    key,
                    message,
                    "put a name with blanks in quotes, brackets and all",
                );
                return;
            }
            Statement::Other(key, rest) if is(key, "upsmon") => (key, rest),
            Statement::Other(key, _) if is(key, "user") => {
                self.found.warn(
                    key,
                    "`user` lines are a format of long ago and ignored",
                    "begin with `[name]`",
                );
                return;
            }
            Statement::Other(key, _) => {
                let help = format!("write `{} = value`", key.text);
                self.found.error(
                    key,
                    "this line is ignored, it lacks an `=` or a value",
                    help,
                );
                return;
            }
        };
        let Place::User(_, user) = &mut self.place else {
            if matches!(self.place, Place::Start) {
                self.found.warn(
                    key,
                    "this line is ignored, it belongs to no user",
                    "begin with `[name]`",
                );
            }
            return;
        };
        match values {
            [] => {
                let message = format!("`{}` needs a value and is ignored", key.text);
                self.found.error(key, message, None);
            }
            values => user.take(key, values, &mut self.found),
        }
    }

    fn open(&mut self, word: &Word, name: &str) {
        self.close();
        self.place = Place::Nowhere;
        if name.is_empty() {
            self.found.error(
                word,
                "a user without a name is left out",
                "put the user's name in the brackets",
            );
        } else if self.users.users.iter().any(|user| user.name == name) {
            let message = format!("the user {name} is there already; this section is left out");
            self.found.error(
                word,
                message,
                "put everything about a user into one section",
            );
        } else {
            let user = User {
                name: name.to_owned(),
                ..User::default()
            };
            self.place = Place::User(word.clone(), user);
        }
    }

    fn close(&mut self) {
        let Place::User(header, user) = std::mem::replace(&mut self.place, Place::Start) else {
            return;
        };
        if user.password.is_none() {
            let message = format!(
                "the user {} has no password and can never log in",
                user.name
            );
            self.found.warn(&header, message, "add `password = `");
        }
        self.users.users.push(user);
    }
}

impl User {
    fn take(&mut self, key: &Word, values: &[Word], found: &mut Diagnostics<'_>) {
        match key.text.to_ascii_lowercase().as_str() {
            "password" => {
                if self.password.is_some() {
                    found.warn(
                        key,
                        "the password is given twice; the first one counts",
                        None,
                    );
                } else if let Some(value) = reader::one_word(values, found) {
                    self.password = Some(Password::Plain(value.text.clone()));
                }
            }
            "actions" => {
                for word in values {
                    if !ACTIONS.iter().any(|known| is(word, known)) {
                        let message = format!("there is no action `{}`", word.text);
                        found.warn(word, message, did_you_mean(&word.text, ACTIONS.into_iter()));
                    }
                    self.actions.push(word.text.clone());
                }
            }
            "instcmds" => {
                for word in values {
                    let known = husk_names::COMMANDS.iter().map(|known| known.name);
                    let strange = husk_names::command(&word.text).is_none() && !is(word, "all");
                    if let Some(help) = did_you_mean(&word.text, known).filter(|_| strange) {
                        let message = format!("no command called `{}` is known", word.text);
                        found.warn(word, message, help);
                    }
                    self.commands.push(word.text.clone());
                }
            }
            "upsmon" => {
                // `upsmon = primary` works as well.
                for word in values.iter().filter(|word| !reader::is_equals(word)) {
                    match ROLES.iter().find(|(role, _)| is(word, role)) {
                        Some((_, actions)) => self
                            .actions
                            .extend(actions.iter().map(|&action| action.to_owned())),
                        None => {
                            let roles = ROLES.iter().map(|&(role, _)| role);
                            let help = did_you_mean(&word.text, roles)
                                .unwrap_or_else(|| "the roles are primary and secondary".into());
                            found.error(word, format!("there is no role `{}`", word.text), help);
                        }
                    }
                }
            }
            "allowfrom" => {
                let help = "use LISTEN in upsd.conf and a firewall";
                found.warn(key, "`allowfrom` is obsolete and does nothing", help);
            }
            other => {
                let message = format!("`{}` means nothing here and is ignored", key.text);
                found.error(key, message, did_you_mean(other, KEYS.into_iter()));
            }
        }
    }
}

fn is(word: &Word, text: &str) -> bool {
    word.text.eq_ignore_ascii_case(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    #![allow(clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[track_caller]
    fn check(text: &str, complaints: &[&str]) -> Users {
        let (users, found) = parse("upsd.users", text.as_bytes());
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), complaints.len(), "{found:#?}");
        for (found, complaint) in found.iter().zip(complaints) {
            assert!(found.contains(complaint), "{found} lacks {complaint}");
        }
        users
    }

    const FILE: &str = "[admin]\n password = s3cret # not this\n actions = SET fsd\n instcmds = ALL\n\
        [mon]\nPassword=\"two words\"\nupsmon primary\n[old]\npassword = x\nupsmon = slave\n\
        [tester]\npassword = y\ninstcmds = test.battery.start Beeper.Toggle\ninstcmds = load.off\n";

    #[test]
    fn the_right_password_opens_and_nothing_else() {
        let users = check(FILE, &[]);
        assert_eq!(users.check("admin", "s3cret").unwrap().name(), "admin");
        assert!(users.check("mon", "two words").is_some());
        for (name, password) in [
            ("admin", "s3cre"),
            ("admin", "s3crett"),
            ("admin", "S3cret"),
            ("admin", ""),
            ("Admin", "s3cret"),
            ("nobody", "no such user"),
            ("", ""),
        ] {
            assert!(users.check(name, password).is_none(), "{name} {password}");
        }
    }

    #[test]
    fn rights_are_as_granted() {
        let users = check(FILE, &[]);
        let all = [Action::Login, Action::Primary, Action::Fsd, Action::Set];
        let rights = |name: &str| {
            let user = users.iter().find(|user| user.name == name).unwrap();
            all.map(|action| user.allows(action))
        };
        assert_eq!(rights("admin"), [false, false, true, true]);
        assert_eq!(rights("mon"), [true, true, true, false]);
        assert_eq!(rights("old"), [true, false, false, false]);
        assert_eq!(rights("tester"), [false; 4]);
        let tester = users.iter().last().unwrap();
        for (command, expected) in [
            ("beeper.toggle", true),
            ("LOAD.OFF", true),
            ("load.on", false),
            ("all", false),
        ] {
            assert_eq!(tester.allows_command(command), expected, "{command}");
        }
        assert!(
            users
                .check("admin", "s3cret")
                .unwrap()
                .allows_command("anything")
        );
    }

    #[test]
    fn a_user_without_password_never_logs_in() {
        let users = check(
            "[a]\nactions = SET\n",
            &["upsd.users:1:1: warning: the user a has no password"],
        );
        assert!(users.check("a", "").is_none());
        let users = check("[a]\npassword = \"\"\n", &[]);
        assert!(users.check("a", "").is_some());
    }

    #[test]
    fn a_name_given_twice_gives_no_rights_to_anybody() {
        let users = check(
            "[a]\npassword = x\n[b]\npassword = y\n[a]\npassword = z\nactions = SET\n",
            &["5:1: error: the user a is there already"],
        );
        assert!(users.check("a", "z").is_none());
        assert!(users.iter().all(|user| !user.allows(Action::Set)));
    }

    #[test]
    fn mistakes_are_pointed_at() {
        check(
            "password = x\nuser monitor\n[a]\npassword x\npasword = hidden\npassword = one two\npassword = y\n\
             actions = SETT\ninstcmds = test.batery.start\nupsmon primry\nallowfrom = localhost\nactions\nupsmon\n[b c]\n",
            &[
                "1:1: warning: this line is ignored, it belongs to no user",
                "2:1: warning: `user` lines",
                "4:1: error: this line is ignored, it lacks an `=`",
                "5:1: error: `pasword` means nothing here",
                "6:16: warning: only the first word",
                "7:1: warning: the password is given twice",
                "8:11: warning: there is no action `SETT`",
                "9:12: warning: no command called `test.batery.start`",
                "10:8: error: there is no role `primry`",
                "11:1: warning: `allowfrom` is obsolete",
                "12:1: error: `actions` needs a value",
                "13:1: error: `upsmon` needs a value",
                "14:1: error: a user's name ends with `]`",
            ],
        );
    }

    #[test]
    fn no_password_ever_shows() {
        let text =
            "[a]\npassword hunter2\npasword = hunter2\npassword = x hunter2\npassword = hunter2\n";
        let (users, found) = parse("upsd.users", text.as_bytes());
        let shown: String = found.iter().map(ToString::to_string).collect();
        assert!(found.len() == 4 && !shown.contains("hunter2"), "{shown}");
        assert!(!format!("{users:?}").contains("\"x\""));
    }
}
