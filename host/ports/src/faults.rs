//! A bad line between host and device, for tests: garbled, shortened, swallowed and echoed bytes.
//!
//! The same seed gives the same faults for the same conversation, so a failure found can be run again. Each fault
//! strikes a chunk or a request with its own probability.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::intake::{Intake, Source, Timer};
use crate::{
    Deadline, Direction, Fut, InLines, IoError, LineSettings, LineState, OutLines, SerialPort,
};

/// How often each fault strikes, in per mille, and the seed of the generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Where the sequence of faults begins.
    pub seed: u64,
    /// One bit of a received chunk is flipped.
    pub garble: u16,
    /// A received chunk loses its end.
    pub short: u16,
    /// A received chunk is lost.
    pub silence: u16,
    /// What is written comes back before the answer.
    pub echo: u16,
}

/// Puts a bad line before `port`.
#[must_use]
pub fn wrap(port: Arc<dyn SerialPort>, faults: Faults) -> Arc<dyn SerialPort> {
    Arc::new(Faulty {
        port,
        faults,
        dice: Mutex::new(faults.seed),
        intake: Intake::default(),
    })
}

struct Faulty {
    port: Arc<dyn SerialPort>,
    faults: Faults,
    dice: Mutex<u64>,
    intake: Intake,
}

impl Faulty {
    /// The next number of the sequence (SplitMix64; Steele, Lea, Flood 2014).
    fn roll(&self) -> u64 {
        let mut state = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn strikes(&self, per_mille: u16) -> bool {
        self.roll() % 1000 < u64::from(per_mille)
    }

    /// A number below `end`, or 0.
    fn below(&self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.roll() % end).unwrap_or_default()
    }
}

impl Source for Faulty {
    async fn more(&self, within: Duration) -> Result<Vec<u8>, IoError> {
        let timer = Timer::start(Deadline::total(within));
        loop {
            let left = Deadline::total(timer.left());
            let mut chunk = self.port.read(crate::limits::CHUNK, left).await?;
            if self.strikes(self.faults.silence) {
                continue;
            }
            if self.strikes(self.faults.short) {
                chunk.truncate(self.below(chunk.len()));
            }
            if self.strikes(self.faults.garble) {
                let (at, bit) = (self.below(chunk.len()), self.below(8));
                if let Some(byte) = chunk.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            if !chunk.is_empty() {
                return Ok(chunk);
            }
        }
    }
}

impl SerialPort for Faulty {
    fn configure(&self, settings: LineSettings) -> Fut<'_, ()> {
        self.port.configure(settings)
    }

    fn state(&self) -> Fut<'_, LineState> {
        self.port.state()
    }

    fn write<'a>(&'a self, bytes: &'a [u8], pace: Duration, deadline: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            self.port.write(bytes, pace, deadline).await?;
            if self.strikes(self.faults.echo) {
                self.intake.push(bytes);
            }
            Ok(())
        })
    }

    fn drain(&self, deadline: Deadline) -> Fut<'_, ()> {
        self.port.drain(deadline)
    }

    fn read(&self, max: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(self.intake.read(self, max, deadline))
    }

    fn read_exact(&self, count: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(self.intake.read_exact(self, count, deadline))
    }

    fn read_until<'a>(
        &'a self,
        stop: &'a [u8],
        skip: &'a [u8],
        max: usize,
        deadline: Deadline,
    ) -> Fut<'a, Vec<u8>> {
        Box::pin(self.intake.read_until(self, (stop, skip), max, deadline))
    }

    fn discard(&self, direction: Direction) -> Fut<'_, ()> {
        if direction != Direction::Output {
            self.intake.clear();
        }
        self.port.discard(direction)
    }

    fn set_lines(&self, lines: OutLines) -> Fut<'_, ()> {
        self.port.set_lines(lines)
    }

    fn get_lines(&self) -> Fut<'_, InLines> {
        self.port.get_lines()
    }

    fn send_break(&self, duration: Duration) -> Fut<'_, ()> {
        self.port.send_break(duration)
    }

    fn keep_on_close(&self, keep: bool) -> Fut<'_, ()> {
        self.port.keep_on_close(keep)
    }

    fn readable(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            if self.intake.is_empty() {
                self.port.readable().await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::replay::{self, Mode};

    const ALWAYS: u16 = 1000;
    const SOON: Deadline = Deadline::ms(100);

    fn line(faults: Faults) -> Arc<dyn SerialPort> {
        wrap(
            replay::port("> Q1\\r\n< (230.0 001\\r\n", Mode::Looping).unwrap(),
            faults,
        )
    }

    async fn ask(port: &Arc<dyn SerialPort>) -> Result<Vec<u8>, IoError> {
        port.transact(b"Q1\r", b"\r", 50, SOON).await
    }

    #[tokio::test(start_paused = true)]
    async fn without_faults_nothing_changes() {
        assert_eq!(
            ask(&line(Faults::default())).await.unwrap(),
            b"(230.0 001\r"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_does_what_it_says() {
        assert_eq!(
            ask(&line(Faults {
                silence: ALWAYS,
                ..Faults::default()
            }))
            .await,
            Err(IoError::Timeout)
        );
        assert_eq!(
            ask(&line(Faults {
                short: ALWAYS,
                ..Faults::default()
            }))
            .await,
            Err(IoError::Timeout)
        );
        let echoing = line(Faults {
            echo: ALWAYS,
            ..Faults::default()
        });
        assert_eq!(ask(&echoing).await.unwrap(), b"Q1\r");
        assert_eq!(echoing.read(50, SOON).await.unwrap(), b"(230.0 001\r");

        let garbling = line(Faults {
            garble: ALWAYS,
            ..Faults::default()
        });
        garbling.write(b"Q1\r", Duration::ZERO, SOON).await.unwrap();
        let garbled = garbling.read(50, SOON).await.unwrap();
        let flipped: u32 = garbled
            .iter()
            .zip(b"(230.0 001\r")
            .map(|(a, b)| (a ^ b).count_ones())
            .sum();
        assert_eq!((garbled.len(), flipped), (11, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_seed_gives_the_same_faults() {
        let run = async |seed| {
            let port = line(Faults {
                seed,
                garble: 300,
                short: 200,
                silence: 100,
                echo: 100,
            });
            let mut answers = Vec::new();
            for _ in 0..50 {
                answers.push(ask(&port).await);
            }
            answers
        };
        let first = run(7).await;
        assert_eq!(first, run(7).await);
        assert_ne!(first, run(8).await);
        assert!(
            first
                .iter()
                .any(|answer| answer.as_deref() == Ok(b"(230.0 001\r"))
        );
    }
}
