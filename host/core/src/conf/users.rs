//! upsd.users: who may do what.
//!
//! Passwords are compared in constant time and never shown. Beside NUT's passwords in clear there are argon2id hashes, which
//! the server has to check itself: [`Users::check`] never accepts one. Departure from NUT: a section whose name is taken is
//! dropped whole, where NUT adds its rights to the user before it.

use super::diag::{Diagnostic, Diagnostics, did_you_mean};
use super::lexer::Word;
use super::password::Password;
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
    /// A user whose password is hashed is never found: see [`Users::hash`].
    pub fn check(&self, name: &str, password: &str) -> Option<&User> {
        let user = self.get(name);
        match user.and_then(|user| user.password.as_ref()) {
            Some(right) => user.filter(|_| right.matches(password)),
            None => {
                // Nobody to compare with: spend the time all the same.
                let _ = Password::Plain("no such user".into()).matches(password);
                None
            }
        }
    }

    /// The hash to check a password of `name` by; a name that cannot log in gets somebody else's, so that it takes as long
    /// to refuse. `None`: there is nothing to hash, ask [`Users::check`].
    pub fn hash(&self, name: &str) -> Option<Hash<'_>> {
        match self.get(name).and_then(|user| user.password.as_ref()) {
            Some(Password::Hashed(phc)) => Some(Hash { phc, own: true }),
            Some(Password::Plain(_)) => None,
            Some(Password::Unusable) | None => {
                let mut passwords = self.users.iter().map(|user| &user.password);
                passwords.find_map(|password| match password {
                    Some(Password::Hashed(phc)) => Some(Hash { phc, own: false }),
                    _ => None,
                })
            }
        }
    }

    /// The user of that name, whoever asks.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// What a verdict on a password of `name` holds for: it is void when this is another one, after a reload.
    pub fn secret(&self, name: &str) -> Secret {
        Secret(self.get(name).and_then(|user| user.password.clone()))
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

/// What to check a password by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash<'a> {
    /// A PHC string of argon2id within bounds.
    pub phc: &'a str,
    /// It is the user's; if not, the password is wrong whatever comes of it.
    pub own: bool,
}

/// A password as it is kept, to be compared with another and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret(Option<Password>);

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
                } else {
                    self.password = password(values, found);
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

fn password(values: &[Word], found: &mut Diagnostics<'_>) -> Option<Password> {
    let first = values.first()?;
    if !Password::is_hash(&first.text) {
        reader::one_word(values, found);
    }
    let (password, flaw) = Password::read(values.iter().map(|word| word.text.as_str()));
    if let Some(flaw) = flaw {
        let message = format!("{flaw}; this user cannot log in");
        found.error(first, message, "make a new one with `husk passwd`");
    }
    Some(password)
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

    const HASHED: &str = "[a]\npassword = $argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM$0123456789abcdefghijkl\nupsmon primary\n\
        [b]\npassword = plain\n[c]\npassword = $argon2id$v=19$m\n";

    #[test]
    fn a_hash_is_for_the_server_to_check() {
        let users = check(
            HASHED,
            &[
                "upsd.users:7:12: error: this hash is cut off or has too many parts; this user cannot log in",
            ],
        );
        let hash = users.hash("a").unwrap();
        assert!(hash.own && hash.phc.ends_with("$0123456789abcdefghijkl"));
        assert!(users.check("a", hash.phc).is_none());
        assert!(users.hash("b").is_none() && users.check("b", "plain").is_some());
        // Who cannot log in and who is not there take as long to refuse.
        let decoy = Some(Hash { own: false, ..hash });
        assert_eq!((users.hash("c"), users.hash("nobody")), (decoy, decoy));
        assert!(users.check("c", "$argon2id$v").is_none());
        assert!(users.secret("a") != users.secret("b") && users.secret("x") == users.secret("y"));
    }
}
