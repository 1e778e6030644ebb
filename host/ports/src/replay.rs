//! A serial port that answers from a `.trace`: a device for tests and benches.
//!
//! Strict, it follows the trace line by line and fails a call that differs, naming the line. Looping, it answers
//! each request as the trace next answers it, for ever, and is silent to requests the trace does not know.
//! Calls (`!`), settings (`:`) and expectations (`=`) are for the one who drives the driver; here they are skipped.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use husk_wire::trace::{Step, Trace, TraceError, escape};
use tokio::time::sleep;

use crate::intake::{Intake, Source};
use crate::{
    Deadline, Direction, Fut, InLines, IoError, LineSettings, LineState, OpenError, OutLines,
    SerialPort, limits,
};

/// How closely a replay follows its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Line by line; whatever differs fails, and after the last line the port is disconnected.
    Strict,
    /// Each write is looked up from the present line on, around the end; what follows it is the answer.
    Looping,
}

/// A serial port that answers from a trace.
pub struct Replay {
    script: Mutex<Script>,
    intake: Intake,
}

/// Reads a trace from a file, at most [`limits::RECORDING`] bytes.
///
/// # Errors
/// `NotFound`, `Denied`, or `BadTrace` with the line.
pub async fn open(path: &Path, mode: Mode) -> Result<Arc<dyn SerialPort>, OpenError> {
    let bad = |reason: String| OpenError::BadTrace {
        path: path.to_path_buf(),
        reason,
    };
    let length = tokio::fs::metadata(path)
        .await
        .map_err(|error| OpenError::from_io(path, &error))?
        .len();
    if length > limits::RECORDING {
        return Err(bad(format!(
            "{length} bytes are more than a recording holds"
        )));
    }
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| OpenError::from_io(path, &error))?;
    Ok(port(&text, mode).map_err(|error| bad(error.to_string()))?)
}

/// Reads a trace from its text.
///
/// # Errors
/// The first line that is not of the format.
pub fn port(text: &str, mode: Mode) -> Result<Arc<Replay>, TraceError> {
    let mut steps = Trace::parse(text)?.steps;
    steps.retain(|(_, step)| {
        !matches!(
            step,
            Step::Setting { .. } | Step::Call(_) | Step::Expect { .. }
        )
    });
    let script = Script {
        steps,
        at: 0,
        sent: 0,
        mode,
    };
    Ok(Arc::new(Replay {
        script: Mutex::new(script),
        intake: Intake::default(),
    }))
}

impl Replay {
    /// Whether every line has been played.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.script().next().is_none()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        // Nothing panics while the lock is held.
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines of the conversation and how far it went.
struct Script {
    steps: Vec<(usize, Step)>,
    at: usize,
    /// How much of the `>` line at `at` was written already.
    sent: usize,
    mode: Mode,
}

impl Script {
    fn next(&self) -> Option<&Step> {
        self.steps.get(self.at).map(|(_, step)| step)
    }

    /// Goes past what the driver did not wait for; the bytes had arrived all the same.
    fn pass_arrived(&mut self) -> Vec<u8> {
        let mut arrived = Vec::new();
        while let Some(Step::Received(_) | Step::Silence(_)) = self.next() {
            if let Some(Step::Received(bytes)) = self.next() {
                arrived.extend_from_slice(bytes);
            }
            self.at += 1;
        }
        arrived
    }

    fn write_strictly(&mut self, mut bytes: &[u8]) -> Result<(), IoError> {
        while !bytes.is_empty() {
            let Some((line, Step::Sent(wanted))) = self.steps.get(self.at) else {
                return Err(self.differs(&format!("the driver wrote `{}`", escape(bytes))));
            };
            let wanted = wanted.get(self.sent..).unwrap_or_default();
            if let Some(rest) = bytes.strip_prefix(wanted) {
                (self.at, self.sent, bytes) = (self.at + 1, 0, rest);
            } else if wanted.starts_with(bytes) {
                (self.sent, bytes) = (self.sent + bytes.len(), &[]);
            } else {
                let (wrote, wanted) = (escape(bytes), escape(wanted));
                return Err(IoError::Other(format!(
                    "line {line}: the driver wrote `{wrote}` instead of `{wanted}`"
                )));
            }
        }
        Ok(())
    }

    /// Goes behind the next `>` line with these bytes, or to the end when there is none: silence.
    fn look_up(&mut self, bytes: &[u8]) {
        let count = self.steps.len();
        let known = |at: &usize| matches!(self.steps.get(*at), Some((_, Step::Sent(sent))) if sent == bytes);
        let found = (self.at..count).chain(0..self.at.min(count)).find(known);
        self.at = found.map_or(count, |at| at + 1);
    }

    fn differs(&self, did: &str) -> IoError {
        match self.steps.get(self.at) {
            Some((line, step)) => IoError::Other(format!("line {line}: {did} instead of `{step}`")),
            None => IoError::Disconnected,
        }
    }
}

impl Source for Replay {
    async fn more(&self, within: Duration) -> Result<Vec<u8>, IoError> {
        let mut left = within;
        loop {
            let silence = {
                let mut script = self.script();
                match script.next() {
                    Some(Step::Received(bytes)) => {
                        let bytes = bytes.clone();
                        script.at += 1;
                        return Ok(bytes);
                    }
                    Some(Step::Silence(ms)) => {
                        let silence = Duration::from_millis((*ms).into());
                        script.at += 1;
                        Some(silence)
                    }
                    None if script.mode == Mode::Strict => return Err(IoError::Disconnected),
                    _ => None,
                }
            };
            match silence {
                Some(silence) if silence < left => sleep(silence).await,
                _ => {
                    sleep(left).await;
                    return Err(IoError::Timeout);
                }
            }
            left = left.saturating_sub(silence.unwrap_or_default());
        }
    }
}

impl SerialPort for Replay {
    fn configure(&self, _: LineSettings) -> Fut<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn state(&self) -> Fut<'_, LineState> {
        Box::pin(async { Ok(LineState::default()) })
    }

    fn write<'a>(&'a self, bytes: &'a [u8], _: Duration, _: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            let mut script = self.script();
            match script.mode {
                Mode::Strict => {
                    self.intake.push(&script.pass_arrived());
                    script.write_strictly(bytes)
                }
                Mode::Looping => {
                    script.look_up(bytes);
                    Ok(())
                }
            }
        })
    }

    fn drain(&self, _: Deadline) -> Fut<'_, ()> {
        Box::pin(async { Ok(()) })
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
        Box::pin(async move {
            if direction != Direction::Output {
                self.script().pass_arrived();
                self.intake.clear();
            }
            Ok(())
        })
    }

    fn set_lines(&self, lines: OutLines) -> Fut<'_, ()> {
        Box::pin(async move {
            let mut script = self.script();
            match script.next() {
                Some(Step::Outputs { dtr, rts }) if (*dtr, *rts) == (lines.dtr, lines.rts) => {
                    script.at += 1;
                    Ok(())
                }
                Some(Step::Outputs { .. }) if script.mode == Mode::Strict => {
                    Err(script.differs(&format!("the driver set {lines:?}")))
                }
                // As a line without modem control: a trace says where lines matter.
                _ => Err(IoError::Unsupported),
            }
        })
    }

    fn get_lines(&self) -> Fut<'_, InLines> {
        Box::pin(async move {
            let mut script = self.script();
            let Some(&Step::Inputs { cts, dsr, dcd, ri }) = script.next() else {
                return Err(IoError::Unsupported);
            };
            script.at += 1;
            Ok(InLines { cts, dsr, dcd, ri })
        })
    }

    fn send_break(&self, _: Duration) -> Fut<'_, ()> {
        Box::pin(async { Err(IoError::Unsupported) })
    }

    fn keep_on_close(&self, _: bool) -> Fut<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn readable(&self) -> Fut<'_, ()> {
        Box::pin(async {
            let arrived = matches!(self.script().next(), Some(Step::Received(_)));
            if !arrived && self.intake.is_empty() {
                // Nothing arrives by itself in a replay: only a write goes on.
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::time::Instant;

    use super::*;

    const TALK: &str = "\
: protocol = q1
! open
| out dtr
| in cts
> F\\r
< #220.0 4.0\\r
! poll
> Q1\\r
< (230.0 0
~ 200
< 01\\r
= ups.load: 1
";
    const SOON: Deadline = Deadline::ms(500);

    #[tokio::test(start_paused = true)]
    async fn strict_plays_line_by_line() {
        let replay = port(TALK, Mode::Strict).unwrap();
        replay
            .set_lines(OutLines {
                dtr: true,
                rts: false,
            })
            .await
            .unwrap();
        assert_eq!(
            replay.get_lines().await.unwrap(),
            InLines {
                cts: true,
                ..InLines::default()
            }
        );
        assert_eq!(
            replay.transact(b"F\r", b"\r", 50, SOON).await.unwrap(),
            b"#220.0 4.0\r"
        );
        // A request may be written in parts, and an answer may come in parts.
        replay.write(b"Q", Duration::ZERO, SOON).await.unwrap();
        replay.write(b"1\r", Duration::ZERO, SOON).await.unwrap();
        let start = Instant::now();
        let gap = replay.read_until(b"\r", b"", 50, SOON.gap_ms(100)).await;
        assert_eq!(
            (gap, start.elapsed().as_millis()),
            (Err(IoError::Timeout), 100)
        );
        assert_eq!(
            replay.read_until(b"\r", b"", 50, SOON).await.unwrap(),
            b"(230.0 001\r"
        );
        assert!(replay.is_finished());
        assert_eq!(replay.read(1, SOON).await, Err(IoError::Disconnected));
    }

    #[tokio::test(start_paused = true)]
    async fn strict_names_the_line_that_differs() {
        let replay = port("> Q1\\r\n< x\\r\n> F\\r\n", Mode::Strict).unwrap();
        assert_eq!(
            replay.read(9, Deadline::ms(10)).await,
            Err(IoError::Timeout)
        );
        assert_eq!(
            replay.set_lines(OutLines::default()).await,
            Err(IoError::Unsupported)
        );
        let error = replay
            .write(b"M\r", Duration::ZERO, SOON)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1: the driver wrote `M\\r` instead of `Q1\\r`"
        );
        replay.write(b"Q1\r", Duration::ZERO, SOON).await.unwrap();
        // An answer nobody read is still in the buffer, unless it is discarded.
        replay.write(b"F\r", Duration::ZERO, SOON).await.unwrap();
        assert_eq!(replay.read(9, Deadline::ms(0)).await.unwrap(), b"x\r");
    }

    #[tokio::test(start_paused = true)]
    async fn looping_answers_for_ever_and_is_silent_to_strangers() {
        let replay = port(
            "> F\\r\n< #1\\r\n> Q1\\r\n< (1\\r\n> Q1\\r\n< (2\\r\n",
            Mode::Looping,
        )
        .unwrap();
        for expected in [b"(1\r", b"(2\r", b"(1\r"] {
            assert_eq!(
                replay.transact(b"Q1\r", b"\r", 50, SOON).await.unwrap(),
                expected
            );
        }
        assert_eq!(
            replay.transact(b"Z\r", b"\r", 50, SOON).await,
            Err(IoError::Timeout)
        );
        assert_eq!(
            replay.transact(b"F\r", b"\r", 50, SOON).await.unwrap(),
            b"#1\r"
        );
    }

    #[tokio::test]
    async fn a_bad_file_is_named_with_its_line() {
        let scratch = crate::testing::Scratch::new();
        std::fs::write(scratch.path("bad.trace"), "> Q1\\r\nwhat\n").unwrap();
        let error = open(&scratch.path("bad.trace"), Mode::Strict)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("bad.trace") && error.contains("line 2"),
            "{error}"
        );
    }
}
