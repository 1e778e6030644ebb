//! What a client asked of the device: the host's own commands and variables first, then the plugin's.
//!
//! Refuses what waited too long: the person who sent it has gone on. Power is only cut with the
//! operator's leave (`allow_killpower`), which [`husk_core::state`] decides.

use super::running::{Next, Reason, Running};
use super::{Device, Ended};
use crate::limits;
use crate::published::Job;
use husk_core::proto::session::What;
use husk_core::proto::tracking::Outcome;
use husk_core::report::Failure;
use husk_core::state::OwnCommand;
use tokio::sync::oneshot;

impl Running {
    /// Runs one request to its end and notes the outcome.
    pub(super) async fn perform(&mut self, device: &mut Device, job: Job) -> Next {
        if device.now().saturating_sub(job.queued) > limits::REQUEST_AGE {
            log::warn!(
                "UPS [{}]: a request waited too long and was dropped",
                device.name()
            );
            device.finish(&job, Outcome::Failed);
            return Next::Stay;
        }
        let result = match &job.request.what {
            What::Set { variable, value } => self.write(device, variable, value).await,
            What::Command { name, value } => self.command(device, name, value.as_deref()).await,
        };
        let result = match result {
            Ended::Done(result) => result,
            Ended::Order(_) | Ended::Stop => {
                device.finish(&job, Outcome::Failed);
                return Next::Leave(Reason::Stop);
            }
        };
        device.finish(&job, outcome(&result));
        match result {
            Ok(()) => Next::Stay,
            Err(failure) => self.refused(device, &job, &failure),
        }
    }

    fn refused(&self, device: &mut Device, job: &Job, failure: &Failure) -> Next {
        let request = &job.request;
        let what = match &request.what {
            What::Set { variable, .. } => variable,
            What::Command { name, .. } => name,
        };
        log::warn!(
            "UPS [{}]: {what} asked by {}@{} failed: {failure}",
            device.name(),
            request.user,
            request.peer
        );
        let next = self.verdict(failure);
        if matches!(next, Next::Leave(_)) {
            device.take_failure(failure);
        }
        next
    }

    async fn write(&mut self, device: &mut Device, variable: &str, value: &str) -> Ended<Asked> {
        if let Some(result) = device.state.set_own(variable, value) {
            device.publish();
            return Ended::Done(result);
        }
        if device.setup.extras.read_only {
            return Ended::Done(Err(read_only()));
        }
        // Outlets are switched by either: a command, or this variable.
        if variable.ends_with(".switch") {
            log::warn!(
                "UPS [{}]: {variable} is set to {value:?}, it can cut or restore power",
                device.name()
            );
        }
        device.during(self.instance.set(variable, value)).await
    }

    async fn command(
        &mut self,
        device: &mut Device,
        name: &str,
        value: Option<&str>,
    ) -> Ended<Asked> {
        let own = match device.state.own_command(name) {
            None => return self.plugin_command(device, name, value).await,
            Some(Err(failure)) => return Ended::Done(Err(failure)),
            Some(Ok(own)) => own,
        };
        match own {
            OwnCommand::Shutdown(commands) => self.shut_down(device, &commands).await,
            OwnCommand::Reload | OwnCommand::ReloadOrError | OwnCommand::ReloadOrExit => {
                // Full means that a reload is waiting already.
                let _ = device.site.reload.try_send(());
                Ended::Done(Ok(()))
            }
        }
    }

    async fn plugin_command(
        &mut self,
        device: &mut Device,
        name: &str,
        value: Option<&str>,
    ) -> Ended<Asked> {
        if device.setup.extras.read_only {
            return Ended::Done(Err(read_only()));
        }
        if self.known.about().description.is_dangerous(name) {
            log::warn!(
                "UPS [{}]: {name} is sent, it can cut or restore power",
                device.name()
            );
        }
        device.during(self.instance.command(name, value)).await
    }

    /// The operator of this machine cuts the power.
    pub(super) async fn cut_power(
        &mut self,
        device: &mut Device,
        reply: oneshot::Sender<Result<(), String>>,
    ) -> Next {
        let commands = device.setup.section.shutdown_commands.clone();
        let result = match self.shut_down(device, &commands).await {
            Ended::Done(result) => result,
            Ended::Order(_) | Ended::Stop => return Next::Leave(Reason::Stop),
        };
        let next = match &result {
            Ok(()) => Next::Stay,
            Err(failure) => self.verdict(failure),
        };
        if let (Err(failure), Next::Leave(_)) = (&result, &next) {
            device.take_failure(failure);
        }
        // Whoever asked may have gone; the log has it.
        let _ = reply.send(result.map_err(|failure| failure.to_string()));
        next
    }

    /// `shutdown.default` and `driver.killpower`: the first command that is taken, or the plugin's own way.
    async fn shut_down(&mut self, device: &mut Device, commands: &[String]) -> Ended<Asked> {
        if device.setup.extras.read_only {
            return Ended::Done(Err(read_only()));
        }
        log::warn!("Initiating UPS [{}] shutdown", device.name());
        let own_way = ["shutdown.default".to_owned()];
        let commands = if commands.is_empty() {
            &own_way
        } else {
            commands
        };
        let mut result = Err(Failure::Unsupported);
        for command in commands {
            let asked = if *command == "shutdown.default" {
                device.during(self.instance.shutdown()).await
            } else {
                self.plugin_command(device, command, None).await
            };
            match asked {
                Ended::Done(done) => result = done,
                stopped => return stopped,
            }
            match &result {
                Ok(()) => {
                    log::warn!(
                        "UPS [{}]: shutdown request was successful with '{command}'",
                        device.name()
                    );
                    break;
                }
                Err(Failure::Crashed(_) | Failure::Lost) => break,
                Err(_) => {}
            }
        }
        Ended::Done(result)
    }
}

/// What anybody is told who would change a device that is only to be read.
fn read_only() -> Failure {
    Failure::Failed(READ_ONLY.to_owned())
}

pub(super) const READ_ONLY: &str = "husk.toml says read-only for it";

type Asked = Result<(), Failure>;

fn outcome(result: &Asked) -> Outcome {
    match result {
        Ok(()) => Outcome::Success,
        Err(Failure::Unsupported) => Outcome::Unknown,
        Err(Failure::InvalidArgument(_)) => Outcome::Invalid,
        Err(_) => Outcome::Failed,
    }
}
