//! Recordings of devices, which users send in: whatever is taken is written back the same.
#![no_main]

use husk_wire::trace::{Trace, escape, unescape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    assert_eq!(unescape(&escape(data)).as_deref(), Ok(data));
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(trace) = Trace::parse(text) else {
        return;
    };
    let written: String = trace
        .steps
        .iter()
        .map(|(_, step)| format!("{step}\n"))
        .collect();
    let again = Trace::parse(&written).unwrap_or_else(|error| panic!("{error}:\n{written}"));
    let steps = |trace: Trace| {
        trace
            .steps
            .into_iter()
            .map(|(_, step)| step)
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(again), steps(trace), "{written}");
});
