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
//! Columns, shapes and dialects are in `dialect`, instant commands in `commands`, the guesses that replace what
//! these devices do not measure in `battery`. What carries the lines is chosen by a feature: `serial`, or `usb`, which
//! makes another plugin of the same sources and knows the chips between plug and unit (`bridge`).
//!
//! Refuses to publish a value from a line that is not of the documented shape in every column: such a line is an
//! error, and a field of dashes is unknown. Refuses dialects it does not speak instead of guessing: the hexadecimal
//! QS, the long Voltronic queries, the three-phase units.
//!
//! Standard: the Megatec protocol information sheet (2001) and Voltronic's QS sheet; where devices differ, the
//! row says so.

mod answer;
mod battery;
#[cfg(feature = "usb")]
mod bridge;
mod commands;
mod dialect;
mod line;
mod link;
mod options;
mod probe;
#[cfg(feature = "serial")]
mod serial;
mod unit;
#[cfg(feature = "usb")]
mod usb;

#[cfg(feature = "serial")]
pub use serial::Megatec;
#[cfg(feature = "usb")]
pub use usb::MegatecUsb;

#[cfg(feature = "serial")]
husk_driver::export!(Megatec);
#[cfg(all(feature = "usb", not(feature = "serial")))]
husk_driver::export!(MegatecUsb);
