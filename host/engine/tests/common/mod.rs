//! What the tests of this crate share: finding the compile helper and the guests, and a directory to play in.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use husk_engine::{Compiler, Grant, Instance, LogSink, Plugin, Sandbox, Transport};
use husk_ports::Port;

/// The grant of everything the guests here speak over.
pub const FILES: Grant = Grant {
    transport: Transport::Files,
    modem_lines: false,
};

/// Built by `cargo xtask test`; tests that lack them say so and pass, and CI counts that as a failure.
pub struct Built {
    pub helper: PathBuf,
    pub hostile: Vec<u8>,
    pub megatec: Vec<u8>,
    pub apc_smart: Vec<u8>,
}

pub fn built() -> Option<Built> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let helper = std::env::var_os("HUSK_COMPILE")
        .map_or_else(|| target.join("helper/husk-compile"), PathBuf::from);
    let guests = std::env::var_os("HUSK_GUESTS").map_or_else(
        || target.join("wasm32-unknown-unknown/plugin"),
        PathBuf::from,
    );
    let guest = |name: &str| fs::read(guests.join(name));
    let hostile = guest("husk_hostile.wasm");
    let megatec = guest("husk_plugin_megatec.wasm");
    let apc_smart = guest("husk_plugin_apc_smart.wasm");
    let (Ok(helper), Ok(hostile), Ok(megatec), Ok(apc_smart)) =
        (helper.canonicalize(), hostile, megatec, apc_smart)
    else {
        skip("husk-compile or a guest is not built; run cargo xtask test");
        return None;
    };
    Some(Built {
        helper,
        hostile,
        megatec,
        apc_smart,
    })
}

/// Said where the test runner's capturing of output cannot hide it, and noted in the file CI looks at.
pub fn skip(why: &str) {
    let line = format!("SKIPPED: {why}\n");
    let _ = std::io::stderr().write_all(format!("\n{line}").as_bytes());
    if let Some(path) = std::env::var_os("HUSK_SKIPS_FILE") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }
}

impl Built {
    pub fn compiler(&self) -> Compiler {
        Compiler {
            program: self.helper.clone(),
            cache_dir: None,
        }
    }

    pub fn compiler_with(&self, cache: &Path) -> Compiler {
        Compiler {
            cache_dir: Some(cache.to_path_buf()),
            ..self.compiler()
        }
    }

    pub async fn plugin(&self) -> Arc<Plugin> {
        let sandbox = Sandbox::new().unwrap();
        sandbox.load(&self.hostile, &self.compiler()).await.unwrap()
    }

    /// What the helper answers to some input: exit status, stdout, stderr.
    pub fn helper(&self, option: &str, input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
        let mut child = Command::new(&self.helper)
            .arg(option)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(input);
        let done = child.wait_with_output().unwrap();
        let message = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.code(), done.stdout, message)
    }
}

/// A directory that vanishes.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("husk-engine-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        mode(&path, 0o700);
        Self(path)
    }

    pub async fn port(&self) -> Port {
        Port::Files(husk_ports::files::open(&self.0).await.unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A log that can be looked at.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub fn sink(&self) -> LogSink {
        let lines = Arc::clone(&self.0);
        Arc::new(move |level, line: &str| lines.lock().unwrap().push(format!("{level} {line}")))
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

pub async fn open(
    plugin: &Arc<Plugin>,
    port: Port,
    options: &[(&str, &str)],
    log: &Lines,
) -> Result<Instance, husk_core::report::Failure> {
    plugin
        .open(&FILES, port, &settings(options), None, log.sink())
        .await
}
