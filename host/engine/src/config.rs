//! The engine settings that the daemon and the compile helper must share: code made under other settings is refused
//! on loading.
//!
//! Off: everything that a guest in the style of the contract never needs (threads, garbage collection, 64-bit
//! memories, component async). On although no Rust guest needs them: tail calls and several memories, because
//! JavaScript guests do and because switching off several memories makes Wasmtime 48's compiler panic on composed
//! components instead of refusing them.

use wasmtime::{Config, WasmBacktraceDetails};

use crate::limits;

/// Settings for an engine, running or compiling.
pub fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(false)
        .max_wasm_stack(limits::WASM_STACK)
        .async_stack_size(limits::FIBER_STACK)
        .memory_init_cow(true)
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_multi_memory(true)
        .wasm_tail_call(true)
        // An environment variable must not change what is parsed out of a guest.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// The part of a cache entry's name that changes when old entries can no longer be read.
pub(crate) fn code_version() -> String {
    format!("{}-{}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH)
}
