//! Turning a component into native code: a child process, because a compiler bug, a bomb that takes gigabytes, or a
//! panic over hostile bytes must not reach the daemon. The daemon itself contains no compiler.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use husk_ports::native::{self, OwnCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::cache::Cache;
use crate::error::LoadError;
use crate::limits;
use crate::text;

/// Exit status of `husk-compile` for a component that is at fault itself; its stderr is the reason.
pub const REFUSED: u8 = 2;

/// The compile helper and where its results are kept.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// The `husk-compile` program.
    pub program: PathBuf,
    /// Keeps compiled code between starts when it is a directory that nobody else can write to.
    pub cache_dir: Option<PathBuf>,
}

impl Compiler {
    /// The cache, if its directory is safe.
    pub(crate) fn cache(&self) -> Option<Cache<'_>> {
        Cache::open(self.cache_dir.as_deref()?)
    }

    /// Runs the helper over a component.
    pub(crate) async fn compile(&self, wasm: &[u8]) -> Result<OwnCode, LoadError> {
        // It will run with our rights, so it is looked at before that.
        native::own_program(&self.program).map_err(|error| self.unusable(&error))?;
        let mut child = self.start().map_err(|error| self.unusable(&error))?;
        let run = exchange(&mut child, wasm);
        let (status, code, message) = match tokio::time::timeout(limits::COMPILER_WALL, run).await {
            Ok(done) => done.map_err(|error| self.unusable(&error))?,
            // Dropping the child kills it by its id.
            Err(_) => {
                return Err(LoadError::Compiling(format!(
                    "it was not done after {} s",
                    limits::COMPILER_WALL.as_secs()
                )));
            }
        };
        let message = text::clean(&message, limits::ERROR_TEXT);
        if status.code() == Some(REFUSED.into()) {
            return Err(LoadError::Refused(message));
        }
        if !status.success() {
            return Err(LoadError::Compiling(format!("{status}: {message}")));
        }
        if code.len() > limits::COMPILED {
            return Err(LoadError::Compiling(format!(
                "the code would have more than {} MiB",
                limits::COMPILED >> 20
            )));
        }
        OwnCode::compiled_by(&self.program, code).map_err(|error| self.unusable(&error))
    }

    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .env_clear()
            .current_dir(Path::new("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    fn unusable(&self, error: &dyn std::fmt::Display) -> LoadError {
        LoadError::Compiler {
            program: self.program.clone(),
            reason: error.to_string(),
        }
    }
}

/// Writes and reads at once, or two full pipes would wait for each other.
async fn exchange(
    child: &mut Child,
    wasm: &[u8],
) -> std::io::Result<(std::process::ExitStatus, Vec<u8>, String)> {
    let stdin = child.stdin.take();
    let send = async {
        if let Some(mut stdin) = stdin {
            // A helper that refuses early closes its input: the reason is on stderr, not here.
            let _ = stdin.write_all(wasm).await;
        }
    };
    let code = collect(child.stdout.take(), limits::COMPILED + 1);
    let message = collect(child.stderr.take(), limits::COMPILER_MESSAGE);
    let ((), code, message) = tokio::join!(send, code, message);
    let status = child.wait().await?;
    Ok((
        status,
        code?,
        String::from_utf8_lossy(&message?).into_owned(),
    ))
}

/// Up to `limit` bytes; closing the pipe then ends a helper that has more to say.
async fn collect(from: Option<impl AsyncRead + Unpin>, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        from.take(limit).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
