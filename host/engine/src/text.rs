//! Text that came from a guest, made fit to be shown: one line, no control characters, bounded, no secrets.

/// Cuts to `limit` bytes at a character border and replaces control characters (line ends and terminal escapes
/// included) by spaces.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for c in text.trim_end().chars() {
        let c = if is_unsafe(c) { ' ' } else { c };
        if out.len() + c.len_utf8() > limit {
            // "..." tells that there was more, even where it takes the text over the limit by three bytes.
            out.push_str("...");
            break;
        }
        out.push(c);
    }
    out
}

/// Controls, line and paragraph separators, and the marks that reorder text on a terminal.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Values that must never be shown, wherever they turn up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Shorter ones are left alone: hiding every "1" hides the log and protects nothing.
    const SHORTEST: usize = 3;

    pub(crate) fn new<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut values: Vec<String> = values
            .filter(|value| value.len() >= Self::SHORTEST)
            .map(str::to_owned)
            .collect();
        // A secret that contains another one goes first, or its rest would stay.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values)
    }

    /// The text with every secret replaced, then made fit to be shown.
    pub(crate) fn clean(&self, text: &str, limit: usize) -> String {
        if self.0.is_empty() {
            return clean(text, limit);
        }
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "[secret]");
            }
        }
        clean(&text, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_cannot_be_forged() {
        assert_eq!(
            clean("a\nERROR b\r\u{1b}[2Jc\u{202e}", 99),
            "a ERROR b  [2Jc "
        );
    }

    #[test]
    fn cuts_at_a_character() {
        assert_eq!(clean("aää", 4), "aä...");
        assert_eq!(clean("aää", 5), "aää");
    }

    #[test]
    fn secrets_vanish_longest_first() {
        let secrets = Secrets::new(["hunter", "hunter2", "1"].into_iter());
        assert_eq!(
            secrets.clean("pass hunter2, hunter, 1", 99),
            "pass [secret], [secret], 1"
        );
    }
}
