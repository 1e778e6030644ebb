//! A driver says the same inside the sandbox as natively: every trace of the megatec and apcsmart plugins is played to both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::{Built, Lines, built, settings};
use husk_core::report::{Update, Wake};
use husk_driver::wire::trace::{Call, Step, Trace};
use husk_driver::{Driver as _, Mismatch, Report};
use husk_engine::{Grant, Plugin, Sandbox, Transport};
use husk_plugin_apc_smart::ApcSmart;
use husk_plugin_megatec::Megatec;
use husk_ports::{Port, replay};

const SERIAL: Grant = Grant {
    transport: Transport::Serial,
    modem_lines: true,
};

/// What a host knows after some updates; the trait records are compared as text.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    variables: BTreeMap<String, String>,
    traits: BTreeMap<String, String>,
    status: Vec<String>,
    alarms: Vec<String>,
    commands: Vec<String>,
}

impl Known {
    fn take(&mut self, update: Update) {
        if update.complete {
            *self = Self::default();
        }
        for name in update.clear {
            self.variables.remove(&name);
            self.traits.remove(&name);
        }
        self.variables.extend(update.set);
        for traits in update.traits {
            let told = format!(
                "{} {:?} {:?}",
                traits.writable, traits.choices, traits.ranges
            );
            self.traits.insert(traits.name, told);
        }
        self.status = update.status.unwrap_or_else(|| self.status.clone());
        self.alarms = update.alarms.unwrap_or_else(|| self.alarms.clone());
        self.commands = update.commands.unwrap_or_else(|| self.commands.clone());
    }

    fn of(report: &Report) -> Self {
        let own = |words: &mut dyn Iterator<Item = &str>| words.map(str::to_owned).collect();
        let plain = format!(
            "{} {:?} {:?}",
            false,
            Vec::<String>::new(),
            Vec::<(i64, i64)>::new()
        );
        let mut known = Self {
            status: own(&mut report.status_words()),
            alarms: report.alarms().to_vec(),
            commands: own(&mut report.commands()),
            ..Self::default()
        };
        for (name, reading) in report.variables() {
            known
                .variables
                .insert(name.to_owned(), reading.value.clone());
            let told = format!(
                "{} {:?} {:?}",
                reading.writable, reading.choices, reading.ranges
            );
            if told != plain {
                known.traits.insert(name.to_owned(), told);
            }
        }
        known
    }
}

async fn load(built: &Built, component: &[u8]) -> Arc<Plugin> {
    let sandbox = Sandbox::new().unwrap();
    sandbox.load(component, &built.compiler()).await.unwrap()
}

/// Plays a trace natively.
type Replay = fn(&str) -> Result<Vec<Report>, Mismatch>;

/// Plays a trace in the sandbox; what was known after each poll that worked.
async fn in_the_sandbox(plugin: &Arc<Plugin>, text: &str) -> Vec<Known> {
    let trace = Trace::parse(text).unwrap();
    let options = settings(&trace.settings().collect::<Vec<_>>());
    let port = Port::Serial(replay::port(text, replay::Mode::Strict).unwrap());
    let log = Lines::default();
    let opened = plugin.open(&SERIAL, port, &options, None, log.sink());
    let mut instance = match opened.await {
        Ok(instance) => instance,
        Err(error) => {
            println!("not opened: {error}");
            return Vec::new();
        }
    };
    let mut known = Known::default();
    let mut seen = Vec::new();
    for (_, step) in &trace.steps {
        match step {
            Step::Call(Call::Poll) => match instance.poll(Wake::Interval).await {
                Ok(update) => {
                    known.take(update);
                    seen.push(known.clone());
                }
                Err(error) => println!("not polled: {error}"),
            },
            Step::Call(Call::Command(name, value)) => {
                let _ = instance.command(name, value.as_deref()).await;
            }
            Step::Call(Call::Set(variable, value)) => {
                let _ = instance.set(variable, value).await;
            }
            Step::Call(Call::Shutdown) => {
                let _ = instance.shutdown().await;
            }
            _ => {}
        }
        assert!(instance.is_usable());
    }
    seen
}

#[tokio::test]
async fn every_trace_gives_the_same_reports_as_natively() {
    let Some(built) = built() else { return };
    let drivers: [(&str, _, Replay, usize); 2] = [
        (
            "megatec",
            load(&built, &built.megatec).await,
            husk_driver::replay::<Megatec>,
            15,
        ),
        (
            "apc-smart",
            load(&built, &built.apc_smart).await,
            husk_driver::replay::<ApcSmart>,
            45,
        ),
    ];
    // The silences of the traces pass in no time; the compiler above needed a real clock.
    tokio::time::pause();
    for (name, plugin, replay, least) in drivers {
        let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
        let mut reports = 0;
        for entry in fs::read_dir(traces.join(name).join("traces")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let native = replay(&text).unwrap();
            let native: Vec<Known> = native.iter().map(Known::of).collect();
            assert_eq!(
                in_the_sandbox(&plugin, &text).await,
                native,
                "{}",
                path.display()
            );
            reports += native.len();
        }
        assert!(
            reports >= least,
            "only {reports} reports of {name} were compared"
        );
    }
}

#[tokio::test]
async fn what_a_driver_is_for_is_told_without_a_port() {
    let Some(built) = built() else { return };
    let plugin = load(&built, &built.megatec).await;
    let told = plugin.hardware().await.unwrap();
    let rows = Megatec::HARDWARE;
    assert!(rows.len() > 10);
    assert_eq!(told.len(), rows.len());
    for (told, row) in told.iter().zip(rows) {
        assert_eq!(told.maker, row.maker);
        assert_eq!(told.models, row.models);
        assert_eq!(told.hint, row.hint);
        assert_eq!(told.support.to_string(), row.support.word());
        assert_eq!(told.evidence.to_string(), row.evidence.word());
    }
}

#[tokio::test]
async fn modem_lines_are_a_grant_of_their_own() {
    let Some(built) = built() else { return };
    let plugin = load(&built, &built.megatec).await;
    let data_only = Grant {
        modem_lines: false,
        ..SERIAL
    };
    let refused = plugin.refused_by(&data_only).unwrap();
    assert_eq!(refused.imports, ["ups:driver/modem-lines@0.1.0"]);
    let port = Port::Serial(replay::port("", replay::Mode::Strict).unwrap());
    let opened = plugin
        .open(&data_only, port, &[], None, Lines::default().sink())
        .await;
    let failure = opened.err().unwrap().to_string();
    assert!(failure.contains("grant \"modem-lines\""), "{failure}");
    assert!(plugin.refused_by(&SERIAL).is_none());
}
