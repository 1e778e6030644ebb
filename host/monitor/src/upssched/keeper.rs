//! The process that keeps upssched's timers: started by the first upssched that needs one, ends by itself when there is nothing to do.
//!
//! Time is the machine's waking time, see `husk_core::sched`. A client's line is followed before it is answered, so an answer means
//! that it was done. Refuses to take over a socket that is none: PIPEFN may be mistyped.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use husk_core::conf::upssched::UpsschedConf;
use husk_core::sched::{Run, Timers};
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::link::{self, Ask};
use super::{Error, job, limits};
use crate::program::Queue;

type Question = (Ask, oneshot::Sender<String>);

/// Keeps timers until there have been none, no client and no program for a while. Writes its process id into `pid_file`.
///
/// # Errors
/// The socket cannot be made.
pub async fn keep(conf: &UpsschedConf, pid_file: &Path) -> Result<(), Error> {
    let (pipe, lock) = super::paths(conf)?;
    let listener = listen(&pipe).map_err(|error| Error::Pipe {
        path: pipe.clone(),
        error,
    })?;
    // Whoever waits for us may come now; gone already is as good.
    let _ = fs::remove_file(&lock);
    if let Err(error) = fs::write(pid_file, format!("{}\n", std::process::id())) {
        log::warn!("cannot write {}: {error}", pid_file.display());
    }
    log::info!("Timer daemon started");
    let (questions, asked) = mpsc::channel(limits::CLIENTS);
    let keeper = Keeper {
        timers: Timers::default(),
        script: conf.script.clone(),
        programs: Queue::new(limits::PROGRAMS),
        start: Instant::now(),
        idle_since: Instant::now(),
        clients: JoinSet::new(),
        questions,
    };
    keeper.serve(&listener, asked, &pipe).await;
    // Gone already is as good.
    let _ = fs::remove_file(pid_file);
    log::info!("Timer queue empty, exiting");
    Ok(())
}

fn listen(pipe: &PathBuf) -> io::Result<UnixListener> {
    match fs::symlink_metadata(pipe) {
        Ok(metadata) if metadata.file_type().is_socket() => fs::remove_file(pipe)?,
        Ok(_) => return Err(io::Error::other("there is something that is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Mode 0660 from the first moment on; nothing else makes files meanwhile.
    let before = umask(Mode::from_raw_mode(0o117));
    let listener = UnixListener::bind(pipe);
    umask(before);
    listener
}

struct Keeper {
    timers: Timers,
    script: Vec<String>,
    programs: Queue,
    start: Instant,
    idle_since: Instant,
    clients: JoinSet<()>,
    questions: mpsc::Sender<Question>,
}

impl Keeper {
    async fn serve(
        mut self,
        listener: &UnixListener,
        mut asked: mpsc::Receiver<Question>,
        pipe: &Path,
    ) {
        loop {
            let idle = self.is_idle();
            if idle && self.idle_since.elapsed() >= limits::IDLE {
                // Who comes from here on finds nobody, who has come and was not served is not answered: both ask anew.
                let _ = fs::remove_file(pipe);
                return;
            }
            let due = self.timers.next().map(|due| self.start + due);
            let end = idle.then(|| self.idle_since + limits::IDLE);
            let wake = [due, self.programs.wake(), end].into_iter().flatten().min();
            let wake = async {
                match wake {
                    Some(wake) => sleep_until(wake).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                accepted = listener.accept(), if self.clients.len() < limits::CLIENTS => match accepted {
                    Ok((stream, _)) => drop(self.clients.spawn(attend(stream, self.questions.clone()))),
                    // Out of descriptors: the next moment may have some again.
                    Err(error) => {
                        log::warn!("cannot take a client: {error}");
                        tokio::time::sleep(limits::RETRY).await;
                    }
                },
                Some((ask, answer)) = asked.recv() => {
                    // A client that has left does not need the answer.
                    let _ = answer.send(self.answer(ask));
                }
                Some(_) = self.clients.join_next() => {}
                () = self.programs.ended() => {}
                () = wake => {}
            }
            if !idle {
                self.idle_since = Instant::now();
            }
            for run in self.timers.expired(self.start.elapsed()) {
                log::info!("Event: {}", run.name);
                self.run(&run);
            }
            self.programs.go_on();
        }
    }

    fn is_idle(&self) -> bool {
        self.timers.is_empty() && self.programs.is_idle() && self.clients.is_empty()
    }

    fn run(&mut self, run: &Run) {
        let job = job(&self.script, run);
        job.into_iter().for_each(|job| self.programs.push(job));
    }

    fn answer(&mut self, ask: Ask) -> String {
        let now = self.start.elapsed();
        let Ask::Do(command, cause) = ask else {
            let rows = self.timers.iter().map(|timer| link::row(timer, now));
            return rows.chain(["END\n".to_owned()]).collect();
        };
        log::debug!("{command:?}");
        match self.timers.command(command, cause, now) {
            Ok(run) => {
                if let Some(run) = run {
                    self.run(&run);
                }
                "OK\n".to_owned()
            }
            Err(error) => format!("ERR {error}\n"),
        }
    }
}

/// One client: a question, an answer, the end.
async fn attend(stream: UnixStream, questions: mpsc::Sender<Question>) {
    let talk = async {
        let mut stream = BufReader::new(stream);
        let answer = match link::line(&mut stream).await?.map(|line| Ask::parse(&line)) {
            None => return Ok(()),
            Some(None) => "ERR UNKNOWN\n".to_owned(),
            Some(Some(ask)) => {
                let (sender, answer) = oneshot::channel();
                let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
                let sent = questions.send((ask, sender)).await;
                sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
                answer.await.map_err(gone)?
            }
        };
        stream.write_all(answer.as_bytes()).await
    };
    if let Ok(Err(error)) = timeout(limits::ANSWER, talk).await {
        log::debug!("a client left: {error}");
    }
}
