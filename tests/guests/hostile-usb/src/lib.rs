//! A driver for USB that misbehaves as its section tells it: `attack = NAME`, from the second poll on. It is written
//! against the bare contract because the SDK would not let it do most of this. What does not depend on the kind of port is
//! in `husk-hostile`.
//!
//! Test input only; natively it is empty.

#[cfg(target_arch = "wasm32")]
mod attack;
#[cfg(target_arch = "wasm32")]
mod bindings;
#[cfg(target_arch = "wasm32")]
mod guest;
