//! Log, clocks and a pause: what every guest has.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::{Level, LevelFilter};

use super::State;
use crate::bindings::ups::driver::host::{Host, Level as GuestLevel};

impl Host for State {
    fn log_level(&mut self) -> wasmtime::Result<GuestLevel> {
        self.meter.host_call()?;
        Ok(match log::max_level() {
            LevelFilter::Off | LevelFilter::Error => GuestLevel::Error,
            LevelFilter::Warn => GuestLevel::Warn,
            LevelFilter::Info => GuestLevel::Info,
            LevelFilter::Debug => GuestLevel::Debug,
            LevelFilter::Trace => GuestLevel::Trace,
        })
    }

    fn log(&mut self, level: GuestLevel, message: String) -> wasmtime::Result<()> {
        self.meter.host_call()?;
        let level = match level {
            GuestLevel::Error => Level::Error,
            GuestLevel::Warn => Level::Warn,
            GuestLevel::Info => Level::Info,
            GuestLevel::Debug => Level::Debug,
            GuestLevel::Trace => Level::Trace,
        };
        self.log.write(level, &message, Instant::now());
        Ok(())
    }

    fn now_ms(&mut self) -> wasmtime::Result<u64> {
        self.meter.host_call()?;
        Ok(u64::try_from(self.clock.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn wall_clock(&mut self) -> wasmtime::Result<(u64, i32)> {
        self.meter.host_call()?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let offset = i64::try_from(now)
            .ok()
            .and_then(|now| self.clock.zone.find_local_time_type(now).ok())
            .map_or(0, |local| local.ut_offset());
        Ok((now, offset))
    }

    async fn sleep_ms(&mut self, ms: u32) -> wasmtime::Result<()> {
        self.meter.host_call()?;
        let pause = self.meter.wait_at_most(Duration::from_millis(ms.into()));
        self.wait(tokio::time::sleep(pause)).await;
        Ok(())
    }
}
