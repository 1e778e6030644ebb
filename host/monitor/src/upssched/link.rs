//! What upssched and the process that keeps the timers say to each other: a line of words each way, quoted as in NUT's network
//! protocol. Private to one version of this program.
//!
//! ```text
//! > START on-battery 30 ONBATT rack@host "UPS rack@host on battery"
//! < OK
//! > CANCEL on-battery "" ONLINE rack@host "UPS rack@host on line power"
//! < OK
//! > LIST-TIMERS
//! < TIMER<TAB>on-battery<TAB>29<TAB>ONBATT<TAB>rack@host<TAB>UPS rack@host on battery
//! < END
//! ```

use std::io;
use std::path::Path;
use std::time::Duration;

use husk_core::conf::lexer::{Event, Lexer};
use husk_core::proto::client::request;
use husk_core::sched::{Cause, Command, Timer};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::limits;

/// A question to the keeper.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Do(Command, Cause),
    List,
}

impl Ask {
    /// As a line.
    pub(super) fn line(&self) -> String {
        let Self::Do(command, cause) = self else {
            return "LIST-TIMERS\n".to_owned();
        };
        let seconds;
        let (verb, name, second) = match command {
            Command::Start { name, after } => {
                seconds = after.as_secs().to_string();
                ("START", name, seconds.as_str())
            }
            Command::StartShared { name, after } => {
                seconds = after.as_secs().to_string();
                ("START-SHARED", name, seconds.as_str())
            }
            Command::Cancel { name, otherwise } => {
                ("CANCEL", name, otherwise.as_deref().unwrap_or_default())
            }
            Command::CancelMatched { name, otherwise } => (
                "CANCEL-MATCHED",
                name,
                otherwise.as_deref().unwrap_or_default(),
            ),
            Command::Execute { name } => ("EXECUTE", name, ""),
        };
        request(&[verb, name, second, &cause.kind, &cause.system, &cause.text])
    }

    /// Reads a line; `None` if it is none of ours.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut lexer = Lexer::new();
        let mut bytes = line.bytes().filter(|&byte| byte != b'\n').chain([b'\n']);
        let words = bytes.find_map(|byte| match lexer.push(byte) {
            Event::Nothing => None,
            Event::Line(words) => Some(words),
            Event::Error { .. } => Some(Vec::new()),
        })?;
        let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let [verb, name, second, kind, system, text] = words.as_slice() else {
            return (words == ["LIST-TIMERS"]).then_some(Self::List);
        };
        let name = (*name).to_owned();
        let after = || Some(Duration::from_secs(second.parse::<u32>().ok()?.into()));
        let otherwise = Some(*second)
            .filter(|word| !word.is_empty())
            .map(str::to_owned);
        let command = match *verb {
            "START" => Command::Start {
                name,
                after: after()?,
            },
            "START-SHARED" => Command::StartShared {
                name,
                after: after()?,
            },
            "CANCEL" => Command::Cancel { name, otherwise },
            "CANCEL-MATCHED" => Command::CancelMatched { name, otherwise },
            "EXECUTE" => Command::Execute { name },
            _ => return None,
        };
        let cause = Cause {
            kind: (*kind).to_owned(),
            system: (*system).to_owned(),
            text: (*text).to_owned(),
        };
        Some(Self::Do(command, cause))
    }
}

/// A timer as a line of the list.
pub(super) fn row(timer: &Timer, now: Duration) -> String {
    let Timer { name, due, causes } = timer;
    let left = due.saturating_sub(now).as_secs();
    let texts = causes.texts().replace('\t', " ");
    format!(
        "TIMER\t{name}\t{left}\t{}\t{}\t{texts}\n",
        causes.kinds(),
        causes.systems()
    )
}

/// Connects and asks; all lines of the answer.
///
/// # Errors
/// No keeper listens there, or it went away before it answered: then it has not done what it was asked.
pub(super) async fn ask(pipe: &Path, ask: &Ask) -> io::Result<Vec<String>> {
    let talk = async {
        let mut stream = UnixStream::connect(pipe).await?;
        stream.write_all(ask.line().as_bytes()).await?;
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let line = line(&mut reader)
                .await?
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            let last = !line.starts_with("TIMER\t");
            lines.push(line);
            if last {
                return Ok(lines);
            }
        }
    };
    timeout(limits::ANSWER, talk)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// One line without its end; `None` at the end of the stream.
pub(super) async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    reader
        .take(limits::LINE)
        .read_until(b'\n', &mut line)
        .await?;
    match line.pop() {
        Some(b'\n') => Ok(Some(String::from_utf8_lossy(&line).into_owned())),
        Some(_) => Err(io::ErrorKind::InvalidData.into()),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_asked_is_understood() {
        let name = "on \"battery\"".to_owned();
        let after = Duration::from_secs(30);
        for command in [
            Command::Start {
                name: name.clone(),
                after,
            },
            Command::StartShared {
                name: name.clone(),
                after,
            },
            Command::Cancel {
                name: name.clone(),
                otherwise: None,
            },
            Command::Cancel {
                name: name.clone(),
                otherwise: Some("back #1".to_owned()),
            },
            Command::CancelMatched {
                name: name.clone(),
                otherwise: None,
            },
            Command::Execute { name },
        ] {
            let cause = Cause {
                kind: "ONBATT".to_owned(),
                system: String::new(),
                text: "100% = \\full".to_owned(),
            };
            let ask = Ask::Do(command, cause);
            assert_eq!(Ask::parse(ask.line().trim_end()), Some(ask));
        }
        assert_eq!(Ask::parse(Ask::List.line().trim_end()), Some(Ask::List));
        for wrong in [
            "",
            "LIST",
            "START a x k u t",
            "START a 18446744073709551615 k u t",
            "START a 1 k u",
            "START a \"#",
            "STOP a 1 k u t",
        ] {
            assert_eq!(Ask::parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_line_has_an_end_and_a_bound() {
        let mut reader = &b"one\ntwo"[..];
        assert_eq!(line(&mut reader).await.unwrap().unwrap(), "one");
        assert!(line(&mut reader).await.is_err());
        assert_eq!(line(&mut reader).await.unwrap(), None);
        let long = vec![b'x'; 1 << 20];
        assert!(line(&mut long.as_slice()).await.is_err());
    }
}
