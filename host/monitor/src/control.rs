//! The control socket, where a running upsmon says what it thinks: `why [UPS]` in, text out, end.
//!
//! Nothing can be changed here. Readable for the group only. Every asker has a deadline, and there are few at once.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::limits;

/// Name of the socket in the directory of the PID file.
pub const SOCKET: &str = "upsmon.ctl";

/// A question to the decision loop.
#[derive(Debug)]
pub(crate) struct Question {
    /// About this system, `None`: all.
    pub(crate) system: Option<String>,
    /// Where the text goes.
    pub(crate) answer: oneshot::Sender<String>,
}

/// Opens the socket in place of one that an earlier upsmon left.
///
/// # Errors
/// What the system says.
pub(crate) fn open(path: &Path) -> io::Result<UnixListener> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Serves askers for ever.
pub(crate) async fn serve(listener: UnixListener, questions: mpsc::Sender<Question>) {
    let room = Arc::new(Semaphore::new(limits::ASKERS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let questions = questions.clone();
                tokio::spawn(async move {
                    // Who hangs up, or is too slow, has no answer.
                    let _ = timeout(limits::ANSWER, answer(stream, questions)).await;
                    drop(place);
                });
            }
            Err(error) => {
                log::warn!("cannot accept on the control socket: {error}");
                tokio::time::sleep(limits::ANSWER).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, questions: mpsc::Sender<Question>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    (&mut stream)
        .take(limits::QUESTION)
        .read_line(&mut line)
        .await?;
    let text = match line
        .trim_end()
        .split_once(' ')
        .unwrap_or((line.trim_end(), ""))
    {
        ("why", system) => {
            let (answer, text) = oneshot::channel();
            let system = Some(system.trim().to_owned()).filter(|system| !system.is_empty());
            // Fails only while the program ends.
            let _ = questions.send(Question { system, answer }).await;
            text.await.unwrap_or_default()
        }
        _ => "the only question here is: why [UPS]\n".to_owned(),
    };
    stream.get_mut().write_all(text.as_bytes()).await?;
    stream.get_mut().shutdown().await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn ask(path: &Path, line: &str) -> String {
        let mut stream = UnixStream::connect(path).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn one_question_one_answer() {
        let path = std::env::temp_dir().join(format!("husk-ctl-{}", std::process::id()));
        fs::write(&path, "left over").unwrap();
        let listener = open(&path).unwrap();
        let (sender, mut questions) = mpsc::channel::<Question>(1);
        tokio::spawn(serve(listener, sender));
        tokio::spawn(async move {
            while let Some(question) = questions.recv().await {
                let about = question.system.unwrap_or_else(|| "all".to_owned());
                question.answer.send(format!("of {about}\n")).unwrap();
            }
        });
        assert_eq!(ask(&path, "why\n").await, "of all\n");
        assert_eq!(ask(&path, "why rack1@pdu-a\n").await, "of rack1@pdu-a\n");
        assert!(ask(&path, "stop\n").await.starts_with("the only question"));
        let endless = "x".repeat(1000);
        assert!(ask(&path, &endless).await.starts_with("the only question"));
        fs::remove_file(&path).unwrap();
    }
}
