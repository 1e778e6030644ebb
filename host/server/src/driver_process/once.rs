//! What a driver does without serving anybody: show its variables, cut the power, list its options.

use super::{Driver, DriverError, Plan, job, listed, plan};
use crate::{limits, plugins};
use husk_core::proto::session::What;
use husk_core::proto::tracking::Outcome;
use husk_engine::Bundled;
use std::collections::BTreeSet;
use std::path::Path;

/// The id of the one request.
const REQUEST: &str = "once";

/// The variables after `updates` polls, one `name: value` per line, without serving anybody.
///
/// # Errors
/// The device does not answer.
pub async fn dump(
    plan: Plan,
    bundled: &'static [Bundled],
    updates: u32,
) -> Result<String, DriverError> {
    let driver = Driver::start(plan, bundled).await?;
    let interval = driver.plan.poll_interval();
    tokio::time::sleep(interval.saturating_mul(updates.saturating_sub(1))).await;
    let text = listed(&driver.snapshot());
    driver.end().await;
    Ok(text)
}

/// Opens the device and cuts its power, in the ways `sdcommands` names or in the driver's own.
///
/// # Errors
/// The device does not answer. The outcome tells whether it took the command.
pub async fn shut_down(plan: Plan, bundled: &'static [Bundled]) -> Result<Outcome, DriverError> {
    let mut driver = Driver::start(plan, bundled).await?;
    let what = What::Command {
        name: "shutdown.default".to_owned(),
        value: None,
    };
    let taken = driver.published().hand_over(job(
        driver.published(),
        what,
        Some(REQUEST.to_owned()),
        driver.clock.now(),
    ));
    if !taken {
        return Ok(Outcome::Failed);
    }
    let ended = tokio::time::timeout(limits::REQUEST_AGE, driver.ended.recv()).await;
    driver.end().await;
    Ok(ended
        .ok()
        .flatten()
        .map_or(Outcome::Failed, |(_, outcome)| outcome))
}

/// The options of the plugin, one `VALUE name "text"` or `FLAG name "text"` per line; of several that the name means, each
/// option once.
///
/// # Errors
/// There is no such plugin, or the sandbox does not run.
pub async fn options(
    dir: &Path,
    driver: &str,
    bundled: &'static [Bundled],
) -> Result<Result<String, String>, DriverError> {
    let extras = plan::extras(dir)?;
    let registry = plugins::open(&extras.plugins, dir, bundled).await?;
    Ok(registry.named(driver).map(|named| {
        let mut told = BTreeSet::new();
        let all = named
            .iter()
            .flat_map(|known| &known.about().description.parameters);
        all.filter(|parameter| told.insert(parameter.name.as_str()))
            .map(|parameter| {
                let kind = if parameter.takes_value {
                    "VALUE"
                } else {
                    "FLAG"
                };
                let help = parameter.help.replace('"', "'");
                format!("{kind} {} \"{help}\"\n", parameter.name)
            })
            .collect()
    }))
}
