//! Looking for UPSes behind SNMP agents: which addresses answer, and which plugin knows what is there.
//!
//! Asks only where it was told to ask, what the agent is, and then what the plugin asks of one; nothing is written.

use std::net::IpAddr;
use std::time::Duration;

use husk_core::scan::draft::Draft;
use husk_core::scan::found::{Bus, Found, Item, Mark};
use husk_server::scan::{Scanner, Tried};

/// Addresses asked at once, at most: each that answers has a plugin at work.
pub(super) const AT_ONCE: usize = 128;

/// The community that is meant where none is given.
pub(super) const PUBLIC: &str = "public";

/// How agents are asked: in whose name, by NUT's options of a section.
pub(super) struct Survey {
    /// Each of them.
    pub addresses: Vec<IpAddr>,
    /// Options of the sections.
    pub options: Vec<(&'static str, String)>,
    /// How long an address may take to say anything.
    pub patience: Duration,
    /// How many are asked at once.
    pub at_once: usize,
    /// The program that says what goes wrong.
    pub who: &'static str,
}

impl Survey {
    /// Asks them all; who says nothing, or is no UPS, is left out.
    ///
    /// # Errors
    /// A sentence: the options are wrong.
    pub(super) fn ask(&self, scanner: &Scanner) -> Result<Vec<Found>, String> {
        let options = self.options.iter();
        let options: Vec<(String, String)> = options
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let runtime = super::runtime()?;
        let mut found = Vec::new();
        for some in self.addresses.chunks(self.at_once.clamp(1, AT_ONCE)) {
            let probes = some.iter().map(|address| {
                let options = &options;
                async move {
                    let address = address.to_string();
                    let tried = scanner.probe_agent(&address, options, self.patience).await;
                    (address, tried)
                }
            });
            for (address, tried) in runtime.block_on(super::serial::together(probes)) {
                found.extend(self.found(&address, &tried?));
            }
        }
        Ok(found)
    }

    fn found(&self, address: &str, tried: &[Tried]) -> Option<Found> {
        let answered = tried.iter().find_map(|tried| match tried {
            Tried::Answered(answered) => Some(answered),
            Tried::Silent { driver, reason } => {
                let reason = super::shown(reason);
                eprintln!("{}: {address}: {driver}: {reason}", self.who);
                None
            }
            Tried::Shut(reason) => {
                eprintln!("{}: {address}: {}", self.who, super::shown(reason));
                None
            }
        })?;
        let item = |name, value: &str| Item {
            name,
            value: value.to_owned(),
            mark: Mark::None,
        };
        let desc = answered.model.as_deref().map(|model| item("desc", model));
        let options = self.options.iter();
        let options = options.map(|(name, value)| item(name, value));
        Some(Found {
            bus: Bus::Snmp,
            driver: answered.driver.clone(),
            others: Vec::new(),
            port: address.to_owned(),
            items: desc.into_iter().chain(options).collect(),
        })
    }
}

/// Lines for people.
pub(super) fn tell(found: &Found, section: Option<&str>) -> Vec<String> {
    let desc = found.items.iter().find(|item| item.name == "desc");
    let model = desc.map_or("a UPS", |item| item.value.as_str());
    let place = match section {
        Some(section) => format!("  is [{section}] in ups.conf"),
        None => format!("  driver = {}", found.driver),
    };
    vec![format!("{}  {}", found.port, super::shown(model)), place]
}

/// The section to add for it.
pub(super) fn draft(found: &Found) -> Draft {
    let value = |name: &str| {
        let item = found.items.iter().find(|item| item.name == name);
        item.map(|item| item.value.clone())
    };
    let usual = |item: &&Item| item.name != "desc" && item.value != PUBLIC;
    let options = found.items.iter().filter(usual);
    Draft {
        driver: found.driver.clone(),
        port: found.port.clone(),
        desc: value("desc"),
        options: options
            .map(|item| (item.name, item.value.clone()))
            .collect(),
    }
}
