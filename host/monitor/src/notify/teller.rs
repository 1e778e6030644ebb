//! The task behind [`super::Notifier`]: starts `wall` and NOTIFYCMD, keeps the timers of husk.toml.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use husk_core::sched::{BuiltIn, Causes, Due, What};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::limits;
use super::{Message, Order, Setup};
use crate::program::{self, Job, Queue};

/// Terminals are no UPS.
const WALL: &str = "wall";

/// Serves the handles until the last one is gone.
pub(super) async fn run(
    setup: Setup,
    mut messages: mpsc::Receiver<Message>,
    orders: mpsc::Sender<Order>,
) {
    let mut teller = Teller {
        command: setup.command,
        timers: BuiltIn::new(setup.timers),
        start: Instant::now(),
        programs: Queue::new(limits::PROGRAMS),
        flushes: Vec::new(),
        orders,
    };
    loop {
        let due = teller.timers.next().map(|due| teller.start + due);
        let due = [due, teller.programs.wake()].into_iter().flatten().min();
        let due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            message = messages.recv() => match message {
                Some(message) => teller.take(message),
                None => break,
            },
            () = teller.programs.ended() => {}
            () = due => teller.expire(),
        }
        teller.programs.go_on();
        if teller.programs.all_started() {
            for done in teller.flushes.drain(..) {
                // Whoever no longer waits for the answer does not need it.
                let _ = done.send(());
            }
        }
    }
    // They may shut virtual machines down; this program going away is no reason to stop them.
    teller.programs.abandon();
}

struct Teller {
    command: Vec<String>,
    timers: BuiltIn,
    start: Instant,
    programs: Queue,
    flushes: Vec<oneshot::Sender<()>>,
    orders: mpsc::Sender<Order>,
}

impl Teller {
    fn take(&mut self, message: Message) {
        match message {
            Message::Notice { cause, wall, exec } => {
                if let Err(error) = self.timers.notice(&cause, self.start.elapsed()) {
                    log::error!("a timer of husk.toml does not start: {error}");
                }
                if wall {
                    self.wall(cause.text.clone());
                }
                if exec {
                    let (command, text) = (self.command.clone(), cause.text.clone());
                    self.exec("NOTIFYCMD", &command, &text, &cause.into());
                }
            }
            Message::Wall(text) => self.wall(text),
            Message::Setup(setup) => {
                self.command = setup.command;
                self.timers.replace(setup.timers);
            }
            Message::Flush(done) => self.flushes.push(done),
        }
    }

    fn expire(&mut self) {
        for Due { name, what, causes } in self.timers.due(self.start.elapsed()) {
            match what {
                What::Run(words) => {
                    log::info!("timer `{name}` has run out: {}", words.join(" "));
                    self.exec("a timer's program", &words, &name, &causes);
                }
                What::ShutDown => {
                    log::warn!("timer `{name}` has run out: forced shutdown");
                    // Full only with orders of the same kind in it.
                    let _ = self.orders.try_send(Order::ShutDown { timer: name });
                }
            }
        }
    }

    fn exec(&mut self, what: &str, words: &[String], text: &str, causes: &Causes) {
        let Some(mut command) = program::command(words, text) else {
            return;
        };
        command.env("UPSNAME", causes.systems());
        command.env("NOTIFYTYPE", causes.kinds());
        command.env("NOTIFYMSG", causes.texts());
        self.programs.push(Job {
            lane: causes.systems(),
            what: format!("{what} for {}", causes.kinds()),
            command,
            input: None,
            limit: limits::PROGRAM_TIME,
        });
    }

    fn wall(&mut self, text: String) {
        let mut command = Command::new(WALL);
        command.process_group(0);
        self.programs.push(Job {
            // No UPS is called that.
            lane: "\0".to_owned(),
            what: WALL.to_owned(),
            command,
            input: Some(text),
            limit: limits::WALL_TIME,
        });
    }
}
