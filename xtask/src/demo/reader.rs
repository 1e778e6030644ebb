//! A client that reads all the time and counts what it does not get.

use anyhow::Context as _;
use husk_tests::tool::Wire;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(10);

/// A client at work on its own thread.
pub(super) struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u32, u32)>,
}

impl Reader {
    /// Reads the input voltage of `ups` every 10 ms on one connection.
    pub(super) fn start(mut wire: Wire, ups: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (mut replies, mut failed) = (0, 0);
            while !seen.load(Ordering::Relaxed) {
                replies += 1;
                match wire.value(ups, "input.voltage") {
                    Ok(value) if value.parse::<f64>().is_ok() => {}
                    // The connection is gone, and with it every later reply.
                    Err(_) => return (replies, failed + 1),
                    Ok(end) if end.is_empty() => return (replies, failed + 1),
                    Ok(_) => failed += 1,
                }
                thread::sleep(EVERY);
            }
            (replies, failed)
        });
        Self { stop, thread }
    }

    /// Ends it; how many replies it got and how many of them were failures.
    pub(super) fn end(self) -> anyhow::Result<(u32, u32)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the client crashed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    #[test]
    fn errors_and_lost_connections_are_failures() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Wire::connect(listener.local_addr().unwrap().port()).unwrap();
        let reader = Reader::start(wire, "ups");
        let (mut stream, _) = listener.accept().unwrap();
        for reply in ["VAR ups input.voltage \"230.1\"\n", "ERR DATA-STALE\n"] {
            let _ = stream.read(&mut [0; 64]).unwrap();
            stream.write_all(reply.as_bytes()).unwrap();
        }
        drop(stream);
        thread::sleep(10 * EVERY);
        assert_eq!(reader.end().unwrap(), (3, 2));
    }
}
