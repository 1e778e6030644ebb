//! Which plugins there are: the bundled ones and the files in the plugin directories.
//!
//! A file wins over a bundled plugin of the same name, and a file in a later directory over one in an
//! earlier. What is *in force* changes only when nothing of that name was there before, or by
//! [`Registry::adopt`] after a proven swap: a file that merely appears never replaces a running driver.
//! It refuses files that everybody may write, and says which file is to blame for what.
//!
//! Two plugins may answer to one word when they speak over different kinds of port: `nutdrv_qx` is a serial driver and a USB
//! driver. Then the port of the section decides, and where it does not, nobody does.

use crate::device::place;
use crate::driver::{Call, Driver, Known, Origin};
use crate::limits;
use crate::published::lock;
use husk_core::conf::ups::Section;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Makes plugins of bytes; the engine, or a test.
pub(crate) trait Loader: Send + Sync {
    /// Every plugin that is part of the program; those that do not load are reasons.
    fn bundled(&self) -> Call<'_, Vec<Result<Arc<dyn Driver>, String>>>;
    /// The plugin in a file.
    fn load<'a>(&'a self, wasm: &'a [u8]) -> Call<'a, Result<Arc<dyn Driver>, String>>;
}

/// All plugins known.
pub(crate) struct Registry {
    loader: Box<dyn Loader>,
    dirs: Vec<PathBuf>,
    known: Mutex<Plugins>,
    changes: watch::Sender<u64>,
    /// One scan at a time.
    scanning: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Plugins {
    in_force: BTreeMap<String, Known>,
    bundled: BTreeMap<String, Known>,
    /// In the order of the directories, then by name.
    files: BTreeMap<(usize, PathBuf), Seen>,
}

/// A file as it was when last looked at.
struct Seen {
    stamp: Stamp,
    /// The name it told, now or before it broke; else its file name.
    name: String,
    plugin: Result<Known, String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    inode: u64,
}

/// When a scan trusts a file to be complete.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Haste {
    /// Somebody asked: everything that is there.
    Now,
    /// A file still being copied is left for the next scan.
    Settled,
}

/// What an operator is shown.
pub(crate) struct Listing {
    pub(crate) plugins: Vec<Known>,
    /// Files that are no plugin, and why.
    pub(crate) broken: Vec<(PathBuf, String)>,
}

impl Registry {
    /// Loads what is bundled and what is in the directories.
    pub(crate) async fn open(loader: Box<dyn Loader>, dirs: Vec<PathBuf>) -> Self {
        let mut plugins = Plugins::default();
        for plugin in loader.bundled().await {
            match plugin {
                Ok(driver) => {
                    let name = driver.about().name().to_owned();
                    let known = Known {
                        driver,
                        origin: Origin::Bundled,
                        trusted: true,
                    };
                    plugins.bundled.insert(name, known);
                }
                Err(reason) => log::error!("a bundled plugin cannot be used: {reason}"),
            }
        }
        plugins.in_force = plugins.bundled.clone();
        let registry = Self {
            loader,
            dirs,
            known: Mutex::new(plugins),
            changes: watch::Sender::new(0),
            scanning: tokio::sync::Mutex::default(),
        };
        registry.scan(Haste::Now).await;
        registry.prefer_files();
        registry
    }

    /// Counts up whenever a plugin comes into force.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The plugin in force for a section: the one that its `driver` means, of several the one that its port is for.
    ///
    /// # Errors
    /// A sentence: with the nearest names there are, or what the port would have to look like.
    pub(crate) fn find(&self, section: &Section) -> Result<Known, String> {
        let named = self.named(&section.driver)?;
        if let [only] = named.as_slice() {
            return Ok(only.clone());
        }
        let wanted = place::look(section);
        let fits = |known: &&Known| {
            let offered = &known.about().transports;
            wanted.is_some_and(|transport| offered.contains(&transport))
        };
        named
            .iter()
            .find(fits)
            .cloned()
            .ok_or_else(|| unfit(section, &named))
    }

    /// The plugins in force that `driver = word` may mean: the one of that name, else all with that alias; never none.
    ///
    /// # Errors
    /// A sentence with the nearest names there are.
    pub(crate) fn named(&self, word: &str) -> Result<Vec<Known>, String> {
        let known = lock(&self.known);
        let plugins = || known.in_force.values();
        if let Some(found) = known.in_force.get(word) {
            return Ok(vec![found.clone()]);
        }
        let also: Vec<Known> = plugins()
            .filter(|plugin| plugin.about().answers_to(word))
            .cloned()
            .collect();
        if !also.is_empty() {
            return Ok(also);
        }
        let words = plugins().flat_map(|plugin| {
            let description = &plugin.about().description;
            std::iter::once(&description.name)
                .chain(&description.aliases)
                .map(String::as_str)
        });
        Err(match husk_names::nearest(word, words) {
            Some(near) => {
                format!("there is no plugin for `driver = {word}`; did you mean `{near}`?")
            }
            None => format!(
                "there is no plugin for `driver = {word}`; put one into a plugin directory, or see `husk plugin list`"
            ),
        })
    }

    /// Looks for new files. A plugin of a new name comes into force, others wait for a reload.
    pub(crate) async fn rescan(&self) {
        self.scan(Haste::Settled).await;
    }

    /// The newest plugin of that name, which is not in force yet unless nothing changed.
    ///
    /// # Errors
    /// A sentence: no such plugin, or its file cannot be used.
    pub(crate) async fn candidate(&self, name: &str) -> Result<Known, String> {
        self.scan(Haste::Now).await;
        let known = lock(&self.known);
        let newest = known.files.iter().rev().find(|(_, seen)| seen.name == name);
        if let Some(((_, path), seen)) = newest {
            return match &seen.plugin {
                Ok(plugin) => Ok(plugin.clone()),
                Err(reason) => Err(format!("{}: {reason}", path.display())),
            };
        }
        let bundled = known.bundled.get(name).cloned();
        bundled
            .ok_or_else(|| format!("there is no file with a plugin `{name}`, and none is bundled"))
    }

    /// Names of plugins whose newest file is not the one in force.
    pub(crate) async fn outdated(&self) -> Vec<String> {
        self.scan(Haste::Now).await;
        let known = lock(&self.known);
        let names = known.in_force.iter().filter(|(name, plugin)| {
            let newest = known.files.values().rev().find(|seen| seen.name == **name);
            match newest.map(|seen| &seen.plugin) {
                Some(Ok(newest)) => {
                    newest.about().digest != plugin.about().digest || newest.origin != plugin.origin
                }
                Some(Err(_)) => false,
                None => plugin.origin != Origin::Bundled && known.bundled.contains_key(*name),
            }
        });
        names.map(|(name, _)| name.clone()).collect()
    }

    /// Puts a proven plugin into force.
    pub(crate) fn adopt(&self, plugin: Known) {
        let name = plugin.about().name().to_owned();
        lock(&self.known).in_force.insert(name, plugin);
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn listing(&self) -> Listing {
        let known = lock(&self.known);
        let broken = known.files.iter().filter_map(|((_, path), seen)| {
            let reason = seen.plugin.as_ref().err()?;
            Some((path.clone(), reason.clone()))
        });
        Listing {
            plugins: known.in_force.values().cloned().collect(),
            broken: broken.collect(),
        }
    }

    /// At the start a file wins over what is bundled.
    fn prefer_files(&self) {
        let mut known = lock(&self.known);
        let plugins = &mut *known;
        for seen in plugins.files.values() {
            let Ok(plugin) = &seen.plugin else { continue };
            if plugins.bundled.contains_key(&seen.name) {
                log::info!("plugin {plugin} is used instead of the bundled one");
            }
            plugins.in_force.insert(seen.name.clone(), plugin.clone());
        }
    }

    async fn scan(&self, haste: Haste) {
        let _turn = self.scanning.lock().await;
        let dirs = self.dirs.clone();
        let found = tokio::task::spawn_blocking(move || files(&dirs)).await;
        let found = found.unwrap_or_default();
        lock(&self.known)
            .files
            .retain(|place, _| found.iter().any(|(there, _)| there == place));
        for (place, stamp) in found {
            if haste == Haste::Settled && !stamp.is_settled() {
                continue;
            }
            let before = {
                let known = lock(&self.known);
                let before = known.files.get(&place);
                if before.is_some_and(|seen| seen.stamp == stamp) {
                    continue;
                }
                before.map(|seen| seen.name.clone())
            };
            let plugin = self.load(&place.1).await;
            self.take(place, stamp, before, plugin);
        }
    }

    fn take(
        &self,
        place: (usize, PathBuf),
        stamp: Stamp,
        before: Option<String>,
        plugin: Result<Known, String>,
    ) {
        let path = place.1.display().to_string();
        let stem = || {
            place
                .1
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        };
        let mut known = lock(&self.known);
        let mut news = false;
        let name = match &plugin {
            Ok(plugin) => {
                let name = plugin.about().name().to_owned();
                if !known.in_force.contains_key(&name) {
                    log::info!("plugin {plugin} is there");
                    known.in_force.insert(name.clone(), plugin.clone());
                    news = true;
                } else if before.is_some() {
                    log::info!(
                        "plugin {plugin} waits: `husk plugin reload {name}` changes over to it"
                    );
                }
                name
            }
            Err(reason) => {
                log::error!("plugin {path} cannot be used: {reason}");
                before.or_else(stem).unwrap_or_default()
            }
        };
        known.files.insert(
            place,
            Seen {
                stamp,
                name,
                plugin,
            },
        );
        drop(known);
        if news {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    async fn load(&self, path: &Path) -> Result<Known, String> {
        let meta = tokio::fs::metadata(path)
            .await
            .map_err(|error| error.to_string())?;
        if meta.mode() & 0o002 != 0 {
            return Err("everybody may write this file; chmod o-w it".to_owned());
        }
        if meta.len() > limits::PLUGIN_BYTES {
            return Err(format!("{} bytes are too large for a plugin", meta.len()));
        }
        let wasm = tokio::fs::read(path)
            .await
            .map_err(|error| error.to_string())?;
        let driver = self.loader.load(&wasm).await?;
        let digest = &driver.about().digest;
        let known = lock(&self.known);
        let trusted = known
            .bundled
            .values()
            .any(|plugin| plugin.about().digest == *digest);
        Ok(Known {
            trusted,
            driver,
            origin: Origin::File(path.to_owned()),
        })
    }
}

impl Stamp {
    /// Older than a copy in progress; a clock that runs backwards counts as old.
    fn is_settled(&self) -> bool {
        let age = self.modified.and_then(|at| at.elapsed().ok());
        age.is_none_or(|age| age >= Duration::from_secs(1))
    }
}

/// Why none of several plugins is for the port.
fn unfit(section: &Section, named: &[Known]) -> String {
    let plugins: Vec<String> = named
        .iter()
        .map(|known| {
            let transports = known.about().transports.iter();
            let transports: Vec<String> = transports.map(ToString::to_string).collect();
            format!("{} ({})", known.about().name(), transports.join(", "))
        })
        .collect();
    format!(
        "`driver = {}` means {}, and `port = {}` looks like none of them: a serial line is named by its path, a USB \
         device by `auto`",
        section.driver,
        plugins.join(" or "),
        section.port
    )
}

/// The `.wasm` files of all directories, by place and name.
fn files(dirs: &[PathBuf]) -> Vec<((usize, PathBuf), Stamp)> {
    let mut found = Vec::new();
    for (place, dir) in dirs.iter().enumerate() {
        let Ok(entries) = std::fs::read_dir(dir) else {
            continue;
        };
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let wasm = paths.filter(|path| path.extension().is_some_and(|ending| ending == "wasm"));
        for path in wasm.take(limits::PLUGIN_FILES) {
            let Ok(meta) = path.metadata() else { continue };
            if meta.is_file() {
                let stamp = Stamp {
                    modified: meta.modified().ok(),
                    size: meta.len(),
                    inode: meta.ino(),
                };
                found.push(((place, path), stamp));
            }
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

#[cfg(test)]
mod tests;
