//! The UPSes whose daemons' reports are known. A report tells what is; nothing can be ordered or set, so none is served in full.

use husk_driver::Hardware;

#[rustfmt::skip]
pub(crate) static HARDWARE: &[Hardware] = &[
    // Their reports are replayed in tests/recordings.rs.
    Hardware::recorded("APC", &[
        "Back-UPS 350", "Back-UPS Pro 1000", "Back-UPS RS 1500MS2", "PowerStack 450", "Smart-UPS 700", "Smart-UPS 750",
        "Smart-UPS 1000", "Smart-UPS 1400", "Smart-UPS v/s 650",
    ], "read-only").partly(),
    Hardware::documented("APC", &["whatever else an apcupsd daemon watches"], "read-only").partly(),
];
