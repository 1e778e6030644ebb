//! What is to be done, before anything is: command lines of drivers, their programs, the order in which power goes.
//!
//! Nothing here starts or signals anything.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use husk_core::conf::ups::{Global, Section};

/// Where distributions put driver programs.
const USUAL_PATHS: [&str; 3] = ["/lib/nut", "/usr/lib/nut", "/usr/libexec/nut"];

/// The options that every driver is started with.
#[derive(Debug, Clone, Default)]
pub(super) struct Flags {
    /// Print, do nothing.
    pub(super) test: bool,
    pub(super) user: Option<String>,
    pub(super) chroot: Option<String>,
    /// How often `-D` was given.
    pub(super) debug: usize,
    /// Drivers get as many.
    pub(super) pass_debug: bool,
    pub(super) background: Background,
}

/// Whether drivers leave the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Background {
    /// As a driver does by itself: it leaves.
    #[default]
    Unsaid,
    /// `-B`
    Always,
    /// `-F`
    Never { pid_file: bool },
}

impl Flags {
    /// Whether this program stays with its drivers.
    pub(super) fn stays(&self) -> bool {
        matches!(self.background, Background::Never { .. })
    }
}

/// What running drivers can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Dump,
    Reload,
    ReloadOrError,
    ReloadOrRestart,
    ReloadOrExit,
    Exit,
}

impl Word {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "dump" | "data-dump" => Self::Dump,
            "reload" => Self::Reload,
            "reload-or-error" => Self::ReloadOrError,
            "reload-or-restart" => Self::ReloadOrRestart,
            "reload-or-exit" => Self::ReloadOrExit,
            "exit" => Self::Exit,
            _ => return None,
        })
    }

    /// The instant command is `driver.` and this.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Dump => "dump",
            Self::Reload => "reload",
            Self::ReloadOrError => "reload-or-error",
            Self::ReloadOrRestart => "reload-or-restart",
            Self::ReloadOrExit => "reload-or-exit",
            Self::Exit => "exit",
        }
    }
}

/// A program and its words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CommandLine {
    pub(super) program: PathBuf,
    pub(super) words: Vec<OsString>,
}

impl std::fmt::Display for CommandLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.program.display())?;
        for word in &self.words {
            f.write_char(' ')?;
            f.write_str(&word.to_string_lossy())?;
        }
        Ok(())
    }
}

/// What starts the driver of a section.
///
/// # Errors
/// A sentence: this program does not know where it is.
pub(super) fn starting(
    section: &Section,
    global: &Global,
    flags: &Flags,
) -> Result<CommandLine, String> {
    let mut line = program(&section.driver, global.driver_path.as_deref())?;
    if flags.pass_debug {
        for _ in 0..flags.debug {
            line.words.push("-D".into());
        }
    }
    match flags.background {
        Background::Unsaid => {}
        Background::Always => line.words.push("-B".into()),
        Background::Never { pid_file: false } => line.words.push("-F".into()),
        Background::Never { pid_file: true } => line.words.push("-FF".into()),
    }
    line.words
        .extend(["-a".into(), section.name.clone().into()]);
    add_identity(&mut line, flags);
    Ok(line)
}

/// What has the driver of a section cut the power.
///
/// # Errors
/// As [`starting`].
pub(super) fn cutting_power(
    section: &Section,
    global: &Global,
    flags: &Flags,
) -> Result<CommandLine, String> {
    let mut line = program(&section.driver, global.driver_path.as_deref())?;
    let words = ["-a".into(), section.name.clone().into(), "-k".into()];
    line.words.extend(words);
    add_identity(&mut line, flags);
    Ok(line)
}

/// What has the driver of a section print one reading.
///
/// # Errors
/// As [`starting`].
pub(super) fn reading(
    section: &Section,
    global: &Global,
    flags: &Flags,
) -> Result<CommandLine, String> {
    let mut line = program(&section.driver, global.driver_path.as_deref())?;
    let name = section.name.clone();
    line.words
        .extend(["-a".into(), name.into(), "-d".into(), "1".into()]);
    add_identity(&mut line, flags);
    Ok(line)
}

/// Lowest `sdorder` first, file order among equals; a negative one is left out.
pub(super) fn by_shutdown_order(sections: &[Section]) -> Vec<&Section> {
    let mut order: Vec<&Section> = sections
        .iter()
        .filter(|section| section.shutdown_order >= 0)
        .collect();
    order.sort_by_key(|section| section.shutdown_order);
    order
}

fn add_identity(line: &mut CommandLine, flags: &Flags) {
    let pairs = [("-r", &flags.chroot), ("-u", &flags.user)];
    for (option, value) in pairs {
        if let Some(value) = value {
            line.words.extend([option.into(), value.into()]);
        }
    }
}

/// The program of `driver = name`: in `driverpath` if that is given; else among the links beside this program, where
/// distributions put them, or this program itself, which can be any driver it has a plugin for.
fn program(name: &str, driver_path: Option<&str>) -> Result<CommandLine, String> {
    if name.contains('/') || name.starts_with('.') {
        return Err(format!("`driver = {name}` is not the name of a driver"));
    }
    let plain = |program| CommandLine {
        program,
        words: Vec::new(),
    };
    if let Some(path) = driver_path {
        return Ok(plain(Path::new(path).join(name)));
    }
    let own = std::env::current_exe().map_err(|error| format!("where is husk? {error}"))?;
    let links = own.parent().map(|dir| dir.join("links"));
    let places = links.into_iter().chain(USUAL_PATHS.map(PathBuf::from));
    let found = places
        .map(|place| place.join(name))
        .find(|path| path.is_file());
    Ok(match found {
        Some(path) => plain(path),
        None => CommandLine {
            program: own,
            words: vec!["driver".into(), name.into()],
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use husk_core::conf::ups;

    const CONF: &str = "driverpath = /opt/drivers\n\
        [b]\n driver = dummy-ups\n port = x\n sdorder = 2\n\
        [a]\n driver = megatec\n port = x\n\
        [never]\n driver = dummy-ups\n port = x\n sdorder = -1\n\
        [c]\n driver = dummy-ups\n port = x\n sdorder = 1\n\
        [d]\n driver = dummy-ups\n port = x\n";

    fn line(
        flags: &Flags,
        plan: fn(&Section, &Global, &Flags) -> Result<CommandLine, String>,
    ) -> String {
        let (conf, _) = ups::parse("ups.conf", CONF.as_bytes());
        plan(conf.sections.first().unwrap(), &conf.global, flags)
            .unwrap()
            .to_string()
    }

    #[test]
    fn power_goes_by_ascending_order_and_never_where_it_is_negative() {
        let (conf, _) = ups::parse("ups.conf", CONF.as_bytes());
        let order = by_shutdown_order(&conf.sections);
        let names: Vec<&str> = order.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, ["a", "d", "c", "b"]);
    }

    #[test]
    fn command_lines_are_those_of_nut() {
        let mut flags = Flags::default();
        assert_eq!(line(&flags, starting), "/opt/drivers/dummy-ups -a b");
        assert_eq!(
            line(&flags, cutting_power),
            "/opt/drivers/dummy-ups -a b -k"
        );
        flags.user = Some("nobody".to_owned());
        flags.chroot = Some("/tmp".to_owned());
        assert_eq!(
            line(&flags, starting),
            "/opt/drivers/dummy-ups -a b -r /tmp -u nobody"
        );
        flags = Flags {
            debug: 2,
            pass_debug: true,
            background: Background::Always,
            ..Flags::default()
        };
        assert_eq!(
            line(&flags, starting),
            "/opt/drivers/dummy-ups -D -D -B -a b"
        );
        flags = Flags {
            debug: 2,
            background: Background::Never { pid_file: true },
            ..Flags::default()
        };
        assert_eq!(line(&flags, starting), "/opt/drivers/dummy-ups -FF -a b");
    }

    #[test]
    fn a_driver_without_a_program_is_this_program() {
        let line = program("acme-ups", None).unwrap();
        assert_eq!(line.program, std::env::current_exe().unwrap());
        assert_eq!(line.words, ["driver", "acme-ups"]);
        assert!(program("../sh", None).is_err());
    }
}
