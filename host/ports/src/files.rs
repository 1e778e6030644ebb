//! One directory, read-only, for drivers that read files (simulated devices, hwmon attributes).
//!
//! What it refuses to do: follow a name out of the directory, be it absolute, with `..` or through a symbolic link
//! (cap-std opens every component beneath the one before), open anything but plain files, or read without bound.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use cap_std::time::SystemTime;
use rustix::fs::OFlags;
use tokio::time::timeout;

use crate::{Directory, Fut, IoError, OpenError, limits};

/// Opens a directory. What is in it may change and be replaced; the directory stays the one opened.
///
/// # Errors
/// `NotFound`, `Denied`, `WrongKind` when it is not a directory.
pub async fn open(path: &Path) -> Result<Arc<dyn Directory>, OpenError> {
    let owned = path.to_path_buf();
    let opening =
        tokio::task::spawn_blocking(move || Dir::open_ambient_dir(owned, ambient_authority()));
    match timeout(limits::OPEN, opening).await {
        Ok(Ok(Ok(dir))) => Ok(Arc::new(Granted(Arc::new(dir)))),
        Ok(Ok(Err(error))) => Err(OpenError::from_io(path, &error)),
        Ok(Err(stopped)) => Err(OpenError::from_io(path, &stopped.into())),
        Err(_) => Err(OpenError::Timeout(path.to_path_buf())),
    }
}

struct Granted(Arc<Dir>);

impl Directory for Granted {
    fn read<'a>(&'a self, name: &'a str) -> Fut<'a, Vec<u8>> {
        self.off_the_reactor(name, |dir, name| {
            let file = plain_file(dir, name)?;
            let mut bytes = Vec::new();
            // Attributes of sysfs claim 4096 bytes whatever they hold, so the count decides, not the metadata.
            file.take(limits::FILE as u64 + 1).read_to_end(&mut bytes)?;
            if bytes.len() > limits::FILE {
                Err(IoError::TooLong)
            } else {
                Ok(bytes)
            }
        })
    }

    fn modified_ms<'a>(&'a self, name: &'a str) -> Fut<'a, u64> {
        self.off_the_reactor(name, |dir, name| {
            let modified: SystemTime = plain_file(dir, name)?.metadata()?.modified()?;
            let since = modified
                .into_std()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
        })
    }

    fn names(&self) -> Fut<'_, Vec<String>> {
        self.off_the_reactor("", |dir, _| {
            let mut names = Vec::new();
            for entry in dir.entries()? {
                let entry = entry?;
                // A name that is not UTF-8 cannot cross the border, so no driver could ask for it.
                if let (true, Ok(name)) = (
                    entry.file_type()?.is_file(),
                    entry.file_name().into_string(),
                ) {
                    names.push(name);
                }
                if names.len() > limits::NAMES {
                    return Err(IoError::TooLong);
                }
            }
            names.sort_unstable();
            Ok(names)
        })
    }
}

impl Granted {
    /// Files have no readiness: even a small read may wait for a disk or a slow chip.
    fn off_the_reactor<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Dir, &str) -> Result<T, IoError> + Send + 'static,
    ) -> Fut<'_, T> {
        let (dir, name) = (Arc::clone(&self.0), name.to_owned());
        Box::pin(async move {
            let working = tokio::task::spawn_blocking(move || work(&dir, &name));
            match timeout(limits::FILE_READ, working).await {
                Ok(Ok(done)) => done,
                Ok(Err(stopped)) => Err(IoError::Other(stopped.to_string())),
                Err(_) => Err(IoError::Timeout),
            }
        })
    }
}

/// Opens a plain file beneath `dir`; without O_NONBLOCK a FIFO would hold the thread for ever.
fn plain_file(dir: &Dir, name: &str) -> Result<File, IoError> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = dir.open_with(name, OpenOptions::new().read(true).custom_flags(flags))?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(IoError::Denied)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::Scratch;

    #[tokio::test]
    async fn plain_files_are_listed_and_read() {
        let scratch = Scratch::new();
        fs::write(scratch.path("b.dev"), "ups.load: 1\n").unwrap();
        fs::write(scratch.path("a.seq"), "").unwrap();
        fs::create_dir(scratch.path("sub")).unwrap();
        fs::write(scratch.path("sub/c"), "deep").unwrap();
        symlink("b.dev", scratch.path("link")).unwrap();
        let dir = open(scratch.dir()).await.unwrap();
        assert_eq!(dir.names().await.unwrap(), ["a.seq", "b.dev"]);
        assert_eq!(dir.read("b.dev").await.unwrap(), b"ups.load: 1\n");
        assert_eq!(dir.read("sub/c").await.unwrap(), b"deep");
        assert_eq!(dir.read("link").await.unwrap(), b"ups.load: 1\n");
        assert_eq!(dir.read("none").await, Err(IoError::NotFound));
        let then = fs::metadata(scratch.path("b.dev"))
            .unwrap()
            .modified()
            .unwrap();
        let ms = then.duration_since(UNIX_EPOCH).unwrap().as_millis();
        assert_eq!(u128::from(dir.modified_ms("b.dev").await.unwrap()), ms);
    }

    #[tokio::test]
    async fn no_name_leads_out() {
        let scratch = Scratch::new();
        fs::write(scratch.path("secret"), "x").unwrap();
        let inside = scratch.path("inside");
        fs::create_dir(&inside).unwrap();
        symlink("../secret", inside.join("relative")).unwrap();
        symlink(scratch.path("secret"), inside.join("absolute")).unwrap();
        symlink("..", inside.join("up")).unwrap();
        let dir = open(&inside).await.unwrap();
        let whole = scratch.path("secret");
        for name in [
            "../secret",
            "./../secret",
            "relative",
            "absolute",
            "up/secret",
            whole.to_str().unwrap(),
        ] {
            assert_eq!(dir.read(name).await, Err(IoError::Denied), "{name}");
            assert_eq!(dir.modified_ms(name).await, Err(IoError::Denied), "{name}");
        }
    }

    #[tokio::test]
    async fn too_large_and_not_plain_are_refused() {
        let scratch = Scratch::new();
        fs::write(scratch.path("most"), vec![b'x'; limits::FILE]).unwrap();
        fs::write(scratch.path("more"), vec![b'x'; limits::FILE + 1]).unwrap();
        fs::create_dir(scratch.path("sub")).unwrap();
        let fifo = rustix::fs::CWD;
        rustix::fs::mkfifoat(fifo, scratch.path("fifo"), rustix::fs::Mode::RUSR).unwrap();
        let dir = open(scratch.dir()).await.unwrap();
        assert_eq!(dir.read("most").await.unwrap().len(), limits::FILE);
        assert_eq!(dir.read("more").await, Err(IoError::TooLong));
        assert_eq!(dir.read("fifo").await, Err(IoError::Denied));
        assert_eq!(dir.read("sub").await, Err(IoError::Denied));
    }

    #[tokio::test]
    async fn too_many_names_are_refused() {
        let scratch = Scratch::new();
        for n in 0..=limits::NAMES {
            fs::write(scratch.path(&n.to_string()), "").unwrap();
        }
        let dir = open(scratch.dir()).await.unwrap();
        assert_eq!(dir.names().await, Err(IoError::TooLong));
    }

    #[tokio::test]
    async fn a_file_is_not_a_directory() {
        let scratch = Scratch::new();
        fs::write(scratch.path("file"), "").unwrap();
        let error = open(&scratch.path("file")).await.err().unwrap();
        assert!(error.to_string().contains("is not a directory"), "{error}");
        assert!(matches!(
            open(&scratch.path("none")).await,
            Err(OpenError::NotFound(_))
        ));
    }
}
