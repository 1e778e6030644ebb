//! What a server may send: lines are cut alike however they come, and what a client asks is read as it was meant.
#![no_main]

use husk_core::proto::client::{self, Error, Line, Lines, Listing, Target};
use husk_core::proto::limits;
use libfuzzer_sys::fuzz_target;

/// The lines until the first error, which ends the connection.
fn lines(pieces: std::slice::Chunks<'_, u8>) -> (Vec<Line>, Option<Error>) {
    let (mut lines, mut read) = (Lines::new(), Vec::new());
    for piece in pieces {
        lines.feed(piece);
        loop {
            match lines.next_line() {
                Ok(Some(line)) => read.push(line),
                Ok(None) => break,
                Err(error) => return (read, Some(error)),
            }
        }
    }
    (read, None)
}

fuzz_target!(|data: &[u8]| {
    let (read, error) = lines(data.chunks(1));
    // In one piece a line longer than the limit may be taken, if it is whole.
    if error != Some(Error::Protocol) {
        assert_eq!(lines(data.chunks(4096)), (read.clone(), error));
    }
    let query = ["VAR", "lab"];
    let mut listing = Listing::new(&query);
    for line in &read {
        assert!(!line.text.contains('\n') && line.text.len() <= 3 * limits::REPLY);
        if let Ok(rows) = client::answer(&query, line) {
            assert!(!rows.is_empty());
        }
        let _ = client::acknowledged(line);
        if let Ok(Some(rows)) = listing.take(line) {
            assert!(rows.len() <= limits::ROWS);
        }
        let _ = Target::parse(&line.text).map(|target| assert!(!target.ups.is_empty()));
        if !line.words.is_empty() {
            let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
            let request = client::request(&words);
            let text = request.strip_suffix('\n').expect("a request is a line");
            assert_eq!(Line::parse(text).expect("it can be read").words, line.words);
        }
    }
});
