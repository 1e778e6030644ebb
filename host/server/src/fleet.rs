//! All supervised devices: started, changed and ended as the configuration says, and led from one plugin
//! to the next, one device after the other.
//!
//! A plugin is replaced everywhere or nowhere: the first device that does not take the new one (the canary)
//! ends the attempt, and those that had changed are changed back.

mod drivers;

use crate::config::Config;
use crate::device::{self, Handle, Order, Setup, Site, Swapped};
use crate::driver::Known;
use crate::limits;
use crate::published::{Listed, Published, lock};
use husk_core::conf::ups::Section;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot};

/// The devices in force.
pub(crate) struct Fleet {
    site: Arc<Site>,
    devices: Mutex<Vec<Fielded>>,
    /// One plugin is replaced at a time.
    swapping: tokio::sync::Mutex<()>,
    /// Held by every task; all gone means all ended.
    alive: mpsc::WeakSender<()>,
}

struct Fielded {
    handle: Handle,
    setup: Setup,
}

impl Fleet {
    pub(crate) fn new(site: Arc<Site>, alive: mpsc::WeakSender<()>) -> Self {
        Self {
            site,
            devices: Mutex::default(),
            swapping: tokio::sync::Mutex::default(),
            alive,
        }
    }

    /// Makes the devices those of the configuration. Devices that are new come first, as with upsd; those
    /// that did not change do not notice.
    pub(crate) async fn apply(&self, config: &Config) -> Vec<Listed> {
        let mut changed = Vec::new();
        let listed = {
            let mut devices = lock(&self.devices);
            let mut before = std::mem::take(&mut *devices);
            let (mut new, mut kept) = (Vec::new(), Vec::new());
            for section in &config.ups.sections {
                let setup = setup(section, config);
                let known = before
                    .iter()
                    .position(|fielded| *fielded.handle.published.name == *section.name);
                match known.map(|place| before.remove(place)) {
                    Some(mut fielded) => {
                        if fielded.setup.differs_from(&setup) {
                            changed.push((fielded.handle.orders.clone(), setup.clone()));
                        }
                        fielded.setup = setup;
                        kept.push(fielded);
                    }
                    None => new.push(self.start(setup)),
                }
            }
            for gone in before {
                log::info!(
                    "UPS [{}] is no longer configured",
                    gone.handle.published.name
                );
            }
            new.append(&mut kept);
            *devices = new;
            devices.iter().map(Fielded::listed).collect()
        };
        for (orders, setup) in changed {
            // A supervisor that takes no order in this time is in a call that has its own deadline.
            let order = orders.send_timeout(Order::Configure(Box::new(setup)), limits::SWAP);
            if order.await.is_err() {
                log::error!("a device did not take its new configuration; restart the server");
            }
        }
        listed
    }

    /// Ends all supervisors.
    pub(crate) fn dismiss(&self) {
        lock(&self.devices).clear();
    }

    /// One line per UPS for the operator.
    pub(crate) fn status(&self) -> String {
        let mut text = String::new();
        for fielded in lock(&self.devices).iter() {
            let published = &fielded.handle.published;
            let note = published.note();
            let freshness = format!("{:?}", published.snapshot().freshness).to_lowercase();
            // Writing into a String does not fail.
            let _ = write!(
                text,
                "{}\t{freshness}\t{}\t{}",
                published.name, note.doing, note.plugin
            );
            if !note.trouble.is_empty() {
                let _ = write!(text, "\t{}", note.trouble);
            }
            text.push('\n');
        }
        text
    }

    /// Changes every device of a plugin over to its newest file.
    ///
    /// # Errors
    /// One line per device, or why no attempt was made; the old plugin runs everywhere.
    pub(crate) async fn replace_plugin(&self, word: &str) -> Result<String, String> {
        let _turn = self.swapping.lock().await;
        let registry = &self.site.registry;
        let mut named = registry.named(word).unwrap_or_default();
        if named.len() > 1 {
            let names: Vec<&str> = named.iter().map(|known| known.about().name()).collect();
            return Err(format!(
                "{word} means {}; name the one to change over\n",
                names.join(" and ")
            ));
        }
        let before = named.pop();
        let name = before.as_ref().map_or(word, |known| known.about().name());
        let next = registry
            .candidate(name)
            .await
            .map_err(|reason| format!("{reason}\n"))?;
        let crew = self.crew(name);
        let mut report = String::new();
        let mut done = Vec::new();
        for (published, orders) in &crew {
            match swap(orders, &next).await {
                Ok(Swapped::Replaced) => {
                    let _ = writeln!(report, "{}: changed to {next}", published.name);
                }
                Ok(Swapped::Adopted) => {
                    let _ = writeln!(
                        report,
                        "{}: not running, starts with {next}",
                        published.name
                    );
                }
                Err(reason) => {
                    let _ = writeln!(report, "{}: not changed: {reason}", published.name);
                    if let Some(before) = &before {
                        roll_back(before, &done, &mut report).await;
                    }
                    return Err(report);
                }
            }
            done.push((Arc::clone(published), orders.clone()));
        }
        if crew.is_empty() {
            let _ = writeln!(report, "{next} is in force; no UPS uses it");
        }
        registry.adopt(next);
        Ok(report)
    }

    /// Changes over to every plugin file that is newer than what runs.
    pub(crate) async fn replace_outdated(&self) {
        for name in self.site.registry.outdated().await {
            match self.replace_plugin(&name).await {
                Ok(report) => log::info!("plugin {name}: {}", report.trim_end()),
                Err(report) => log::error!("plugin {name}: {}", report.trim_end()),
            }
        }
    }

    fn start(&self, setup: Setup) -> Fielded {
        let (handle, life) = device::supervise(Arc::clone(&self.site), setup.clone());
        let alive = self.alive.upgrade();
        tokio::spawn(async move {
            life.await;
            drop(alive);
        });
        Fielded { handle, setup }
    }

    /// The devices whose `driver` means the plugin.
    fn crew(&self, name: &str) -> Vec<(Arc<Published>, mpsc::Sender<Order>)> {
        let is_ours = |fielded: &&Fielded| {
            if fielded.setup.extras.program {
                return false;
            }
            let found = self.site.registry.find(&fielded.setup.section);
            found.is_ok_and(|known| known.about().name() == name)
        };
        let devices = lock(&self.devices);
        let crew = devices.iter().filter(is_ours).map(|fielded| {
            let handle = &fielded.handle;
            (Arc::clone(&handle.published), handle.orders.clone())
        });
        crew.collect()
    }
}

impl Fielded {
    fn listed(&self) -> Listed {
        Listed {
            published: Arc::clone(&self.handle.published),
            desc: self.setup.section.desc.as_deref().map(Arc::from),
        }
    }
}

fn setup(section: &Section, config: &Config) -> Setup {
    Setup {
        section: section.clone(),
        global: config.ups.global.clone(),
        max_age: config.upsd.max_age,
        extras: config.extras.device(&section.name),
    }
}

async fn swap(orders: &mpsc::Sender<Order>, known: &Known) -> Result<Swapped, String> {
    let (reply, answer) = oneshot::channel();
    let swap = async {
        orders.send(Order::Swap(known.clone(), reply)).await.ok()?;
        answer.await.ok()
    };
    match tokio::time::timeout(limits::SWAP, swap).await {
        Ok(Some(answer)) => answer,
        Ok(None) => Err("its supervisor has ended".to_owned()),
        Err(_) => Err(format!("no answer within {} s", limits::SWAP.as_secs())),
    }
}

async fn roll_back(
    before: &Known,
    done: &[(Arc<Published>, mpsc::Sender<Order>)],
    report: &mut String,
) {
    for (published, orders) in done {
        let _ = match swap(orders, before).await {
            Ok(_) => writeln!(report, "{}: changed back to {before}", published.name),
            Err(reason) => writeln!(report, "{}: NOT changed back: {reason}", published.name),
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::driver::fake::{Fake, Script};
    use crate::driver::{Call, Driver};
    use crate::published::Clock;
    use crate::registry::{Loader, Registry};
    use husk_core::conf::ups;
    use husk_core::proto::tracking::Tracking;
    use husk_core::report::Failure;
    use husk_core::state::Freshness;
    use std::path::PathBuf;
    use std::time::Duration;

    /// Bundles version 1; a file's text is its version, and `bad` is one that the second device does not take.
    struct Versions;

    impl Loader for Versions {
        fn bundled(&self) -> Call<'_, Vec<Result<Arc<dyn Driver>, String>>> {
            Box::pin(async {
                let fake: Arc<dyn Driver> = Arc::new(Fake::new("fake", "1", Script::default()));
                vec![Ok(fake)]
            })
        }

        fn load<'a>(&'a self, wasm: &'a [u8]) -> Call<'a, Result<Arc<dyn Driver>, String>> {
            let version = String::from_utf8_lossy(wasm);
            let script = Script::default();
            if version == "bad" {
                let not_mine = Failure::NotMine("another box".to_owned());
                script.opens.lock().unwrap().extend([None, Some(not_mine)]);
            }
            let fake: Arc<dyn Driver> = Arc::new(Fake::new("fake", &version, script));
            Box::pin(async move { Ok(fake) })
        }
    }

    struct Rig {
        dir: PathBuf,
        fleet: Fleet,
        _alive: (mpsc::Sender<()>, mpsc::Receiver<()>),
    }

    impl Drop for Rig {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }

    async fn rig(name: &str) -> Rig {
        let dir = std::env::temp_dir().join(format!("husk-fleet-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("x.dev"), "").unwrap();
        let registry = Registry::open(Box::new(Versions), vec![dir.clone()]).await;
        let site = Arc::new(Site {
            clock: Clock::start(),
            registry: Arc::new(registry),
            tracking: Arc::new(Mutex::new(Tracking::new(Duration::from_secs(60)))),
            config_dir: dir.clone(),
            state_path: dir.clone(),
            reload: mpsc::channel(1).0,
            sockets_only: false,
        });
        let alive = mpsc::channel(1);
        let fleet = Fleet::new(site, alive.0.downgrade());
        Rig {
            dir,
            fleet,
            _alive: alive,
        }
    }

    impl Rig {
        async fn configure(&self, names: &[&str]) -> Vec<String> {
            let sections = names
                .iter()
                .map(|name| format!("[{name}]\n driver = fake\n port = x.dev\n"));
            let text: String = sections.collect();
            let config = Config {
                ups: ups::parse("ups.conf", text.as_bytes()).0,
                ..Config::default()
            };
            let listed = self.fleet.apply(&config).await;
            while listed
                .iter()
                .any(|ups| ups.published.snapshot().freshness != Freshness::Fresh)
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let names = listed.iter().map(|ups| ups.published.name.to_string());
            names.collect()
        }

        fn versions(&self) -> Vec<String> {
            let devices = lock(&self.fleet.devices);
            let versions = devices.iter().map(|fielded| {
                let snapshot = fielded.handle.published.snapshot();
                snapshot.variable("ups.firmware").unwrap().value.clone()
            });
            versions.collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn devices_that_are_new_come_first_and_those_that_stay_are_the_same() {
        let rig = rig("order").await;
        assert_eq!(rig.configure(&["a", "b"]).await, ["a", "b"]);
        let kept = Arc::clone(&lock(&rig.fleet.devices).get(1).unwrap().handle.published);
        kept.force_shutdown();
        assert_eq!(rig.configure(&["b", "c"]).await, ["c", "b"]);
        let after = Arc::clone(&lock(&rig.fleet.devices).get(1).unwrap().handle.published);
        assert!(Arc::ptr_eq(&kept, &after));
        assert_eq!(rig.fleet.status().lines().count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_is_replaced_on_all_devices_or_on_none() {
        let rig = rig("all-or-none").await;
        rig.configure(&["a", "b", "c"]).await;
        let file = rig.dir.join("fake.wasm");
        std::fs::write(&file, "bad").unwrap();
        let report = rig.fleet.replace_plugin("fake-alias").await.unwrap_err();
        let lines: Vec<&str> = report.lines().collect();
        assert!(
            lines.first().unwrap().starts_with("a: changed to fake bad"),
            "{report}"
        );
        assert!(
            lines.get(1).unwrap().starts_with("b: not changed: "),
            "{report}"
        );
        assert_eq!(lines.get(2), Some(&"a: changed back to fake 1 (bundled)"));
        assert_eq!(rig.versions(), ["1", "1", "1"]);

        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, "2").unwrap();
        let report = rig.fleet.replace_plugin("fake").await.unwrap();
        assert_eq!(report.lines().count(), 3, "{report}");
        assert_eq!(rig.versions(), ["2", "2", "2"]);

        // Without its file the bundled one is the newest again.
        std::fs::remove_file(&file).unwrap();
        rig.fleet.replace_outdated().await;
        assert_eq!(rig.versions(), ["1", "1", "1"]);
    }
}
