//! The clock that interrupts computing guests: a thread that advances the engine's epoch every [`limits::TICK`], but
//! only while a guest computes, so that an idle daemon does not wake the processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use wasmtime::{Engine, EngineWeak};

use crate::limits;

/// Shared between the thread and the guests' states.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    computing: AtomicUsize,
    parked: AtomicBool,
    stopping: AtomicBool,
    thread: std::sync::OnceLock<thread::Thread>,
}

/// While this lives, a guest computes.
#[derive(Debug)]
pub(crate) struct Computing(Arc<Ticker>);

/// Ends the thread when the sandbox goes.
#[derive(Debug)]
pub(crate) struct TickerThread {
    ticker: Arc<Ticker>,
    handle: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Counts a guest as computing until the answer is dropped.
    pub(crate) fn computing(self: &Arc<Self>) -> Computing {
        self.computing.fetch_add(1, Ordering::SeqCst);
        self.wake();
        Computing(Arc::clone(self))
    }

    fn wake(&self) {
        // The thread sets `parked`, then looks at the counters; we change a counter, then look at `parked`. With one
        // order of all four steps, one of us sees the other.
        if self.parked.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    fn run(&self, engine: &EngineWeak) {
        while !self.stopping.load(Ordering::SeqCst) {
            if self.computing.load(Ordering::SeqCst) > 0 {
                thread::sleep(limits::TICK);
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                engine.increment_epoch();
                continue;
            }
            self.parked.store(true, Ordering::SeqCst);
            if self.computing.load(Ordering::SeqCst) == 0 && !self.stopping.load(Ordering::SeqCst) {
                thread::park();
            }
            self.parked.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        self.0.computing.fetch_sub(1, Ordering::SeqCst);
    }
}

impl TickerThread {
    /// Starts the thread for this engine.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let ticker = Arc::new(Ticker::default());
        let engine = engine.weak();
        let handle = thread::Builder::new().name("epoch".into()).spawn({
            let ticker = Arc::clone(&ticker);
            move || {
                // Without its own handle the thread could never be woken again.
                if ticker.thread.set(thread::current()).is_ok() {
                    ticker.run(&engine);
                }
            }
        })?;
        Ok(Self {
            ticker,
            handle: Some(handle),
        })
    }

    pub(crate) fn ticker(&self) -> &Arc<Ticker> {
        &self.ticker
    }
}

impl Drop for TickerThread {
    fn drop(&mut self) {
        self.ticker.stopping.store(true, Ordering::SeqCst);
        self.ticker.wake();
        if let Some(handle) = self.handle.take() {
            // The thread sleeps at most one tick; a panic in it has nothing left to harm.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::time::Duration;

    use super::*;

    /// How often the clock thread of this process went to sleep.
    fn naps() -> u64 {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        let paths = tasks.map(|task| task.unwrap().path());
        let is_ours = |path: &std::path::PathBuf| {
            fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "epoch")
        };
        let path = paths.into_iter().find(is_ours).unwrap();
        let status = fs::read_to_string(path.join("status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    }

    #[test]
    fn it_ticks_while_somebody_computes_and_sleeps_otherwise() {
        let engine = Engine::new(&crate::config::config()).unwrap();
        let thread = TickerThread::start(&engine).unwrap();
        thread::sleep(Duration::from_millis(50));
        let idle = naps();
        thread::sleep(Duration::from_millis(200));
        assert_eq!(naps(), idle);
        let one = thread.ticker().computing();
        let other = thread.ticker().computing();
        drop(one);
        thread::sleep(Duration::from_millis(200));
        // 20 on a quiet machine.
        let busy = naps();
        assert!(busy >= idle + 5, "{idle} {busy}");
        drop(other);
        thread::sleep(Duration::from_millis(50));
        let idle = naps();
        thread::sleep(Duration::from_millis(200));
        assert_eq!(naps(), idle);
    }
}
