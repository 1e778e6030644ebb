//! PowerMan has files for the controllers of many makers; to this driver all are nodes of a daemon.

use husk_driver::Hardware;

pub(crate) static HARDWARE: &[Hardware] = &[Hardware::documented(
    "any maker",
    &["power controllers of a PowerMan daemon"],
    "powermand 2.3",
)];
