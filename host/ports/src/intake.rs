//! Bytes that arrived and were not taken yet, and the three ways of taking them.
//!
//! A read from the operating system may bring more than one message or less. What is left over stays
//! here, which makes every read safe to cancel and lets a read that ran into its deadline lose nothing.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Deadline, IoError, limits};

/// Where more bytes come from.
pub(crate) trait Source: Sync {
    /// The next chunk, at most [`limits::CHUNK`] bytes; empty at the end of the stream.
    fn more(&self, within: Duration) -> impl Future<Output = Result<Vec<u8>, IoError>> + Send;
}

/// A deadline that has started to run.
pub(crate) struct Timer {
    end: Instant,
    gap: Option<Duration>,
}

impl Timer {
    pub(crate) fn start(deadline: Deadline) -> Self {
        let now = Instant::now();
        // A day stands for "for ever": it keeps the sum within the clock's range.
        let total = deadline.total.min(Duration::from_hours(24));
        Self {
            end: now + total,
            gap: deadline.gap,
        }
    }

    /// What is left of the whole call.
    pub(crate) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// How long the next chunk may take, given whether one has come before.
    pub(crate) fn next_chunk(&self, began: bool) -> Duration {
        match self.gap {
            Some(gap) if began => gap.min(self.left()),
            _ => self.left(),
        }
    }
}

/// The bytes of one port that arrived and were not taken yet: at most a message and a chunk.
#[derive(Default)]
pub(crate) struct Intake {
    held: Mutex<Vec<u8>>,
}

impl Intake {
    pub(crate) fn is_empty(&self) -> bool {
        self.held().is_empty()
    }

    pub(crate) fn clear(&self) {
        self.held().clear();
    }

    pub(crate) fn push(&self, bytes: &[u8]) {
        self.held().extend_from_slice(bytes);
    }

    /// What arrives first, at most `max` bytes; empty only at the end of the stream.
    pub(crate) async fn read(
        &self,
        source: &impl Source,
        max: usize,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        if self.is_empty() {
            let chunk = source.more(deadline.total).await?;
            self.push(&chunk);
        }
        let mut held = self.held();
        let count = held.len().min(max).min(limits::CHUNK);
        Ok(held.drain(..count).collect())
    }

    /// Exactly `count` bytes.
    pub(crate) async fn read_exact(
        &self,
        source: &impl Source,
        count: usize,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        if count > limits::MESSAGE {
            return Err(IoError::TooLong);
        }
        let cut =
            |held: &mut Vec<u8>| (held.len() >= count).then(|| Ok(held.drain(..count).collect()));
        self.collect(source, deadline, cut).await
    }

    /// Up to and with a byte of `stop`, without the bytes of `skip`.
    pub(crate) async fn read_until(
        &self,
        source: &impl Source,
        (stop, skip): (&[u8], &[u8]),
        max: usize,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        if max > limits::MESSAGE {
            return Err(IoError::TooLong);
        }
        let mut seen = 0;
        let cut = move |held: &mut Vec<u8>| {
            let mut new = held.split_off(held.len().min(seen)).into_iter();
            while let Some(byte) = new.next() {
                if stop.contains(&byte) {
                    held.push(byte);
                    let message = std::mem::replace(held, new.collect());
                    return Some(if message.len() > max {
                        Err(IoError::TooLong)
                    } else {
                        Ok(message)
                    });
                }
                if !skip.contains(&byte) {
                    held.push(byte);
                }
            }
            seen = held.len();
            (seen > max).then(|| {
                held.clear();
                Err(IoError::TooLong)
            })
        };
        self.collect(source, deadline, cut).await
    }

    /// Takes in chunks until `cut` finds a message; what came stays held when the deadline passes.
    async fn collect(
        &self,
        source: &impl Source,
        deadline: Deadline,
        mut cut: impl FnMut(&mut Vec<u8>) -> Option<Result<Vec<u8>, IoError>>,
    ) -> Result<Vec<u8>, IoError> {
        let timer = Timer::start(deadline);
        let mut began = !self.is_empty();
        loop {
            if let Some(done) = cut(&mut self.held()) {
                return done;
            }
            let chunk = source.more(timer.next_chunk(began)).await?;
            if chunk.is_empty() {
                return Err(IoError::Disconnected);
            }
            began = true;
            self.push(&chunk);
        }
    }

    fn held(&self) -> MutexGuard<'_, Vec<u8>> {
        // Nothing panics while the lock is held, and bytes cannot be half written.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::VecDeque;

    use super::*;

    /// Chunks, each with the milliseconds of silence before it.
    struct Script(Mutex<VecDeque<(u64, &'static [u8])>>);

    impl Source for Script {
        async fn more(&self, within: Duration) -> Result<Vec<u8>, IoError> {
            let next = self.0.lock().unwrap().front().copied();
            let Some((after, bytes)) = next else {
                tokio::time::sleep(within).await;
                return Err(IoError::Timeout);
            };
            let after = Duration::from_millis(after);
            tokio::time::sleep(after.min(within)).await;
            if after > within {
                return Err(IoError::Timeout);
            }
            self.0.lock().unwrap().pop_front();
            Ok(bytes.to_vec())
        }
    }

    fn script(chunks: &[(u64, &'static [u8])]) -> Script {
        Script(Mutex::new(chunks.iter().copied().collect()))
    }

    #[tokio::test(start_paused = true)]
    async fn two_messages_in_one_chunk_are_two_reads() {
        let (intake, source) = (Intake::default(), script(&[(0, b"#a\r\n#b\r(tail")]));
        let line = |d| intake.read_until(&source, (b"\r", b"#\n"), 10, d);
        assert_eq!(line(Deadline::ms(100)).await.unwrap(), b"a\r");
        assert_eq!(line(Deadline::ms(0)).await.unwrap(), b"b\r");
        assert_eq!(
            intake.read(&source, 3, Deadline::ms(0)).await.unwrap(),
            b"(ta"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn silence_longer_than_the_gap_ends_the_call_but_not_before_the_first_byte() {
        let (intake, source) = (
            Intake::default(),
            script(&[(300, b"ab"), (50, b"c"), (200, b"d")]),
        );
        let start = Instant::now();
        let deadline = Deadline::ms(1000).gap_ms(100);
        assert_eq!(
            intake.read_exact(&source, 4, deadline).await,
            Err(IoError::Timeout)
        );
        assert_eq!(start.elapsed(), Duration::from_millis(450));
        // Nothing is lost: the beginning is still there.
        assert_eq!(
            intake.read(&source, 100, Deadline::ms(0)).await.unwrap(),
            b"abc"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn chunks_in_time_do_not_move_the_total() {
        let drip: Vec<_> = (0..20).map(|_| (30, b"x".as_slice())).collect();
        let (intake, source) = (Intake::default(), script(&drip));
        let start = Instant::now();
        let deadline = Deadline::ms(100).gap_ms(50);
        assert_eq!(
            intake.read_exact(&source, 20, deadline).await,
            Err(IoError::Timeout)
        );
        assert_eq!(start.elapsed(), Duration::from_millis(100));
        assert_eq!(
            intake.read(&source, 100, Deadline::ms(0)).await.unwrap(),
            b"xxx"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_without_an_end_is_too_long_and_thrown_away() {
        let (intake, source) = (
            Intake::default(),
            script(&[(0, b"0123456789"), (0, b"ok\r")]),
        );
        let short = |max| intake.read_until(&source, (b"\r", b""), max, Deadline::ms(10));
        assert_eq!(short(9).await, Err(IoError::TooLong));
        assert_eq!(short(9).await.unwrap(), b"ok\r");
        assert_eq!(short(limits::MESSAGE + 1).await, Err(IoError::TooLong));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_stream_is_no_message() {
        let (intake, source) = (Intake::default(), script(&[(0, b"half"), (0, b"")]));
        assert_eq!(
            intake.read_exact(&source, 9, Deadline::ms(10)).await,
            Err(IoError::Disconnected)
        );
    }
}
