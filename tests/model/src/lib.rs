//! A made-up world for the product's decisions: real monitors, real sessions and the real ledger of a server, joined by
//! a network, supplies and clocks that a test moves as it likes.
//!
//! Two tests drive it: `model` walks through every order of events of a small site, `simulation` through long random
//! days of a large one. Sockets, TLS, files and processes are left to the tests of whole programs.

pub mod machine;
pub mod server;
