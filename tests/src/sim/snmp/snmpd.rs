//! Debian's snmpd before a simulated agent: net-snmp's own version 3, with all its users, in front of our objects.
//!
//! What is asked below the UPS-MIB and below `enterprises` it passes on (its directive `proxy`); the rest it answers itself.

use crate::process;
use crate::rig::{Scratch, wait_until};
use std::io;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = "/usr/sbin/snmpd";
/// How long it may take until it answers.
const START: Duration = Duration::from_secs(20);

/// The password of every user for its digest, and for its cipher.
pub const PASSWORDS: (&str, &str) = ("auth-password", "priv-password");

/// A user of version 3: name, and algorithms as snmpd writes them.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// secName.
    pub name: &'static str,
    /// Its digest.
    pub auth: &'static str,
    /// Its cipher.
    pub privacy: &'static str,
}

/// snmpd at work until dropped.
#[derive(Debug)]
pub struct Snmpd {
    child: Child,
    dir: Scratch,
    port: u16,
}

impl Snmpd {
    /// Whether it is installed.
    pub fn is_installed() -> bool {
        Path::new(PROGRAM).exists()
    }

    /// Starts it before the agent at `address`. Community `public` reads and writes, and so does each user at every level.
    pub fn start(address: &str, users: &[User]) -> io::Result<Self> {
        let dir = Scratch::new("snmpd")?;
        let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut conf = format!(
            "agentaddress udp:127.0.0.1:{port}\nrwcommunity public 127.0.0.1\nsysObjectID .1.3.6.1.2.1.33\n\
            proxy -v 2c -c public {address} .1.3.6.1.2.1.33\nproxy -v 2c -c public {address} .1.3.6.1.4.1.318\n"
        );
        let (auth_password, priv_password) = PASSWORDS;
        for User {
            name,
            auth,
            privacy,
        } in users
        {
            conf += &format!(
                "createUser {name} {auth} {auth_password} {privacy} {priv_password}\nrwuser {name} noauth\n"
            );
        }
        dir.write("snmpd.conf", &conf)?;
        let child = Self::spawn(&dir)?;
        let mut snmpd = Self { child, dir, port };
        snmpd.wait()?;
        Ok(snmpd)
    }

    fn spawn(dir: &Scratch) -> io::Result<Child> {
        Command::new(PROGRAM)
            .args(["-f", "-Lf"])
            .arg(dir.path().join("log"))
            .args(["-C", "-c"])
            .arg(dir.path().join("snmpd.conf"))
            .args(["-I", "-smux"])
            // It keeps its engine and how often that has started here, in a file named like its configuration.
            .env("SNMP_PERSISTENT_DIR", dir.path().join("state"))
            // No texts of MIBs: it would complain about each that Debian does not ship.
            .env("MIBS", "")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    }

    fn wait(&mut self) -> io::Result<()> {
        let log = self.dir.path().join("log");
        let child = &mut self.child;
        let mut ended = None;
        wait_until(START, || {
            ended = child.try_wait().ok().flatten();
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            ended.is_some() || said.contains("NET-SNMP version")
        })?;
        match ended {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!(
                "snmpd ended with {status}: {}",
                std::fs::read_to_string(&log).unwrap_or_default()
            ))),
        }
    }

    /// Ends it and starts it again: its engine has started once more, and its clock begins anew.
    pub fn restart(&mut self) -> io::Result<()> {
        self.end();
        std::fs::remove_file(self.dir.path().join("log"))?;
        self.child = Self::spawn(&self.dir)?;
        self.wait()
    }

    fn end(&mut self) {
        process::signal(self.child.id(), crate::rig::Signal::TERM);
        let _ = self.child.wait();
    }

    /// `port` of a section.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        self.end();
    }
}
