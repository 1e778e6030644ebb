//! Whose duty the shutdown is, and who speaks to the service manager: the parent, or nobody but this process.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;

use husk_daemon::notify;

use crate::duties::Duties;
use crate::parent::Word;

/// Who does what takes rights.
pub(crate) enum Superior {
    /// The parent, at the other end.
    Parent(UnixStream),
    /// Nobody else.
    Nobody(Duties),
}

impl Superior {
    /// Tells the parent, or else the service manager.
    pub(crate) fn say(&self, word: Word) {
        match self {
            Self::Parent(stream) => {
                // Never waits: the socket has room for thousands of words.
                let mut stream: &UnixStream = stream;
                if let Err(error) = stream.write_all(&[word.byte()]) {
                    log::error!("cannot tell the privileged part ({word:?}): {error}");
                }
            }
            Self::Nobody(_) => {
                if let Some(phase) = word.phase() {
                    notify(phase);
                }
            }
        }
    }
}

/// The parent's end, to be told when it is closed. What is said to it is written beside the runtime, which refuses to write
/// before it has looked once whether it could.
///
/// # Errors
/// The system refuses.
pub(crate) fn listen(parent: &UnixStream) -> io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::from_std(parent.try_clone()?)
}
