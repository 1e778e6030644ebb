//! Configuration files: the first byte says which. Every complaint points into the file and can be printed.
#![no_main]

use husk_core::conf::{descriptions, diag::Diagnostic, nut, ups, upsd, users};
use libfuzzer_sys::fuzz_target;

fn complaints(which: u8, text: &[u8]) -> Vec<Diagnostic> {
    match which % 5 {
        0 => {
            let (conf, found) = ups::parse("ups.conf", text);
            for section in &conf.sections {
                assert!(!section.name.is_empty());
            }
            found
        }
        1 => upsd::parse("upsd.conf", text).1,
        2 => {
            let (users, found) = users::parse("upsd.users", text);
            // Nobody gets in without a password.
            assert!(users.iter().all(|user| !user.name().is_empty()));
            found
        }
        3 => nut::parse("nut.conf", text).1,
        _ => descriptions::parse("cmdvartab", text).1,
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&which, text)) = data.split_first() else {
        return;
    };
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    for found in complaints(which, text) {
        let line = lines
            .get(found.line as usize - 1)
            .expect("the line is there");
        assert!(
            (1..=line.len() + 1).contains(&(found.col as usize)),
            "{found}"
        );
        assert!(
            found.len >= 1 && found.to_string().lines().count() <= 4,
            "{found}"
        );
    }
});
