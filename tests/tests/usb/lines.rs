//! Serial lines that a pseudo-terminal has not: a simulated FT232R behind the kernel's own driver carries modem lines, breaks
//! and bytes, and the adapter says what arrived at its plug.

use crate::rig::{PATIENCE, subjects};
use husk_tests::rig::{Scratch, Server, Which, wait_until};
use husk_tests::usb::ftdi::{Adapter, Inputs, Outputs};
use husk_tests::usb::{Simulated, bus};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const TTY: &str = "/dev/ttyUSB0";
const NAME: &str = "lab";
const DTR: Outputs = Outputs {
    dtr: true,
    rts: false,
};
const BOTH: Outputs = Outputs {
    dtr: true,
    rts: true,
};
/// Levels of CTS and DCD: what type 3 takes for on line, on battery, battery low.
const WELL: Inputs = levels(false, false);
const OUTAGE: Inputs = levels(true, false);
const LOW: Inputs = levels(true, true);
/// Time in which lines would drop that are not kept.
const WHILE: Duration = Duration::from_secs(1);

const fn levels(cts: bool, dcd: bool) -> Inputs {
    Inputs {
        cts,
        dcd,
        dsr: false,
        ri: false,
    }
}

/// An adapter with a driver on it and a server.
struct Bench {
    adapter: Simulated<Adapter>,
    server: Server,
}

/// Plugs an adapter in and waits for its port.
fn adapter() -> Simulated<Adapter> {
    // The last one's port goes a moment after its driver.
    wait_until(PATIENCE, || !Path::new(TTY).exists()).expect("the last adapter's port goes");
    let adapter = Simulated::new(Adapter::default());
    plug(&adapter);
    adapter
}

fn plug(adapter: &Simulated<Adapter>) {
    bus::plug(adapter, 0).expect("the virtual controller takes the device");
    wait_until(PATIENCE, || Path::new(TTY).exists()).expect("the kernel makes a serial port of it");
}

fn configured(section: &str) -> Scratch {
    let dir = Scratch::new("lines").unwrap();
    let conf = format!("[{NAME}]\n  port = {TTY}\n  pollinterval = 1\n  {section}\n");
    dir.write("ups.conf", &conf).unwrap();
    dir.write("upsd.users", "").unwrap();
    dir.write("upsd.conf", "").unwrap();
    dir
}

impl Bench {
    fn new(which: Which, section: &str) -> Self {
        let adapter = adapter();
        let server = Server::start(which, configured(section), &[NAME]).expect("it starts");
        Self { adapter, server }
    }

    fn lines(&self, inputs: Inputs) {
        self.adapter.tell(|adapter| adapter.inputs = inputs);
    }

    fn status(&self) -> String {
        let status = self
            .server
            .wire()
            .and_then(|mut wire| wire.value(NAME, "ups.status"));
        status.unwrap_or_else(|error| error.to_string())
    }

    fn await_status(&self, wanted: &str) -> Duration {
        let begun = Instant::now();
        let outcome = wait_until(PATIENCE, || self.status().starts_with(wanted));
        assert!(
            outcome.is_ok(),
            "the status is {:?} and never became {wanted:?}; the log:\n{}",
            self.status(),
            self.server.log()
        );
        begun.elapsed()
    }

    fn outputs(&self) -> Outputs {
        self.adapter.tell(|adapter| adapter.outputs())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.adapter.unplug();
    }
}

/// Has a driver cut the power as the end of a shutdown does, in a process of its own; how long that took.
fn cut_power(which: Which, driver: &str, dir: &Scratch) -> Duration {
    let mut command = match which {
        Which::Husk => {
            let mut husk = Command::new(husk_tests::husk_binary());
            husk.args(["driver", driver]);
            husk
        }
        Which::Incumbent => {
            let mut theirs = Command::new(Path::new("/lib/nut").join(driver));
            theirs.args(["-u", "root"]);
            theirs
        }
    };
    for name in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
        command.env(name, dir.path());
    }
    let begun = Instant::now();
    let done = command.args(["-a", NAME, "-k"]).output().unwrap();
    assert!(done.status.success(), "{which:?}: {done:?}");
    begun.elapsed()
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn contact_closure_follows_the_modem_lines() {
    for which in subjects() {
        let bench = Bench::new(which, "driver = genericups\n  upstype = 3");
        bench.await_status("OL");
        // Exactly the lines that power the cable, and no third state after the kernel's own at the opening.
        let history = bench.adapter.tell(Adapter::take_history);
        println!("{which:?}: the outputs were {history:?}");
        assert_eq!(history.last(), Some(&DTR), "{history:?}");
        assert!(history.iter().all(|outputs| outputs.dtr), "{history:?}");
        for (lines, status) in [
            (OUTAGE, "OB"),
            (LOW, "LB OB"),
            (OUTAGE, "OB"),
            (WELL, "OL"),
            // Without a step between them; read twice by ours.
            (LOW, "LB OB"),
            (WELL, "OL"),
        ] {
            bench.lines(lines);
            let took = bench.await_status(status);
            println!("{which:?}: {status} after {took:?}");
        }
        assert_eq!(
            bench.adapter.tell(Adapter::take_history),
            [],
            "they stay so"
        );
    }
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn lines_stay_when_the_program_ends_and_when_it_has_cut_the_power() {
    for which in subjects() {
        let mut bench = Bench::new(which, "driver = genericups\n  upstype = 3");
        bench.await_status("OL");
        if which == Which::Husk {
            assert_eq!(bench.server.stop().unwrap(), Some(0));
        } else {
            bench.server.kill().unwrap();
        }
        std::thread::sleep(WHILE);
        assert_eq!(bench.outputs(), DTR, "{which:?}: after its end");
        cut_power(which, "genericups", &bench.server.dir);
        std::thread::sleep(WHILE);
        assert_eq!(bench.outputs(), BOTH, "{which:?}: after the power was cut");
        let history = bench.adapter.tell(Adapter::take_history);
        println!("{which:?}: the outputs were {history:?}");
    }
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_break_reaches_the_adapter() {
    for which in subjects() {
        let adapter = adapter();
        let dir = configured("driver = genericups\n  upstype = 11");
        let took = cut_power(which, "genericups", &dir);
        let breaks = adapter.tell(|adapter| adapter.breaks().to_vec());
        adapter.unplug();
        println!("{which:?}: breaks of {breaks:?} in {took:?}");
        let [length] = breaks[..] else {
            panic!("{which:?}: {breaks:?}")
        };
        let wanted = Duration::from_millis(4500)..Duration::from_secs(8);
        assert!(wanted.contains(&length), "{which:?}: {length:?}");
    }
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_serial_ups_is_served_through_the_adapter_with_its_cable_powered() {
    for which in subjects() {
        let bench = Bench::new(which, "driver = nutdrv_qx\n  protocol = megatec");
        bench.await_status("OL");
        assert_eq!(bench.outputs(), DTR, "{which:?}: the cable is powered");
        bench.adapter.tell(|adapter| {
            adapter.ups.mains = false;
            adapter.ups.input_voltage = 0.0;
        });
        let took = bench.await_status("OB");
        println!("{which:?}: the outage was seen after {took:?}");
        bench.adapter.tell(|adapter| adapter.ups.low_battery = true);
        wait_until(PATIENCE, || bench.status().contains("LB")).unwrap();
        assert_eq!(bench.outputs(), DTR, "{which:?}: it still is");
    }
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn an_adapter_that_hangs_or_is_pulled_is_stale_and_opened_anew() {
    let bench = Bench::new(Which::Husk, "driver = genericups\n  upstype = 3");
    bench.await_status("OL");
    bench.adapter.tell(|adapter| adapter.is_deaf = true);
    println!("deaf: stale after {:?}", bench.await_status("ERR "));
    bench.adapter.tell(|adapter| adapter.is_deaf = false);
    println!("well again after {:?}", bench.await_status("OL"));
    bench.adapter.unplug();
    println!("pulled: stale after {:?}", bench.await_status("ERR "));
    wait_until(PATIENCE, || !Path::new(TTY).exists()).unwrap();
    bench.adapter.tell(|adapter| adapter.inputs = OUTAGE);
    plug(&bench.adapter);
    println!("back after {:?}", bench.await_status("OB"));
    assert_eq!(bench.outputs(), DTR);
}
