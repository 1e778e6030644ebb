//! A driver that misbehaves as its section tells it: `attack = NAME`, from the second poll on, or in `open` with
//! `when = open`. It is written against the bare contract because the SDK would not let it do most of this.
//!
//! Test input only; natively it is empty.

#[cfg(target_arch = "wasm32")]
mod attack;
#[cfg(target_arch = "wasm32")]
mod bindings;
#[cfg(target_arch = "wasm32")]
mod guest;
