//! Debian's packages of the incumbent, for tests against real peers.
//!
//! Installing them must not start their services: a policy file forbids it meanwhile. Without root or apt-get nothing
//! happens and the tests that need the packages report themselves as skipped.

use crate::layout;
use crate::steps::succeed;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Package and a program that shows it is there.
const PACKAGES: &[(&str, &str)] = &[
    ("nut-client", "/usr/bin/upsc"),
    ("nut-server", "/usr/sbin/upsd"),
    // Certificates for the incumbent's programs, networks of several machines, clocks that jump.
    ("libnss3-tools", "/usr/bin/certutil"),
    ("iproute2", "/usr/sbin/ip"),
    // Agents and the incumbent's driver for them.
    ("snmpd", "/usr/sbin/snmpd"),
    ("snmp", "/usr/bin/snmpget"),
    ("nut-snmp", "/lib/nut/snmp-ups"),
    ("libfaketime", "/usr/share/doc/libfaketime/copyright"),
    // Outlets that switch, with a controller of its own, and the incumbent's driver for them.
    ("powerman", "/usr/sbin/vpcd"),
    ("nut-powerman-pdu", "/lib/nut/powerman-pdu"),
];

/// Unpacked below `target/apcupsd` and not installed: the daemon would push the incumbent's clients out.
const APCUPSD: &[&str] = &["apcupsd", "libusb-0.1-4"];

const POLICY: &str = "/usr/sbin/policy-rc.d";
/// 101: "action forbidden by policy".
const FORBID: &str = "#!/bin/sh\nexit 101\n";

/// Installs what the tests need and is missing, if this user may.
pub(crate) fn install() -> anyhow::Result<String> {
    let installed = ensure(PACKAGES)?;
    let root = layout::target().join("apcupsd");
    if root.join("sbin/apcupsd").exists() {
        return Ok(installed);
    }
    // Tests that need it report themselves.
    Ok(match unpack(APCUPSD, &root) {
        Ok(()) => format!("{installed}; unpacked apcupsd"),
        Err(error) => format!("{installed}; apcupsd could not be unpacked: {error:#}"),
    })
}

/// Downloads packages and unpacks them into a directory; needs apt-get and a network but not root.
pub(crate) fn unpack<S: AsRef<OsStr>>(packages: &[S], root: &Path) -> anyhow::Result<()> {
    let downloads = root.join("packages");
    fs::create_dir_all(&downloads)?;
    let download = || {
        let mut apt = apt_get("download");
        succeed(
            apt.arg("-q")
                .args(packages)
                .current_dir(&downloads)
                .stdout(Stdio::null()),
        )
    };
    // Package lists may be absent, or older than what the archive still has.
    download().or_else(|_| {
        succeed(&mut apt_get("update"))?;
        download()
    })?;
    for package in fs::read_dir(&downloads)? {
        let mut dpkg = Command::new("dpkg-deb");
        succeed(dpkg.arg("-x").arg(package?.path()).arg(root))?;
    }
    Ok(fs::remove_dir_all(&downloads)?)
}

/// Installs of `packages` what is missing, if this user may; says what came of it. Each stands with a file that shows it is
/// there.
pub(crate) fn ensure(packages: &[(&str, &str)]) -> anyhow::Result<String> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|(_, program)| !Path::new(program).exists())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok("installed already".to_owned());
    }
    if !is_root()? || !Path::new("/usr/bin/apt-get").exists() {
        return Ok(format!(
            "{} missing, and only root can install it with apt-get",
            missing.join(", ")
        ));
    }
    // Without a network the tests still run; those that need a peer report themselves.
    Ok(match fetch(&missing) {
        Ok(()) => format!("installed {}", missing.join(", ")),
        Err(error) => format!("{} could not be installed: {error:#}", missing.join(", ")),
    })
}

fn fetch(packages: &[&str]) -> anyhow::Result<()> {
    let _policy = Policy::forbid_services()?;
    let install = || {
        let mut apt = apt_get("install");
        succeed(apt.args(["-y", "--no-install-recommends"]).args(packages))
    };
    // Package lists may be absent, or older than what the archive still has.
    install().or_else(|_| {
        succeed(&mut apt_get("update"))?;
        install()
    })
}

fn is_root() -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    // Its owner is the effective user.
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

fn apt_get(verb: &str) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").arg(verb);
    command
}

/// The policy file while it is ours; somebody else's is left alone.
struct Policy {
    ours: bool,
}

impl Policy {
    fn forbid_services() -> io::Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        let policy = Self { ours: true };
        fs::write(POLICY, FORBID)?;
        fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        Ok(policy)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
