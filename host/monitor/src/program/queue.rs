//! Programs in lanes: within a lane one starts when the one before has ended, or has had its time; lanes run beside one another.
//!
//! So the program for "line power" never overtakes the one for "on battery" of the same UPS, which matters as soon as changes are
//! pushed milliseconds apart; and one that hangs delays its lane a little and the others not at all.

use std::collections::{BTreeMap, VecDeque};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::{Outcome, finish};

/// What a queue may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Programs that run at a time.
    pub(crate) programs: usize,
    /// Programs that wait for their turn; more are left out, with a line in the log.
    pub(crate) waiting: usize,
    /// What a program may take before the next of its lane is started beside it.
    pub(crate) patience: Duration,
}

/// A program that is to run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) lane: String,
    /// For the log.
    pub(crate) what: String,
    pub(crate) command: Command,
    /// A line for its standard input.
    pub(crate) input: Option<String>,
    /// What it may take before it is killed.
    pub(crate) limit: Duration,
}

/// The programs that run or wait.
pub(crate) struct Queue {
    bounds: Bounds,
    waiting: VecDeque<Job>,
    running: JoinSet<()>,
    /// What the next of each lane waits for, and until when.
    lanes: BTreeMap<String, (Id, Instant)>,
}

impl Queue {
    /// Nothing to do yet.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            waiting: VecDeque::new(),
            running: JoinSet::new(),
            lanes: BTreeMap::new(),
        }
    }

    /// Lets a program run when its turn comes; [`Queue::go_on`] begins.
    pub(crate) fn push(&mut self, job: Job) {
        if self.waiting.len() >= self.bounds.waiting {
            log::error!(
                "{} is left out: {} programs wait already",
                job.what,
                self.waiting.len()
            );
            return;
        }
        self.waiting.push_back(job);
    }

    /// Starts whatever may start now.
    pub(crate) fn go_on(&mut self) {
        let now = Instant::now();
        self.lanes.retain(|_, (_, until)| *until > now);
        let mut at = 0;
        while self.running.len() < self.bounds.programs
            && let Some(job) = self.waiting.get(at)
        {
            if self.lanes.contains_key(&job.lane) {
                at += 1;
                continue;
            }
            if let Some(job) = self.waiting.remove(at) {
                let lane = job.lane.clone();
                let task = self.running.spawn(attend(job));
                self.lanes
                    .insert(lane, (task.id(), now + self.bounds.patience));
            }
        }
    }

    /// When [`Queue::go_on`] may have something to start although nothing has ended.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let lanes = self
            .waiting
            .iter()
            .filter_map(|job| self.lanes.get(&job.lane));
        lanes.map(|(_, until)| *until).min()
    }

    /// Waits for the end of a program; for ever if none runs. Loses nothing when it is given up before.
    pub(crate) async fn ended(&mut self) {
        match self.running.join_next_with_id().await {
            Some(ended) => {
                let ended = ended.map_or_else(|error| error.id(), |(id, ())| id);
                self.lanes.retain(|_, (id, _)| *id != ended);
            }
            None => std::future::pending().await,
        }
    }

    /// Whether nothing waits.
    pub(crate) fn all_started(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether nothing runs or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Forgets all programs; those that run go on.
    pub(crate) fn abandon(mut self) {
        self.running.detach_all();
    }
}

/// Runs a program to its end and says what went wrong.
pub(crate) async fn attend(job: Job) {
    let Job {
        what,
        command,
        input,
        limit,
        ..
    } = job;
    let mut command = tokio::process::Command::from(command);
    if input.is_some() {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return log::error!("{what} cannot be started: {error}"),
    };
    if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
        // Shorter than a pipe holds, so this does not wait; a program that has ended already has not read it.
        let _ = stdin.write_all(format!("{text}\n").as_bytes()).await;
    }
    match finish(child, limit).await {
        Outcome::Done => {}
        Outcome::Failed(how) => log::warn!("{what} failed: {how}"),
        Outcome::Killed => log::error!("{what} was killed: it ran for {} s", limit.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::command;
    use super::*;

    const BOUNDS: Bounds = Bounds {
        programs: 3,
        waiting: 4,
        patience: Duration::from_secs(5),
    };

    fn job(lane: &str, script: &str) -> Job {
        Job {
            lane: lane.to_owned(),
            what: script.to_owned(),
            command: command(&[script.to_owned()], "").unwrap(),
            input: None,
            limit: Duration::from_secs(60),
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_lane_keeps_its_order() {
        let file = std::env::temp_dir().join(format!("husk-queue-{}", std::process::id()));
        let mut queue = Queue::new(BOUNDS);
        for number in [3, 1, 2] {
            queue.push(job(
                "a",
                &format!("sleep 0.0{number}; echo {number} >> {}; :", file.display()),
            ));
        }
        let all = async {
            while !queue.is_idle() {
                queue.go_on();
                queue.ended().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), all)
            .await
            .unwrap();
        let written = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(file).unwrap();
        assert_eq!(written, "3\n1\n2\n");
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn what_hangs_delays_its_lane_a_little_and_no_other() {
        let mut queue = Queue::new(BOUNDS);
        for lane in ["a", "a", "b", "a", "c"] {
            // The fifth is one too many.
            queue.push(job(lane, "sleep 4; :"));
        }
        let state = |queue: &Queue| (queue.running.len(), queue.waiting.len());
        queue.go_on();
        assert_eq!(state(&queue), (2, 2));
        tokio::time::sleep_until(queue.wake().unwrap()).await;
        queue.go_on();
        assert_eq!(state(&queue), (3, 1));
        tokio::time::sleep_until(queue.wake().unwrap()).await;
        queue.go_on();
        assert_eq!(state(&queue), (3, 1), "no more than three at a time");
        assert!(!queue.all_started());
    }
}
