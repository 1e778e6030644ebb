//! Rust text without its comments and strings, and what stands in the rest. Good enough for rules; no parser.

/// The text without comments and strings.
pub(super) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let skipped = match rest {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ if rest.starts_with("'\"'") => 3,
            _ if rest.starts_with("'\\\"'") => 4,
            _ if rest.starts_with("r\"") => rest
                .get(2..)
                .and_then(|raw| raw.find('"'))
                .map_or(rest.len(), |end| end + 3),
            _ if rest.starts_with("r#\"") => rest
                .get(3..)
                .and_then(|raw| raw.find("\"#"))
                .map_or(rest.len(), |end| end + 5),
            _ if character == '"' => string_length(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(character);
        }
        rest = rest
            .get(skipped.max(character.len_utf8())..)
            .unwrap_or_default();
    }
    code
}

/// Bytes of the string literal that `text` begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (place, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

/// Code that vouches for something: a block, an implementation, an attribute. A type such as `unsafe fn()` vouches for
/// nothing; whoever calls it does.
pub(super) fn has_unsafe(code: &str) -> bool {
    code.match_indices("unsafe").any(|(place, word)| {
        let before = code
            .get(..place)
            .and_then(|head| head.chars().last())
            .unwrap_or(' ');
        let after = code
            .get(place + word.len()..)
            .unwrap_or_default()
            .trim_start();
        !before.is_alphanumeric()
            && before != '_'
            && (after.starts_with(['{', '('])
                || after.starts_with("impl ")
                || after.starts_with("extern "))
    })
}

pub(super) fn has_word(code: &str, word: &str) -> bool {
    code.split(|character: char| !character.is_alphanumeric() && character != '_')
        .any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_no_code() {
        let text = "a /* b */ \"c\\\"\" '\"' r#\"d \" e\"# f // g\nh";
        assert_eq!(code_of(text).split_whitespace().collect::<String>(), "afh");
    }

    #[test]
    fn calling_is_not_vouching() {
        assert!(
            has_unsafe("unsafe { f() }")
                && has_unsafe("#[unsafe(no_mangle)]")
                && has_unsafe("unsafe impl A for B {}")
        );
        assert!(
            !has_unsafe("fn f(g: unsafe fn()) {}")
                && !has_unsafe("#![expect(unsafe_code)]")
                && !has_unsafe("fn named_unsafe() {}")
        );
        assert!(
            has_word("use wasmtime::Store;", "wasmtime") && !has_word("my_wasmtime", "wasmtime")
        );
    }
}
