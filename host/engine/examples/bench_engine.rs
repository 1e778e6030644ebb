//! What the sandbox costs: loading, opening, calling, memory, and the same driver natively beside it.
//!
//! `cargo run --release -p husk-engine --example bench_engine`; needs `husk-compile` and the guests, found as the tests
//! find them (`HUSK_COMPILE`, `HUSK_GUESTS`). Times are the best of several batches: the machine's other work only adds.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use husk_core::report::Wake;
use husk_driver::{Driver, Respond, Serial, Settings};
use husk_engine::{Compiler, Grant, Instance, LogSink, Plugin, Sandbox, Transport};
use husk_plugin_megatec::Megatec;
use husk_ports::{Port, replay};

/// The device of the bench, for ever: a rating and a status.
const TALK: &str = "\
> F\\r
< #220.0 003 12.00 50.0\\r
> Q1\\r
< (232.4 232.4 232.4 003 49.9 12.6 25.0 00001000\\r
";
const SETTINGS: &[(&str, &str)] = &[("protocol", "q1"), ("novendor", "")];
const GRANT: Grant = Grant {
    transport: Transport::Serial,
    modem_lines: true,
};
const DEVICES: [usize; 3] = [1, 100, 1000];
const BATCHES: usize = 20;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(bench())
}

async fn bench() -> Result<()> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let from = |name: &str, otherwise: &str| {
        std::env::var_os(name).map_or_else(|| target.join(otherwise), PathBuf::from)
    };
    let guests = from("HUSK_GUESTS", "wasm32-unknown-unknown/plugin");
    let wasm = fs::read(guests.join("husk_plugin_megatec.wasm"))?;
    let cache = std::env::temp_dir().join(format!("husk-bench-{}", std::process::id()));
    fs::create_dir(&cache)?;
    let compiler = Compiler {
        program: from("HUSK_COMPILE", "helper/husk-compile").canonicalize()?,
        cache_dir: Some(cache.clone()),
    };
    println!("sandbox, megatec plugin ({} bytes of Wasm)", wasm.len());
    let plugin = loading(&wasm, &compiler).await?;
    fs::remove_dir_all(&cache)?;
    calling(&plugin).await?;
    memory(&plugin).await
}

async fn loading(wasm: &[u8], compiler: &Compiler) -> Result<Arc<Plugin>> {
    let uncached = Compiler {
        cache_dir: None,
        ..compiler.clone()
    };
    let mut cold = Duration::MAX;
    for _ in 0..5 {
        let sandbox = Sandbox::new()?;
        let start = Instant::now();
        sandbox.load(wasm, &uncached).await?;
        cold = cold.min(start.elapsed());
    }
    let sandbox = Sandbox::new()?;
    let mut plugin = sandbox.load(wasm, compiler).await?;
    let mut warm = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        plugin = sandbox.load(wasm, compiler).await?;
        warm = warm.min(start.elapsed());
    }
    row("load, compiling in the child", cold, None);
    row("load from the cache", warm, None);
    Ok(plugin)
}

async fn calling(plugin: &Arc<Plugin>) -> Result<()> {
    let native_open = best(100, || native().map(drop))?;
    let mut open_time = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..100 {
            black_box(open(plugin).await?);
        }
        open_time = open_time.min(start.elapsed() / 100);
    }
    row("open natively (status and rating asked)", native_open, None);
    row("open in the sandbox", open_time, Some(native_open));

    let mut driver = native()?;
    let native_poll = best(1000, || {
        black_box(driver.poll(husk_driver::Wake::Interval)).map(drop)
    })?;
    let mut instance = open(plugin).await?;
    let mut poll = Duration::MAX;
    let mut save = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..1000 {
            black_box(instance.poll(Wake::Interval).await?);
        }
        poll = poll.min(start.elapsed() / 1000);
        let start = Instant::now();
        for _ in 0..1000 {
            black_box(instance.save().await);
        }
        save = save.min(start.elapsed() / 1000);
    }
    row("poll natively", native_poll, None);
    row("poll in the sandbox", poll, Some(native_poll));
    row("smallest call (save)", save, None);

    let mut swap = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        let state = instance.save().await;
        let mut next = open_with(plugin, Some(&state)).await?;
        next.poll(Wake::Interval).await?;
        swap = swap.min(start.elapsed());
        instance = next;
    }
    row("swap: save, open, first poll", swap, None);
    Ok(())
}

async fn memory(plugin: &Arc<Plugin>) -> Result<()> {
    println!(
        "\n{:>8} {:>12} {:>16} {:>16} {:>8}",
        "devices", "RSS KiB", "KiB per device", "private KiB", "VMAs"
    );
    let (rss_before, private_before) = resident()?;
    let mut instances = Vec::new();
    for count in DEVICES {
        while instances.len() < count {
            let mut instance = open(plugin).await?;
            instance.poll(Wake::Interval).await?;
            instances.push(instance);
        }
        let (rss, private) = resident()?;
        let each = |now: u64, before: u64| now.saturating_sub(before) / count as u64;
        println!(
            "{count:>8} {rss:>12} {:>16} {:>16} {:>8}",
            each(rss, rss_before),
            each(private, private_before),
            fs::read_to_string("/proc/self/maps")?.lines().count()
        );
    }
    Ok(())
}

/// KiB resident, and the part of it that is shared with nobody.
fn resident() -> Result<(u64, u64)> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    let field = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let private = field("Private_Clean:") + field("Private_Dirty:");
    Ok((field("Rss:"), private))
}

async fn open(plugin: &Arc<Plugin>) -> Result<Instance> {
    open_with(plugin, None).await
}

async fn open_with(plugin: &Arc<Plugin>, state: Option<&[u8]>) -> Result<Instance> {
    let settings: Vec<(String, String)> = SETTINGS
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let port = Port::Serial(replay::port(TALK, replay::Mode::Looping)?);
    let log: LogSink = Arc::new(|_, _| {});
    Ok(plugin.open(&GRANT, port, &settings, state, log).await?)
}

/// The same driver without a sandbox, on the same device.
fn native() -> std::result::Result<Megatec, husk_driver::Error> {
    let device = Respond::new(b'\r', |request: &[u8]| match request {
        b"F\r" => Some(b"#220.0 003 12.00 50.0\r".to_vec()),
        b"Q1\r" => Some(b"(232.4 232.4 232.4 003 49.9 12.6 25.0 00001000\r".to_vec()),
        _ => None,
    });
    let settings = Settings::new(SETTINGS.iter().copied());
    Megatec::open(Serial::new(device), &settings, None)
}

/// The best time of one run among batches of `runs`.
fn best<E>(
    runs: u32,
    mut what: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<Duration, E> {
    let mut best = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..runs {
            what()?;
        }
        best = best.min(start.elapsed() / runs);
    }
    Ok(best)
}

fn row(what: &str, time: Duration, beside: Option<Duration>) {
    let ratio = beside.map_or_else(String::new, |beside| {
        format!("{:.1} x native", time.as_secs_f64() / beside.as_secs_f64())
    });
    println!("{what:<42} {:>12.2} us  {ratio}", time.as_secs_f64() * 1e6);
}
