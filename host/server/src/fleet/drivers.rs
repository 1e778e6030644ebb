//! The drivers of a running server, started and stopped one by one as upsdrvctl asks over the control socket.
//!
//! Refuses in the classic server, whose drivers are processes that somebody else runs.

use super::Fleet;
use crate::control::Driver;
use crate::device::{Order, PARKED};
use crate::limits;
use crate::published::{Published, lock};
use husk_core::state::Freshness;
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

impl Fleet {
    /// One line per UPS whose driver this server runs: name, `running` (it has answered), `stopped` or `starting`, the
    /// server's process id, its ups.status, what is wrong; with tabs between them.
    pub(crate) fn drivers(&self) -> String {
        let mut text = String::new();
        if self.site.sockets_only {
            return text;
        }
        for fielded in lock(&self.devices).iter() {
            let published = &fielded.handle.published;
            let note = published.note();
            let snapshot = published.snapshot();
            let state = match snapshot.freshness {
                _ if note.doing == PARKED => "stopped",
                Freshness::Waiting | Freshness::Lost => "starting",
                Freshness::Fresh | Freshness::Stale => "running",
            };
            let status = snapshot.variable("ups.status");
            let status = status.map_or("", |variable| variable.value.as_str());
            let trouble = note.trouble.replace(['\t', '\n'], " ");
            // Writing into a String does not fail.
            let _ = writeln!(
                text,
                "{}\t{state}\t{}\t{status}\t{trouble}",
                published.name,
                std::process::id(),
            );
        }
        text
    }

    /// Starts or stops the driver of one UPS, or has it cut the power.
    ///
    /// # Errors
    /// A line: there is no such UPS here, or what the driver said.
    pub(crate) async fn drive(&self, name: &str, what: Driver) -> Result<String, String> {
        let Some((published, orders)) = self.find(name).filter(|_| !self.site.sockets_only) else {
            return Err(format!("this server runs no driver of a UPS {name}\n"));
        };
        let done = async {
            match what {
                Driver::Start => {
                    let parked = published.note().doing == PARKED;
                    orders.send(Order::Start).await.map_err(drop)?;
                    while parked && published.note().doing == PARKED {
                        tokio::time::sleep(limits::POLL_PAUSE).await;
                    }
                    Ok(Ok(()))
                }
                Driver::Stop => {
                    let (reply, answer) = oneshot::channel();
                    orders.send(Order::Stop(reply)).await.map_err(drop)?;
                    answer.await.map(Ok).map_err(drop)
                }
                Driver::CutPower => {
                    let (reply, answer) = oneshot::channel();
                    orders.send(Order::CutPower(reply)).await.map_err(drop)?;
                    answer.await.map_err(drop)
                }
            }
        };
        match tokio::time::timeout(limits::DRIVER_ORDER, done).await {
            Ok(Ok(done)) => done.map(|()| String::new()).map_err(|why| why + "\n"),
            Ok(Err(())) => Err("its supervisor has ended\n".to_owned()),
            Err(_) => Err("its driver is busy and did not answer in time\n".to_owned()),
        }
    }

    fn find(&self, name: &str) -> Option<(Arc<Published>, mpsc::Sender<Order>)> {
        let devices = lock(&self.devices);
        let fielded = devices
            .iter()
            .find(|fielded| *fielded.handle.published.name == *name)?;
        let handle = &fielded.handle;
        Some((Arc::clone(&handle.published), handle.orders.clone()))
    }
}
