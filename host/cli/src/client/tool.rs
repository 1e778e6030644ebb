//! How a classic client program begins and ends: banner, help, which server, what to print where, exit code.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use husk_core::proto::client::Target;

use super::args::Args;
use super::authconf::{self, Account};
use super::{CONNECT_TIMEOUT, Connection, Error};

/// One program.
pub(crate) struct Tool {
    /// What it is called.
    pub name: &'static str,
    /// Its options, as [`Args::parse`] wants them; those in [`COMMON`] are added.
    pub options: &'static str,
    /// What `-h` prints below the banner.
    pub help: &'static str,
}

/// Options every client program has: help, version, debugging (accepted, there is nothing to tell), connect timeout,
/// nutauth.conf.
const COMMON: &str = "hVDW:A:";

/// Below every help text.
const COMMON_HELP: &str = "
Common options:
  -V            print the version and exit
  -h            print this text and exit
  -W <seconds>  wait so long for the server to accept; 0 waits for ever (default 10)
  -A <file>     accounts and TLS settings: a nutauth.conf, `default` or `none`
  -D            accepted, as NUT has it
";

/// A failed program: the text goes to stderr, the exit code is 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fatal(pub String);

impl From<Error> for Fatal {
    fn from(error: Error) -> Self {
        Self(format!("Error: {error}"))
    }
}

impl Tool {
    /// Reads the command line and runs `body`, unless help or the version was asked for. A command line that cannot be
    /// read shows the help, with exit code 0: NUT's programs do, and so do their wrappers expect.
    pub(crate) fn run(
        &self,
        words: Vec<OsString>,
        body: impl FnOnce(&Args) -> Result<(), Fatal>,
    ) -> ExitCode {
        let args = match Args::parse(&format!("{}{COMMON}", self.options), words) {
            Ok(args) => args,
            Err(why) => {
                eprintln!("{}: {why}", self.name);
                self.print_help();
                return ExitCode::SUCCESS;
            }
        };
        if args.has('h') {
            self.print_help();
            return ExitCode::SUCCESS;
        }
        if args.has('V') {
            print(&self.banner());
            return ExitCode::SUCCESS;
        }
        match body(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(Fatal(text)) => {
                eprintln!("{text}");
                ExitCode::FAILURE
            }
        }
    }

    /// Banner and help, on stdout.
    pub(crate) fn print_help(&self) {
        print(&format!("{}\n{}{COMMON_HELP}", self.banner(), self.help));
    }

    fn banner(&self) -> String {
        format!("Network UPS Tools {} {}\n", self.name, husk_server::VERSION)
    }
}

/// Writes to stdout. Whoever closed it wants no more, which is no reason to fail.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Connects to the server of `target`; gives the account nutauth.conf has for it, too.
///
/// # Errors
/// As NUT's programs say it.
pub(crate) fn connect(args: &Args, target: &Target) -> Result<(Connection, Account), Fatal> {
    let timeout = connect_timeout(args)?;
    let account = authconf::find(args.value('A'), args.value('u'), target).map_err(Fatal)?;
    let connection = Connection::open(&target.server, timeout, &account.security)?;
    Ok((connection, account))
}

/// How long to wait for a server to accept, by `-W` and the environment; `None` is no limit.
///
/// # Errors
/// `-W` is not a number of seconds.
pub(crate) fn connect_timeout(args: &Args) -> Result<Option<Duration>, Fatal> {
    let environment = std::env::var("NUT_DEFAULT_CONNECT_TIMEOUT").ok();
    choose_timeout(args.value('W'), environment.as_deref())
}

/// The option before the environment before the default; 0 is no limit. A bad word in the environment is ignored, as NUT does.
fn choose_timeout(
    option: Option<&str>,
    environment: Option<&str>,
) -> Result<Option<Duration>, Fatal> {
    let seconds = match (option, environment) {
        (Some(text), _) => read_seconds(text)
            .ok_or_else(|| Fatal(format!("Error: invalid network timeout: {text}")))?,
        (None, Some(text)) => read_seconds(text).unwrap_or(CONNECT_TIMEOUT),
        (None, None) => CONNECT_TIMEOUT,
    };
    Ok(Some(seconds).filter(|seconds| !seconds.is_zero()))
}

fn read_seconds(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_beats_the_environment_beats_the_default() {
        let seconds = |n| Ok(Some(Duration::from_secs(n)));
        assert_eq!(choose_timeout(None, None), seconds(10));
        assert_eq!(choose_timeout(None, Some("3")), seconds(3));
        assert_eq!(choose_timeout(None, Some("soon")), seconds(10));
        assert_eq!(choose_timeout(Some("7"), Some("3")), seconds(7));
        assert_eq!(choose_timeout(Some("0"), Some("3")), Ok(None));
        assert!(choose_timeout(Some("-1"), None).is_err());
        assert!(choose_timeout(Some("soon"), None).is_err());
    }
}
