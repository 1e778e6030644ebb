//! The units that speak UPS-Link on a serial port. Smart-UPS SMT, SMX and SMC are not among them: theirs is Microlink or Modbus.

use husk_driver::Hardware;

#[rustfmt::skip]
pub(crate) static HARDWARE: &[Hardware] = &[
    // Their bytes are replayed in tests/recordings.rs.
    Hardware::recorded("APC", &["Smart-UPS 420 INET"], ""),
    Hardware::recorded("APC", &["Smart-UPS VS 420I (SUVS420I)"], ""),

    // What another driver of this protocol has published for them is in NUT's library of device dumps.
    Hardware::documented("APC", &[
        "Smart-UPS 600", "Smart-UPS 900", "Smart-UPS 900I", "Smart-UPS 1250", "Smart-UPS 2200", "Smart-UPS 5000 RM",
        "Smart-UPS SC450 RM", "Smart-UPS RT 2000 XL",
    ], ""),
    Hardware::documented("APC", &["Matrix-UPS 5000"], ""),

    // The firmware of these is known, see `quirks`.
    Hardware::documented("APC", &["Smart-UPS 600I", "Smart-UPS 1250I", "Smart-UPS 2000I"], "do not say what they know"),
    Hardware::documented("APC", &["Back-UPS CS 350"], "sdtype = 4"),

    // The specification of the protocol has their letters.
    Hardware::documented("APC", &["Smart-UPS of the third generation", "Matrix-UPS", "Back-UPS Pro"], ""),
    Hardware::documented("APC", &["Measure-UPS II"], "sensors in the slot of a Smart-UPS"),

    Hardware::untested("APC", &["newer Smart-UPS with the card AP9620"], ""),
    Hardware::untested("APC", &["other Smart-UPS RT"], "SURT, not SRT"),
];
