//! A driver of NUT by its name (`dummy-ups -a lab`, or `husk driver dummy-ups -a lab`): one plugin on one device, in a
//! process of its own, spoken to over a socket in the state path.
//!
//! Options, files, texts and exit codes are those of NUT's drivers. Differences on purpose: `-r` (chroot) is refused,
//! since plugins are confined more tightly; a reload starts the plugin anew where new settings need it, so it never has
//! to be refused; options nobody knows are warned of and do not end the driver.

mod caller;
mod process;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use husk_core::proto::session::What;
use husk_core::proto::tracking::Outcome;
use husk_server::VERSION;
use husk_server::driver_process::{self, Asked, DriverError, Plan, PlanError};
use rustix::process::Signal;

use crate::bundle::BUNDLED;
use crate::client::args::Args;
use crate::serve;
use caller::Caller;

const OPTIONS: &str = "hVLDFBqka:s:x:d:i:c:P:u:g:r:";
const HELP: &str = "\
usage: DRIVER (-a <ups>|-s <ups>) [OPTIONS]

  -a <ups>       take the section of ups.conf; -x after it wins over the file
  -s <ups>       take everything from -x; at least `port` is needed
  -x <var>=<val> set an option of the driver; without =<val> a flag
  -d <count>     print all variables after so many updates and end
  -i <seconds>   time between updates
  -k             cut the power of the load
  -c <command>   tell the running driver of this UPS:
     exit, reload, reload-or-error, reload-or-exit, reload-or-restart, data-dump
  -P <pid>       tell this process instead, with a signal
  -D             raise the debug level (and stay in the foreground); may be repeated
  -F             stay in the foreground; twice: and write the PID file
  -B             go into the background even with -D
  -q             only warnings and errors
  -u <user>      run as this user, if started as root
  -g <group>     who may use the socket
  -L             list the options of the driver
  -V             print the version
  -h             print this text
";
/// Words of `-c`, the command each is in the socket's words, and the signal that means the same.
const COMMANDS: [(&str, Option<&str>, Signal); 7] = [
    ("exit", Some("driver.exit"), Signal::TERM),
    ("reload", Some("driver.reload"), Signal::HUP),
    (
        "reload-or-error",
        Some("driver.reload-or-error"),
        Signal::HUP,
    ),
    (
        "reload-or-exit",
        Some("driver.reload-or-exit"),
        Signal::USR1,
    ),
    (
        "reload-or-restart",
        Some("driver.reload-or-restart"),
        Signal::USR2,
    ),
    ("data-dump", None, Signal::URG),
    ("dump", None, Signal::URG),
];
/// How long a running driver may take to answer anything but an order to cut the power.
const PATIENCE: Duration = Duration::from_secs(15);
/// What `-c` exits with when the socket cannot be used.
const NO_SOCKET: u8 = 255;

/// Runs `husk driver` with the words after it; the first is the driver's name.
pub(crate) fn run(mut words: Vec<OsString>) -> ExitCode {
    let name = match words.first().and_then(|word| word.to_str()) {
        Some(name) if !name.starts_with('-') => name.to_owned(),
        _ => {
            print!("usage: husk driver DRIVER [OPTIONS]\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    words.remove(0);
    called(&name, words)
}

/// Runs the driver of that name.
pub(crate) fn called(name: &str, words: Vec<OsString>) -> ExitCode {
    let args = match Args::parse(OPTIONS, words.clone()) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("{name}: {why}");
            print!("{}\n\n{HELP}", banner(name));
            return ExitCode::FAILURE;
        }
    };
    let again = husk_daemon::background::is_child();
    if args.has('V') || args.has('L') || args.has('h') || (!again && !serve::quiet_banner()) {
        println!("{}", banner(name));
    }
    if args.has('h') {
        print!("\n{HELP}");
    }
    if args.has('h') || args.has('V') {
        return ExitCode::SUCCESS;
    }
    act(name, &args, words).unwrap_or_else(|reason| {
        eprintln!("{reason}");
        ExitCode::FAILURE
    })
}

fn act(name: &str, args: &Args, words: Vec<OsString>) -> Result<ExitCode, String> {
    if args.has('L') {
        let dir = serve::source(None, true).dir;
        let listed = wait(driver_process::options(&dir, name, BUNDLED))??;
        print!("{listed}");
        return Ok(ExitCode::SUCCESS);
    }
    if args.has('r') {
        let instead = "the sandbox of the plugins, which is always on";
        return Err(format!("Fatal error: -r is not supported; use {instead}"));
    }
    if !args.operands.is_empty() {
        return Err(format!(
            "Error: {:?} is not an option. Try -h for help.",
            args.operands
        ));
    }
    let plan = Plan::load(asked(name, args)?).map_err(|error| match error {
        PlanError::NoPort => format!("{error}\nTry -h for help."),
        other => other.to_string(),
    })?;
    if let Some(word) = args.value('c') {
        return command(&plan, word, args.value('P'));
    }
    if args.has('k') {
        return shut_down(name, args, plan);
    }
    if let Some(count) = args.value('d') {
        let updates = count.parse().ok().filter(|&count| count > 0);
        let updates = updates.ok_or_else(|| format!("Error: -d {count} is not a number from 1"))?;
        process::log(name, args);
        print!("{}", wait(driver_process::dump(plan, BUNDLED, updates))?);
        return Ok(ExitCode::SUCCESS);
    }
    process::serve(name, args, words, plan)
}

fn banner(name: &str) -> String {
    let own = env!("CARGO_PKG_VERSION");
    format!("Network UPS Tools {VERSION} - {name} {own}")
}

/// What the command line asks for.
fn asked(name: &str, args: &Args) -> Result<Asked, String> {
    let ups = args.options.iter().rev();
    let (letter, ups) = ups
        .into_iter()
        .find(|(letter, _)| matches!(letter, 'a' | 's'))
        .ok_or("Error: specifying '-a id' or '-s id' is now mandatory. Try -h for help.")?;
    let mut given = Vec::new();
    for (letter, value) in &args.options {
        match letter {
            'x' => given.push(match value.split_once('=') {
                Some((name, value)) => (name.trim().to_owned(), Some(value.trim().to_owned())),
                None => (value.trim().to_owned(), None),
            }),
            'i' => given.push(("pollinterval".to_owned(), Some(value.clone()))),
            'g' => given.push(("group".to_owned(), Some(value.clone()))),
            'u' => given.push(("user".to_owned(), Some(value.clone()))),
            _ => {}
        }
    }
    let debug = args.options.iter().filter(|(letter, _)| *letter == 'D');
    let debug = debug.count();
    if debug > 0 {
        given.push(("debug_min".to_owned(), Some(debug.to_string())));
    }
    let source = serve::source(None, true);
    Ok(Asked {
        driver: name.to_owned(),
        ups: ups.clone(),
        from_file: *letter == 'a',
        given,
        dir: source.dir,
        state_path: source.state_path,
    })
}

/// `-c`: over the socket, whose answer is the exit code, or as a signal to the process of the PID file or of `-P`.
fn command(plan: &Plan, word: &str, pid: Option<&str>) -> Result<ExitCode, String> {
    let known = COMMANDS
        .iter()
        .find(|(known, ..)| *known == word)
        .or_else(|| COMMANDS.iter().find(|(known, ..)| known.starts_with(word)));
    let (_, name, signal) = known
        .filter(|_| !word.is_empty())
        .ok_or_else(|| format!("Error: -c {word} is no command. Try -h for help."))?;
    if let (Some(name), None) = (name, pid) {
        let what = What::Command {
            name: (*name).to_owned(),
            value: None,
        };
        let path = plan.socket_path();
        let answer = Caller::connect(&path).and_then(|mut it| it.ask(&what, Some(PATIENCE)));
        return Ok(match answer {
            Ok(outcome) => ExitCode::from(husk_core::proto::driver::code(outcome)),
            Err(reason) => {
                eprintln!(
                    "Error: the driver cannot be told: {}: {reason}",
                    path.display()
                );
                ExitCode::from(NO_SOCKET)
            }
        });
    }
    process::signal(plan, *signal, pid)
}

/// `-k`: by the driver that runs, else by this process.
fn shut_down(name: &str, args: &Args, plan: Plan) -> Result<ExitCode, String> {
    process::log(name, args);
    let allow = What::Set {
        variable: "driver.flag.allow_killpower".to_owned(),
        value: "1".to_owned(),
    };
    let kill = What::Command {
        name: "driver.killpower".to_owned(),
        value: None,
    };
    let asked = Caller::connect(&plan.socket_path()).and_then(|mut caller| {
        caller.ask(&allow, Some(PATIENCE))?;
        caller.ask(&kill, None)
    });
    match asked {
        Ok(Outcome::Success) => return Ok(ExitCode::SUCCESS),
        Ok(_) => log::warn!("the running driver did not cut the power; trying without it"),
        Err(reason) => log::debug!("no running driver cuts the power: {reason}"),
    }
    let section = plan.name();
    process::end_others(&plan);
    plan.explain_to_log();
    match wait(driver_process::shut_down(plan, BUNDLED))? {
        Outcome::Success => Ok(ExitCode::SUCCESS),
        _ => Err(format!("{section}: shutdown request(s) failed")),
    }
}

/// Runs the future in a runtime of its own.
fn wait<T>(work: impl Future<Output = Result<T, DriverError>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(process::THREADS)
        .enable_all()
        .build()
        .map_err(|error| format!("Fatal error: cannot start: {error}"))?;
    let done = runtime.block_on(work);
    // What did not end by itself is in a blocking call of the system; nobody waits for it.
    runtime.shutdown_background();
    done.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(words: &str) -> Args {
        Args::parse(OPTIONS, words.split(' ').map(OsString::from).collect()).unwrap()
    }

    #[test]
    fn options_of_the_command_line_become_options_of_the_section() {
        let args = parsed("-a lab -x port=/dev/ttyS0 -x cable = -xnolock -i 7 -u nobody");
        // The blank ends the options, as with getopt.
        assert_eq!(args.operands.first().map(String::as_str), Some("="));
        let asked = asked(
            "megatec",
            &parsed("-a lab -x port=a=b -xnolock -i 7 -u nobody"),
        )
        .unwrap();
        assert!(asked.from_file);
        assert_eq!(
            (asked.driver.as_str(), asked.ups.as_str()),
            ("megatec", "lab")
        );
        let option = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        assert_eq!(
            asked.given,
            [
                option("port", Some("a=b")),
                option("nolock", None),
                option("pollinterval", Some("7")),
                option("user", Some("nobody")),
            ]
        );
    }

    #[test]
    fn somebody_must_be_named() {
        let reason = asked("megatec", &parsed("-x port=a")).unwrap_err();
        assert!(reason.contains("is now mandatory"), "{reason}");
    }
}
