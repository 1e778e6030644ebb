//! Machines with cables between them: network namespaces joined by a bridge, one test's network apart from the next.
//!
//! The test itself sits on the bridge as `.1`, so it can talk to every machine. Programs on a machine see a file of host
//! names and a directory for PID files of their own. It needs root and iproute2, and refuses to pretend: without them
//! [`Network::new`] fails and [`possible`] says so beforehand.
//!
//! Addresses are of 198.18.0.0/15, which RFC 2544 sets aside for tests of networks.

use crate::rig::Scratch;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Networks that may exist at once on one computer.
const NETWORKS: u8 = 250;
/// What a program on a machine sees in place of this computer's own. Memory shared by name is not shared with others.
const MOUNTS: &str = "mount -t tmpfs -o mode=1777 none /dev/shm && mount --bind \"$0/hosts\" /etc/hosts && mount --bind \"$0/resolv.conf\" /etc/resolv.conf \
    && if [ -d /run/nut ]; then mount --bind \"$0/run\" /run/nut; fi && exec \"$@\"";

/// Whether this user may make networks: root, with iproute2 and a kernel that has namespaces and bridges.
pub fn possible() -> bool {
    Network::new(&["probe"]).is_ok()
}

/// A network of machines; dropping it takes it away.
#[derive(Debug)]
pub struct Network {
    number: u8,
    files: Scratch,
    hosts: Vec<Host>,
}

impl Network {
    /// Makes one machine per name, all of them with their cables plugged in. Each finds the others by name.
    pub fn new(names: &[&str]) -> io::Result<Self> {
        let number = bridge()?;
        // From here on dropping it takes away what there is.
        let mut network = Self {
            number,
            files: Scratch::new("network")?,
            hosts: Vec::new(),
        };
        open_to_all(network.files.path())?;
        for (at, name) in (2..).zip(names) {
            let host = network.host_of(name, at)?;
            network.hosts.push(host);
        }
        let names: String = network.hosts.iter().map(Host::line).collect();
        for host in &network.hosts {
            host.names(&names)?;
        }
        Ok(network)
    }

    /// The machine of that name.
    pub fn host(&self, name: &str) -> io::Result<Host> {
        let found = self.hosts.iter().find(|host| host.name == name);
        found
            .cloned()
            .ok_or_else(|| io::Error::other(format!("the network has no machine {name}")))
    }

    fn host_of(&self, name: &str, at: u8) -> io::Result<Host> {
        let host = Host {
            name: name.to_owned(),
            namespace: format!("husk{}-{name}", self.number),
            plug: format!("husk{}-{at}", self.number),
            address: Ipv4Addr::new(198, 18, self.number, at),
            files: self.files.path().join(name),
        };
        let Host {
            namespace, plug, ..
        } = &host;
        ip(&format!("netns add {namespace}"))?;
        let run = host.files.join("run");
        fs::create_dir_all(&run)?;
        open_to_all(&host.files)?;
        open_to_all(&run)?;
        // Nobody answers there: a name that is not in the file of names cannot be found, and that takes its time.
        let nobody = format!("nameserver 198.18.{}.254\noptions timeout:1\n", self.number);
        fs::write(host.files.join("resolv.conf"), nobody)?;
        ip(&format!(
            "link add {plug} type veth peer name eth0 netns {namespace}"
        ))?;
        ip(&format!("link set {plug} master husk{} up", self.number))?;
        host.add_address(host.address)?;
        ip(&format!("-n {namespace} link set eth0 up"))?;
        ip(&format!("-n {namespace} link set lo up"))?;
        Ok(host)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in &self.hosts {
            let _ = ip(&format!("netns del {}", host.namespace));
            // Programs that still run keep the namespace, but not the cable.
            let _ = ip(&format!("link del {}", host.plug));
        }
        let _ = ip(&format!("link del husk{}", self.number));
    }
}

/// One machine of a [`Network`].
#[derive(Clone, Debug)]
pub struct Host {
    name: String,
    namespace: String,
    /// The end of its cable at the bridge.
    plug: String,
    address: Ipv4Addr,
    files: PathBuf,
}

impl Host {
    /// Its address, which the test can reach.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Its name, which the other machines can look up.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A program to be run on this machine. The process started is the program itself.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, "sh", "-c", MOUNTS]);
        command.arg(&self.files).arg(program);
        command
    }

    /// Pulls the machine's cable: nothing comes through, and nobody is told.
    pub fn unplug(&self) -> io::Result<()> {
        ip(&format!("link set {} down", self.plug))
    }

    /// Plugs the cable in again.
    pub fn plug(&self) -> io::Result<()> {
        ip(&format!("link set {} up", self.plug))
    }

    /// Gives the machine one more address of its network.
    pub fn add_address(&self, address: Ipv4Addr) -> io::Result<()> {
        let namespace = &self.namespace;
        ip(&format!("-n {namespace} addr add {address}/24 dev eth0"))
    }

    /// Takes an address away from the machine.
    pub fn remove_address(&self, address: Ipv4Addr) -> io::Result<()> {
        let namespace = &self.namespace;
        ip(&format!("-n {namespace} addr del {address}/24 dev eth0"))
    }

    /// From now on the machine knows these names, in the format of hosts(5), and no others but its own.
    pub fn names(&self, lines: &str) -> io::Result<()> {
        let text = format!("127.0.0.1 localhost\n{lines}");
        fs::write(self.files.join("hosts"), text)
    }

    /// Its line in a file of host names.
    pub fn line(&self) -> String {
        format!("{} {}\n", self.address, self.name)
    }
}

/// Makes a bridge with the first free number.
fn bridge() -> io::Result<u8> {
    let mut last = io::Error::other("no number is free");
    // Tests that start at once should not all try the same numbers.
    let start = std::process::id() % u32::from(NETWORKS);
    for step in 0..NETWORKS {
        let number = (start + u32::from(step)) % u32::from(NETWORKS);
        match ip(&format!("link add husk{number} type bridge")) {
            Ok(()) => {
                let number = u8::try_from(number).map_err(io::Error::other)?;
                ip(&format!("addr add 198.18.{number}.1/24 dev husk{number}"))?;
                ip(&format!("link set husk{number} up"))?;
                return Ok(number);
            }
            Err(error) => last = error,
        }
        // Only a number that is taken is a reason to try the next.
        if !last.to_string().contains("exists") {
            break;
        }
    }
    Err(last)
}

fn ip(words: &str) -> io::Result<()> {
    let output = Command::new("ip")
        .args(words.split_ascii_whitespace())
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("ip {words}: {}", said.trim())))
}

/// Programs that have given up being root live here too.
fn open_to_all(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rig::wait_until;
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    /// Nobody listens, so a machine that is reached refuses, and one that is not says nothing.
    fn is_reached(address: Ipv4Addr) -> bool {
        let address = SocketAddr::from((address, 9));
        let error = TcpStream::connect_timeout(&address, Duration::from_millis(300)).unwrap_err();
        error.kind() == io::ErrorKind::ConnectionRefused
    }

    #[test]
    fn machines_are_reached_while_their_cables_are_plugged_in() {
        if !possible() {
            return crate::skip("network namespaces need root and iproute2");
        }
        let network = Network::new(&["one", "two"]).unwrap();
        let [one, two] = ["one", "two"].map(|name| network.host(name).unwrap());
        assert!(is_reached(one.address()) && is_reached(two.address()));
        one.unplug().unwrap();
        assert!(!is_reached(one.address()) && is_reached(two.address()));
        one.plug().unwrap();
        // Who was not there a moment ago is not asked for at once.
        let patience = Duration::from_secs(5);
        wait_until(patience, || is_reached(one.address())).unwrap();
        let more = Ipv4Addr::new(198, 18, network.number, 77);
        two.add_address(more).unwrap();
        wait_until(patience, || is_reached(more)).unwrap();
    }

    #[test]
    fn machines_have_names_of_their_own() {
        if !possible() {
            return crate::skip("network namespaces need root and iproute2");
        }
        let network = Network::new(&["one", "two"]).unwrap();
        let [one, two] = ["one", "two"].map(|name| network.host(name).unwrap());
        let ask = |host: &Host| {
            host.command("getent")
                .args(["hosts", "two"])
                .output()
                .unwrap()
        };
        let said = String::from_utf8_lossy(&ask(&one).stdout).into_owned();
        assert!(said.starts_with(&two.address().to_string()), "{said}");
        one.names("").unwrap();
        assert_eq!(ask(&one).stdout, b"");
        assert!(ask(&two).status.success());
    }
}
