//! The border for SNMP: what a driver imports, which port it gets, and agents that answer nonsense on purpose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Built, Lines, Scratch, built, settings};
use husk_core::report::{Failure, Wake};
use husk_engine::{Grant, Instance, Plugin, Sandbox, Transport};
use husk_ports::snmp::{
    Asking, Identity, Oid, SnmpError, SnmpPort, SnmpValue, SnmpVersion, Varbind,
};
use husk_ports::{IoError, Port};

const SNMP: Grant = Grant {
    transport: Transport::Snmp,
    modem_lines: false,
};
/// Agents of the soak, each another number of the generator.
const AGENTS: u64 = 120;

/// What an agent of RFC 1628 has, as far as a driver needs it.
const OBJECTS: &[(&str, i32)] = &[
    ("1.3.6.1.2.1.33.1.2.1.0", 2),
    ("1.3.6.1.2.1.33.1.2.3.0", 42),
    ("1.3.6.1.2.1.33.1.2.4.0", 97),
    ("1.3.6.1.2.1.33.1.3.2.0", 1),
    ("1.3.6.1.2.1.33.1.3.3.1.3.1", 231),
    ("1.3.6.1.2.1.33.1.4.1.0", 3),
    ("1.3.6.1.2.1.33.1.4.3.0", 1),
    ("1.3.6.1.2.1.33.1.4.4.1.5.1", 24),
    ("1.3.6.1.2.1.33.1.7.3.0", 6),
    ("1.3.6.1.2.1.33.1.9.8.0", 2),
];

/// An agent whose firmware has gone mad in a way that a number decides.
struct Mad {
    identity: Identity,
    objects: BTreeMap<Oid, SnmpValue>,
    random: Mutex<u64>,
    sane: bool,
    written: Arc<Mutex<Vec<Varbind>>>,
}

impl Mad {
    fn new(number: u64, sane: bool) -> Self {
        let oid = |text: &str| text.parse::<Oid>().unwrap();
        let numbers = OBJECTS
            .iter()
            .map(|(name, value)| (oid(name), SnmpValue::Integer(*value)));
        let mut objects: BTreeMap<Oid, SnmpValue> = numbers.collect();
        let described = SnmpValue::Oid(oid("1.3.6.1.2.1.33"));
        objects.insert(oid("1.3.6.1.2.1.1.2.0"), described);
        let model = SnmpValue::Octets(b"Sim 1500".to_vec());
        objects.insert(oid("1.3.6.1.2.1.33.1.1.2.0"), model);
        Self {
            identity: Identity {
                peer: "mad".to_owned(),
                version: SnmpVersion::V2c,
                read_only: false,
            },
            objects,
            random: Mutex::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            sane,
            written: Arc::default(),
        }
    }

    /// The xorshift generator of G. Marsaglia.
    fn below(&self, limit: u64) -> u64 {
        let mut random = self.random.lock().unwrap();
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        *random % limit
    }

    fn noise(&self) -> SnmpValue {
        let number = self.below(1 << 40);
        let low = number as u32;
        match self.below(13) {
            0 => SnmpValue::Integer(low.cast_signed()),
            1 => {
                let length = self.below(300);
                SnmpValue::Octets((0..length).map(|_| self.below(256) as u8).collect())
            }
            2 => SnmpValue::Null,
            3 => SnmpValue::Oid(Oid::new(vec![low; (number % 129) as usize]).unwrap()),
            4 => SnmpValue::IpAddress(low.to_be_bytes()),
            5 => SnmpValue::Counter32(low),
            6 => SnmpValue::Gauge32(low),
            7 => SnmpValue::TimeTicks(low),
            8 => SnmpValue::Opaque(low.to_be_bytes().to_vec()),
            9 => SnmpValue::Counter64(number << 20),
            10 => SnmpValue::NoSuchObject,
            11 => SnmpValue::NoSuchInstance,
            _ => SnmpValue::EndOfMibView,
        }
    }

    /// What it says to one question: mostly what it should.
    fn value(&self, oid: &Oid) -> SnmpValue {
        match self.sane || self.below(8) > 0 {
            true => self
                .objects
                .get(oid)
                .cloned()
                .unwrap_or(SnmpValue::NoSuchObject),
            false => self.noise(),
        }
    }

    fn mood(&self) -> Result<(), SnmpError> {
        match self.sane {
            true => Ok(()),
            false => match self.below(40) {
                0 => Err(SnmpError::Io(IoError::Timeout)),
                1 => Err(SnmpError::Refused {
                    status: 5,
                    index: 7,
                }),
                2 => Err(SnmpError::Auth("no".to_owned())),
                3 => Err(SnmpError::Io(IoError::TooLong)),
                _ => Ok(()),
            },
        }
    }

    fn following(&self, oid: &Oid) -> Varbind {
        let next = self.objects.range((Excluded(oid), Unbounded)).next();
        match next {
            Some((oid, _)) => Varbind {
                oid: oid.clone(),
                value: self.value(oid),
            },
            None => Varbind {
                oid: oid.clone(),
                value: SnmpValue::EndOfMibView,
            },
        }
    }
}

impl SnmpPort for Mad {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn get<'a>(&'a self, oids: &'a [Oid], _within: Duration) -> Asking<'a, Vec<SnmpValue>> {
        Box::pin(async move {
            self.mood()?;
            Ok(oids.iter().map(|oid| self.value(oid)).collect())
        })
    }

    fn next<'a>(&'a self, oids: &'a [Oid], _within: Duration) -> Asking<'a, Vec<Varbind>> {
        Box::pin(async move {
            self.mood()?;
            Ok(oids.iter().map(|oid| self.following(oid)).collect())
        })
    }

    fn walk<'a>(&'a self, root: &'a Oid, max: u32, _within: Duration) -> Asking<'a, Vec<Varbind>> {
        Box::pin(async move {
            self.mood()?;
            let below = self.objects.range(root.clone()..);
            let below = below.take_while(|(oid, _)| oid.starts_with(root));
            let below = below.take(max as usize).map(|(oid, _)| Varbind {
                oid: oid.clone(),
                value: self.value(oid),
            });
            Ok(below.collect())
        })
    }

    fn set<'a>(&'a self, bindings: &'a [Varbind], _within: Duration) -> Asking<'a, ()> {
        Box::pin(async move {
            self.mood()?;
            self.written.lock().unwrap().extend_from_slice(bindings);
            Ok(())
        })
    }
}

async fn snmp_ups(built: &Built) -> Option<Arc<Plugin>> {
    let guests = std::env::var_os("HUSK_GUESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wasm32-unknown-unknown/plugin"),
        Into::into,
    );
    let wasm = fs::read(guests.join("husk_plugin_snmp.wasm")).ok();
    let Some(wasm) = wasm else {
        common::skip("husk_plugin_snmp is not built; run cargo xtask test");
        return None;
    };
    let sandbox = Sandbox::new().unwrap();
    Some(sandbox.load(&wasm, &built.compiler()).await.unwrap())
}

async fn open(plugin: &Arc<Plugin>, agent: Mad) -> Result<Instance, Failure> {
    let port = Port::Snmp(Arc::new(agent));
    let options = settings(&[("port", "mad")]);
    plugin
        .open(&SNMP, port, &options, None, Lines::default().sink())
        .await
}

#[tokio::test]
async fn a_driver_for_agents_reaches_nothing_but_its_own() {
    let Some(built) = built() else { return };
    let Some(plugin) = snmp_ups(&built).await else {
        return;
    };
    assert_eq!(plugin.transports, [Transport::Snmp]);
    assert_eq!(
        plugin.imports,
        [
            "ups:driver/host@0.1.0",
            "ups:driver/snmp@0.1.0",
            "ups:driver/types@0.1.0"
        ]
    );
    let files = Scratch::new();
    let opened = plugin
        .open(
            &SNMP,
            files.port().await,
            &[],
            None,
            Lines::default().sink(),
        )
        .await;
    let Err(Failure::Other(reason)) = opened else {
        panic!("a directory was taken for an agent");
    };
    assert!(reason.contains("the port is of kind files"), "{reason}");
}

#[tokio::test]
async fn a_small_agent_is_served_and_written_to() {
    let Some(built) = built() else { return };
    let Some(plugin) = snmp_ups(&built).await else {
        return;
    };
    let agent = Mad::new(1, true);
    let written = Arc::clone(&agent.written);
    let mut instance = open(&plugin, agent).await.unwrap();
    let update = instance.poll(Wake::Interval).await.unwrap();
    let charge = ("battery.charge".to_owned(), "97".to_owned());
    assert!(update.set.contains(&charge), "{update:?}");
    assert_eq!(update.status, Some(vec!["OL".to_owned()]));
    instance.command("beeper.mute", None).await.unwrap();
    let expected = Varbind {
        oid: "1.3.6.1.2.1.33.1.9.8.0".parse().unwrap(),
        value: SnmpValue::Integer(3),
    };
    assert_eq!(*written.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn no_agent_however_mad_crashes_its_driver() {
    let Some(built) = built() else { return };
    let Some(plugin) = snmp_ups(&built).await else {
        return;
    };
    let (mut opened, mut polled) = (0, 0);
    for number in 0..AGENTS {
        let mut instance = match open(&plugin, Mad::new(number, false)).await {
            Ok(instance) => instance,
            Err(Failure::Crashed(reason)) => panic!("agent {number}: {reason}"),
            Err(_) => continue,
        };
        opened += 1;
        for _ in 0..3 {
            match instance.poll(Wake::Interval).await {
                Ok(_) => polled += 1,
                Err(Failure::Crashed(reason)) => panic!("agent {number}: {reason}"),
                Err(_) => {}
            }
        }
    }
    println!("{opened} of {AGENTS} mad agents opened, {polled} polls gave a report");
    assert!(opened >= AGENTS / 10, "the soak reaches no driver");
}
