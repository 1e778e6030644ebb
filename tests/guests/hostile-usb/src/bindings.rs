//! Generated from the contract; none of it is written by hand.
#![allow(unsafe_code, missing_docs, clippy::all, clippy::indexing_slicing)]

use crate::guest::Hostile;

wit_bindgen::generate!({
    path: "../../../wit/v0.1",
    world: "usb-world",
});

export!(Hostile);
