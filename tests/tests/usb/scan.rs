//! `husk scan` and `nut-scanner` on a kernel's own list of devices.

use crate::rig::{PATIENCE, Stand, driver};
use husk_tests::rig::{Scratch, Which, wait_until};
use husk_tests::tool::{Tools, run};
use husk_tests::usb::ups::Ups;
use husk_tests::usb::{Simulated, bus};
use std::path::Path;

/// `name = "value"` of every option, behind a comment or not, and without it.
fn options(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.starts_with('\t'));
    let names = lines.map(|line| line.trim_start_matches(['\t', ' ', '#']));
    let mut options: Vec<&str> = names
        .map(|line| line.trim_start_matches("NOTMATCHED-YET###"))
        .collect();
    options.sort_unstable();
    options
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_device_is_found_without_opening_it_and_known_again_when_it_is_served() {
    let ups = Simulated::new(Ups::new("SIM0000001"));
    bus::plug(&ups, 0).expect("the virtual controller takes the device");
    wait_until(PATIENCE, || driver().is_some()).expect("the kernel binds to the device");
    let dir = Scratch::new("scan").unwrap();
    let config = dir.path().to_str().unwrap();
    let scan = |config: &str| run(Tools::Husk, "scan", &["--config", config]).unwrap();

    let told = scan(config).stdout;
    assert!(told.contains("serial number SIM0000001"), "{told}");
    assert!(told.contains("driver = usbhid-ups"), "{told}");
    assert!(told.contains("the kernel's driver usbhid has it"), "{told}");
    assert!(driver().is_some(), "it was opened");

    let ours = run(Tools::Husk, "nut-scanner", &["-q", "-U"]).unwrap();
    println!("{}", ours.stdout);
    if Path::new("/usr/bin/nut-scanner").exists() {
        let theirs = run(Tools::Incumbent, "nut-scanner", &["-q", "-U"]).unwrap();
        println!("{}{}", theirs.stdout, theirs.stderr);
        let known = options(&ours.stdout);
        for option in options(&theirs.stdout) {
            assert!(known.contains(&option), "{option} is not in {known:?}");
        }
    }

    let stand = Stand::on(ups, Which::Husk, "pollinterval = 1\n");
    stand.await_status("OL CHRG");
    let config = stand.server.dir.path().to_str().unwrap();
    let told = scan(config).stdout;
    assert!(told.contains("is [usb] in ups.conf"), "{told}");
    assert!(told.contains("in use by husk"), "{told}");
    assert!(!told.contains("--write"), "{told}");
}
