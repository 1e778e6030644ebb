//! The pure part of looking for devices: which addresses a scan means, how what was found is written down, and what goes into
//! ups.conf.
//!
//! It looks nowhere itself and changes no file. Formats: NUT's nut-scanner.

pub mod addresses;
pub mod draft;
pub mod found;
