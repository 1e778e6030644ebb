//! NUT's word lexer: bounds hold, it recovers after every line, and words written back in quotes are read again.
#![no_main]

use husk_wire::words::{Event, Lexer, MAX_WORD, MAX_WORDS, Word, escape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut lexer = Lexer::new();
    let mut events: Vec<Event> = data.iter().map(|&byte| lexer.push(byte)).collect();
    events.push(lexer.finish());
    for event in events {
        let (Event::Line(words) | Event::Error { words, .. }) = event else {
            continue;
        };
        assert!(words.len() <= MAX_WORDS);
        for word in &words {
            assert!(word.text.len() <= MAX_WORD);
            assert!(word.text.bytes().all(|byte| (0x20..=0x7f).contains(&byte)));
        }
        let texts = |words: &[Word]| -> Vec<String> {
            words.iter().map(|word| word.text.clone()).collect()
        };
        let line: String = words
            .iter()
            .map(|word| format!("\"{}\"", escape(&word.text)))
            .collect();
        // The same lexer, so that nothing of the line before may be left in it.
        let again = line
            .bytes()
            .chain([b'\n'])
            .map(|byte| lexer.push(byte))
            .last();
        assert!(matches!(again, Some(Event::Line(again)) if texts(&again) == texts(&words)));
    }
});
