//! The reason of a crash, in one short line: what happened, during which call, in which functions of the guest.

use wasmtime::{Trap, WasmBacktrace};

use crate::limits::{self, Phase};
use crate::meter::Spent;
use crate::text;

/// Innermost functions named; the rest is rarely about the mistake.
const FRAMES: usize = 3;

/// Puts an error of a call into words.
pub(crate) fn reason(phase: &Phase, error: &wasmtime::Error) -> String {
    let what = what(error);
    let at = frames(error);
    text::clean(
        &format!("{what} during {}{at}", phase.name),
        limits::ERROR_TEXT,
    )
}

/// The words for a call that did not end.
pub(crate) fn too_slow(phase: &Phase) -> String {
    format!(
        "{} was not done after {} s",
        phase.name,
        phase.wall.as_secs()
    )
}

fn what(error: &wasmtime::Error) -> String {
    if let Some(spent) = error.downcast_ref::<Spent>() {
        return spent.to_string();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => {
            "it panicked or aborted (its last log line may tell why)".to_owned()
        }
        Some(Trap::StackOverflow) => "its call stack was exhausted".to_owned(),
        Some(Trap::MemoryOutOfBounds) => {
            "it touched memory out of bounds (or its stack overflowed)".to_owned()
        }
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}

fn frames(error: &wasmtime::Error) -> String {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let mut names: Vec<String> = trace
        .frames()
        .iter()
        .filter_map(|frame| frame.func_name())
        .map(readable)
        .collect();
    // A recursion is named once.
    names.dedup();
    let telling: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !is_machinery(name))
        .take(FRAMES)
        .collect();
    if telling.is_empty() {
        return String::new();
    }
    format!(", in {}", telling.join(" < "))
}

/// Rust's own library and the generated glue say nothing about who made the mistake.
fn is_machinery(name: &str) -> bool {
    let name = name.trim_start_matches('<');
    [
        "std::",
        "core::",
        "alloc::",
        "dlmalloc::",
        "__rust",
        "rust_panic",
        "ups:driver/",
    ]
    .iter()
    .any(|library| name.starts_with(library))
        || name.contains("::bindings::")
}

/// The name as its author wrote it, without hashes, crate disambiguators and what a trait's path adds.
fn readable(symbol: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    match name
        .strip_prefix('<')
        .and_then(|rest| rest.split_once(" as "))
    {
        Some((of, rest)) => match rest.rsplit_once(">::") {
            Some((_, function)) => format!("{of}::{function}"),
            None => name,
        },
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_become_names() {
        assert_eq!(
            readable("_ZN12husk_hostile6attack4spin17h63c77a022af702b4E"),
            "husk_hostile::attack::spin"
        );
        let method = "_ZN113_$LT$husk_hostile..guest..Opened$u20$as$u20$husk_hostile..bindings..exports..ups..driver..driver..GuestDevice$GT$4poll17h1faafcd5444eb0a8E";
        assert_eq!(readable(method), "husk_hostile::guest::Opened::poll");
        assert_eq!(readable("my_c_function"), "my_c_function");
    }

    #[test]
    fn the_library_is_not_to_blame() {
        assert!(is_machinery("core::panicking::panic_fmt"));
        assert!(is_machinery("<alloc::raw_vec::RawVec<T>>::grow"));
        assert!(!is_machinery("my_driver::poll"));
    }
}
