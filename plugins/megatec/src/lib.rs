//! The Megatec family: one line of ASCII each way, ended by a carriage return.
//!
//! ```text
//! > Q1\r                                                       how are you?
//! < (215.0 195.0 230.0 014 50.0 27.4 25.0 10001001\r
//!    input fault output load Hz battery °C  flags: mains failed, battery low, bypass or AVR, UPS failed,
//!                                           line-interactive, test runs, shutdown runs, beeper on
//! > F\r                                                        what are you made for?
//! < #230.0 004 024.0 50.0\r                                    volts, amperes, battery volts, hertz
//! > I\r                                                        who are you?
//! < #Example         Sim1500    V1.0      \r                   maker (15), model (10), firmware (10)
//! > S.5R0003\r                                                 off in 0.5 min, on again after 3 min
//!   (nothing: done; the command itself: not known; ACK or NAK on newer units)
//! ```
//!
//! A dialect is a table of queries (`dialect`), each answer a table of rows (`row`); one file per dialect is in
//! `dialects`. The rest is small: `probe` finds the dialect, `talk` asks what is due, `answer` reads, `picture` is what the
//! answers say together, `unit` makes reports of it, `commands`, `delays` and `writes` give orders, `battery` guesses what
//! these devices do not measure. What carries the lines is chosen by a feature: `serial`, or `usb`, which makes another
//! plugin of the same sources and knows the chips between plug and unit (`bridge`).
//!
//! Refuses to publish a value from an answer in which a length, a border or a flag is wrong; a field of dashes is unknown.
//! Refuses devices that answer in none of the dialects, and silence where there was a status before.
//!
//! Standard: the Megatec protocol information sheet (2001) and the sheets named in the dialects; where devices differ,
//! the row says so.

mod answer;
mod battery;
#[cfg(feature = "usb")]
mod bridge;
mod checksum;
mod commands;
mod delays;
mod dialect;
mod dialects;
#[cfg(feature = "serial")]
mod hardware;
#[cfg(feature = "usb")]
mod hardware_usb;
mod line;
mod link;
mod options;
mod picture;
mod probe;
mod row;
#[cfg(feature = "serial")]
mod serial;
mod talk;
mod unit;
#[cfg(feature = "usb")]
mod usb;
mod writes;

#[cfg(feature = "serial")]
pub use serial::Megatec;
#[cfg(feature = "usb")]
pub use usb::MegatecUsb;

#[cfg(feature = "serial")]
husk_driver::export!(Megatec);
#[cfg(all(feature = "usb", not(feature = "serial")))]
husk_driver::export!(MegatecUsb);
