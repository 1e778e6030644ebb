//! The registry against files that appear, change and lie.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::driver::fake::{Fake, Script};
use husk_engine::Transport;
use std::os::unix::fs::PermissionsExt as _;

/// "Loads" texts of the form `name version`, perhaps with ` transport alias`; anything else is broken.
struct Texts(Vec<&'static str>);

fn parse(text: &[u8]) -> Result<Arc<dyn Driver>, String> {
    let text = String::from_utf8_lossy(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let fake = |name, version| Fake::new(name, version, Script::default());
    match *words.as_slice() {
        [name, version] => Ok(Arc::new(fake(name, version))),
        [name, version, "usb", alias] => {
            Ok(Arc::new(fake(name, version).over(Transport::Usb, alias)))
        }
        [name, version, "serial", alias] => {
            Ok(Arc::new(fake(name, version).over(Transport::Serial, alias)))
        }
        _ => Err("not a component".to_owned()),
    }
}

impl Loader for Texts {
    fn bundled(&self) -> Call<'_, Vec<Result<Arc<dyn Driver>, String>>> {
        Box::pin(async { self.0.iter().map(|text| parse(text.as_bytes())).collect() })
    }

    fn load<'a>(&'a self, wasm: &'a [u8]) -> Call<'a, Result<Arc<dyn Driver>, String>> {
        Box::pin(async move { parse(wasm) })
    }
}

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("husk-registry-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn write(&self, file: &str, text: &str) {
        // A new inode each time, as installers do it; also settled at once for `rescan`.
        let temporary = self.0.join("new");
        std::fs::write(&temporary, text).unwrap();
        let old = SystemTime::now() - Duration::from_secs(5);
        std::fs::File::open(&temporary)
            .unwrap()
            .set_modified(old)
            .unwrap();
        std::fs::rename(temporary, self.0.join(file)).unwrap();
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn open(dir: &Dir, bundled: &[&'static str]) -> Registry {
    Registry::open(Box::new(Texts(bundled.to_vec())), vec![dir.0.clone()]).await
}

/// The plugin of a section that says no more than its driver.
fn find(registry: &Registry, driver: &str) -> Result<Known, String> {
    find_for(registry, driver, "lab.dev")
}

fn find_for(registry: &Registry, driver: &str, port: &str) -> Result<Known, String> {
    registry.find(&Section {
        driver: driver.to_owned(),
        port: port.to_owned(),
        ..Section::default()
    })
}

fn version(found: Result<Known, String>) -> String {
    found.unwrap().about().description.version.clone()
}

#[tokio::test]
async fn a_file_wins_over_the_bundled_plugin_at_the_start() {
    let dir = Dir::new("wins");
    dir.write("any-name.wasm", "megatec 2");
    let registry = open(&dir, &["megatec 1", "dummy-ups 1"]).await;
    assert_eq!(version(find(&registry, "megatec")), "2");
    assert_eq!(version(find(&registry, "dummy-ups")), "1");
    assert_eq!(version(find(&registry, "megatec-alias")), "2");
    let reason = find(&registry, "megatek").unwrap_err();
    assert!(reason.contains("did you mean `megatec`"), "{reason}");
}

#[tokio::test]
async fn a_new_name_comes_into_force_by_itself_and_a_known_one_waits() {
    let dir = Dir::new("appears");
    let registry = open(&dir, &["megatec 1"]).await;
    let mut changes = registry.changes();
    dir.write("b.wasm", "brandnew 1");
    registry.rescan().await;
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(version(find(&registry, "brandnew")), "1");

    dir.write("m.wasm", "megatec 2");
    registry.rescan().await;
    assert!(!changes.has_changed().unwrap());
    assert_eq!(version(find(&registry, "megatec")), "1");
    assert_eq!(registry.outdated().await, ["megatec"]);
    let candidate = registry.candidate("megatec").await.unwrap();
    registry.adopt(candidate);
    assert_eq!(version(find(&registry, "megatec")), "2");
    assert!(registry.outdated().await.is_empty());
}

#[tokio::test]
async fn a_file_that_broke_is_no_reason_to_fall_back_silently() {
    let dir = Dir::new("broke");
    dir.write("m.wasm", "megatec 2");
    let registry = open(&dir, &["megatec 1"]).await;
    dir.write("m.wasm", "garbage");
    let reason = registry.candidate("megatec").await.unwrap_err();
    assert!(reason.ends_with("m.wasm: not a component"), "{reason}");
    assert_eq!(version(find(&registry, "megatec")), "2");
    assert_eq!(registry.listing().broken.len(), 1);

    std::fs::remove_file(dir.0.join("m.wasm")).unwrap();
    assert_eq!(version(registry.candidate("megatec").await), "1");
    assert_eq!(registry.outdated().await, ["megatec"]);
}

#[tokio::test]
async fn only_the_same_bytes_are_trusted_like_the_bundled_plugin() {
    let dir = Dir::new("trust");
    dir.write("a.wasm", "megatec 1");
    dir.write("b.wasm", "dummy-ups 2");
    let registry = open(&dir, &["megatec 1", "dummy-ups 1"]).await;
    assert!(find(&registry, "megatec").unwrap().trusted);
    assert!(!find(&registry, "dummy-ups").unwrap().trusted);
}

#[tokio::test]
async fn a_file_that_everybody_may_write_is_refused() {
    let dir = Dir::new("world");
    dir.write("m.wasm", "megatec 2");
    let open_to_all = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(dir.0.join("m.wasm"), open_to_all).unwrap();
    let registry = open(&dir, &[]).await;
    assert!(find(&registry, "megatec").is_err());
    assert!(registry.listing().broken[0].1.contains("everybody"));
}

#[tokio::test]
async fn a_file_still_being_copied_is_left_for_the_next_look() {
    let dir = Dir::new("copying");
    let registry = open(&dir, &[]).await;
    std::fs::write(dir.0.join("n.wasm"), "new").unwrap();
    registry.rescan().await;
    assert!(registry.listing().broken.is_empty());
    // Somebody who asks is told.
    assert!(registry.candidate("n").await.is_err());
    assert_eq!(registry.listing().broken.len(), 1);
}

#[tokio::test]
async fn of_two_plugins_with_one_alias_the_port_decides() {
    let dir = Dir::new("two");
    let bundled = [
        "megatec 1 serial nutdrv_qx",
        "megatec-usb 1 usb nutdrv_qx",
        "dummy-ups 1",
    ];
    let registry = open(&dir, &bundled).await;
    let name = |driver: &str, port: &str| {
        find_for(&registry, driver, port).map(|known| known.about().name().to_owned())
    };
    for (port, plugin) in [
        ("auto", "megatec-usb"),
        ("usbip:/run/sim", "megatec-usb"),
        ("/dev/ttyS0", "megatec"),
        ("/tmp/pty", "megatec"),
    ] {
        assert_eq!(name("nutdrv_qx", port).unwrap(), plugin, "{port}");
    }
    for port in ["ups.example:4001", "whatever", ""] {
        let reason = name("nutdrv_qx", port).unwrap_err();
        let both = "megatec (serial) or megatec-usb (usb)";
        assert!(reason.contains(both) && reason.contains(port), "{reason}");
    }
    // A name is one plugin whatever the port.
    assert_eq!(name("megatec", "auto").unwrap(), "megatec");
    assert_eq!(
        name("megatec-usb-alias", "/dev/ttyS0").unwrap(),
        "megatec-usb"
    );
    let both = registry.named("nutdrv_qx").unwrap();
    assert_eq!(both.len(), 2);
    assert!(
        registry
            .named("nutdrv_qq")
            .unwrap_err()
            .contains("did you mean `nutdrv_qx`")
    );

    // A file of one of the names replaces that one only.
    dir.write("m.wasm", "megatec-usb 2 usb nutdrv_qx");
    let candidate = registry.candidate("megatec-usb").await.unwrap();
    registry.adopt(candidate);
    assert_eq!(version(find_for(&registry, "nutdrv_qx", "auto")), "2");
    assert_eq!(version(find_for(&registry, "nutdrv_qx", "/dev/ttyS0")), "1");
}
