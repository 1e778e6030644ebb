//! Other people's daemons for power: PowerMan with its simulated controller, and apcupsd. Each on a free port of loopback, ended by
//! its process id.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::signal;
use crate::rig::{Scratch, Signal, wait_until};

/// How long a daemon may take until it listens.
const START: Duration = Duration::from_secs(10);
const POWERMAND: &str = "/usr/sbin/powermand";
const CONTROLLER: &str = "/usr/sbin/vpcd";

/// How PowerMan talks to vpcd, the controller that comes with it for its own tests.
const VPC: &str = r#"specification "vpc" {
  timeout 3
  plug name { "0" "1" "2" "3" "4" "5" "6" "7" "8" "9" "10" "11" "12" "13" "14" "15" }
  script login { send "login\n" expect "[0-9]+ OK\n[0-9]+ vpc> " }
  script logout { send "logoff\n" expect "[0-9]+ OK\n" }
  script status_all {
    send "stat *\n"
    foreachplug { expect "plug ([0-9]+): (ON|OFF)\n" setplugstate $1 $2 on="ON" off="OFF" }
    expect "[0-9]+ OK\n[0-9]+ vpc> "
  }
  script on { send "on %s\n" expect "[0-9]+ OK\n[0-9]+ vpc> " }
  script on_all { send "on *\n" expect "[0-9]+ OK\n[0-9]+ vpc> " }
  script off { send "off %s\n" expect "[0-9]+ OK\n[0-9]+ vpc> " }
  script off_all { send "off *\n" expect "[0-9]+ OK\n[0-9]+ vpc> " }
  script cycle { send "off %s\n" expect "[0-9]+ OK\n[0-9]+ vpc> " delay 0.5 send "on %s\n" expect "[0-9]+ OK\n[0-9]+ vpc> " }
}
"#;

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    port: u16,
    program: PathBuf,
    arguments: Vec<String>,
    libraries: Option<PathBuf>,
    dir: Scratch,
    child: Option<Child>,
}

impl Daemon {
    /// Debian's powermand with sixteen outlets `t0` to `t15`, all off; `None` where it is not installed.
    pub fn powerman() -> io::Result<Option<Self>> {
        if ![POWERMAND, CONTROLLER]
            .iter()
            .all(|path| Path::new(path).exists())
        {
            return Ok(None);
        }
        let dir = Scratch::new("powerman")?;
        let port = free_port()?;
        let controller = dir.write("vpc.dev", VPC)?;
        let conf = format!(
            "include \"{}\"\nlisten \"127.0.0.1:{port}\"\ndevice \"vpc0\" \"vpc\" \"{CONTROLLER} |&\"\n\
             node \"t[0-15]\" \"vpc0\" \"[0-15]\"\n",
            controller.display()
        );
        let conf = dir.write("powerman.conf", &conf)?.display().to_string();
        let arguments = vec!["-f".to_owned(), "-c".to_owned(), conf];
        Self::start(POWERMAND.into(), arguments, None, dir, port).map(Some)
    }

    /// Debian's apcupsd, which watches the UPS of another network information server; `None` where it is not unpacked.
    pub fn apcupsd(master: u16) -> io::Result<Option<Self>> {
        let root = crate::built("apcupsd");
        let program = root.join("sbin/apcupsd");
        if !program.exists() {
            return Ok(None);
        }
        let dir = Scratch::new("apcupsd")?;
        let port = free_port()?;
        let here = dir.path().display();
        let conf = format!(
            "## apcupsd.conf v1.1 ##\nUPSNAME chained\nUPSCABLE ether\nUPSTYPE net\nDEVICE 127.0.0.1:{master}\nPOLLTIME 1\n\
             LOCKFILE {here}\nSCRIPTDIR {here}\nPWRFAILDIR {here}\nNOLOGINDIR {here}\nONBATTERYDELAY 60\nBATTERYLEVEL -1\n\
             MINUTES -1\nTIMEOUT 0\nANNOY 0\nNOLOGON disable\nKILLDELAY 0\nNETSERVER on\nNISIP 127.0.0.1\nNISPORT {port}\n\
             EVENTSFILE {here}/events\nUPSCLASS standalone\nUPSMODE disable\nSTATTIME 0\nSTATFILE {here}/status\nLOGSTATS off\n"
        );
        let conf = dir.write("apcupsd.conf", &conf)?.display().to_string();
        // What it would run at each event.
        let script = dir.write("apccontrol", "#!/bin/sh\nexit 0\n")?;
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(script, executable)?;
        let arguments = vec!["-b".to_owned(), "-f".to_owned(), conf];
        Self::start(program, arguments, Some(root), dir, port).map(Some)
    }

    fn start(
        program: PathBuf,
        arguments: Vec<String>,
        libraries: Option<PathBuf>,
        dir: Scratch,
        port: u16,
    ) -> io::Result<Self> {
        let mut daemon = Self {
            port,
            program,
            arguments,
            libraries,
            dir,
            child: None,
        };
        daemon.run()?;
        Ok(daemon)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again after [`Self::stop`], as it was configured.
    pub fn run(&mut self) -> io::Result<()> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(self.dir.path());
        if let Some(root) = &self.libraries {
            command.env("LD_LIBRARY_PATH", root.join("lib/x86_64-linux-gnu"));
        }
        let quiet = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.child = Some(quiet.spawn()?);
        wait_until(START, || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })
    }

    /// Ends it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), Signal::TERM);
            let ended = wait_until(Duration::from_secs(3), || {
                !matches!(child.try_wait(), Ok(None))
            });
            if ended.is_err() {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }

    /// Holds it or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        if let Some(child) = &self.child {
            signal(child.id(), if frozen { Signal::STOP } else { Signal::CONT });
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.freeze(false);
        self.stop();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
