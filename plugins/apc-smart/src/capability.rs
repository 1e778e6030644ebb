//! The answer to ^Z: which letters can be set, and to what.
//!
//! ```text
//! #uD43127130133136uM43229234239224...e4420015 5090k4410TLN
//!   u   the letter
//!    D  units sold there have these values: the last character of the firmware; 4: all of them
//!     4 so many values,
//!      3 so many characters each,
//!       127130133136  one after the other
//! ##uI43253257261265##lI43208204200196   a Matrix-UPS puts ## before each
//! ```
//!
//! Refuses what runs over the end (firmware 451.2.I is known for it): the values before it are whole and count.

/// What one letter can be set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capability {
    pub(crate) letter: u8,
    /// As the unit spells them, in its order; none where the record gives a number below zero (firmware 5YI).
    pub(crate) values: Vec<String>,
}

/// The records for a unit of this place, and whether the string ended where a record ends.
pub(crate) fn parse(text: &[u8], place: Option<u8>) -> (Vec<Capability>, bool) {
    let mut found = Vec::new();
    let (mut rest, marks): (&[u8], usize) = match text {
        [b'#', b'#', ..] => (text, 2),
        [b'#', rest @ ..] => (rest, 0),
        _ => return (found, false),
    };
    while !rest.is_empty() {
        let Some((capability, locale, more)) = record(rest.get(marks..).unwrap_or_default()) else {
            return (found, false);
        };
        if locale == ALL || Some(locale) == place {
            found.push(capability);
        }
        let Some(more) = more else {
            return (found, false);
        };
        rest = more;
    }
    (found, true)
}

/// The locale of values for all.
const ALL: u8 = b'4';

/// The first record, its locale and what follows it, unless it runs over the end.
fn record(text: &[u8]) -> Option<(Capability, u8, Option<&[u8]>)> {
    let [letter, locale, count, length, rest @ ..] = text else {
        return None;
    };
    let sizes = (count.checked_sub(b'0'), length.checked_sub(b'0'));
    // A number below zero means no values; so does a length of none.
    let (count, length) = match sizes {
        (Some(count), Some(length)) => (usize::from(count), usize::from(length)),
        _ => (0, 0),
    };
    let (values, rest) = match rest.split_at_checked(count * length) {
        Some((values, rest)) => (values, Some(rest)),
        None => (rest, None),
    };
    let mut capability = Capability {
        letter: *letter,
        values: Vec::new(),
    };
    for value in values.chunks_exact(length.max(1)) {
        let value = husk_driver::wire::line::printable(value)?.to_owned();
        if !capability.values.contains(&value) {
            capability.values.push(value);
        }
    }
    Some((capability, *locale, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a Smart-UPS of the third generation, put together from the table in APC's manual.
    const THIRD: &[u8] = b"#uD43127130133136uM43229234239224uA43108110112114uI43253257261265\
        lD43106103100097lM43177172168182lA43092090088086lI43208204200196e44200155090\
        oD13115oJ13100oI43230240220225oM13208s441HMLLq44202050710p443020180300600k4410TLNr443000060180300\
        E443336168ON OFF";

    fn list(text: &[u8], place: u8) -> (Vec<String>, bool) {
        let (found, whole) = parse(text, Some(place));
        let line =
            |one: &Capability| format!("{} {}", char::from(one.letter), one.values.join(","));
        (found.iter().map(line).collect(), whole)
    }

    #[test]
    fn a_unit_offers_what_is_meant_for_its_place() {
        let (found, whole) = list(THIRD, b'I');
        assert!(whole, "{found:?}");
        assert_eq!(
            found,
            [
                "u 253,257,261,265",
                "l 208,204,200,196",
                "e 00,15,50,90",
                "o 230,240,220,225",
                "s H,M,L",
                "q 02,05,07,10",
                "p 020,180,300,600",
                "k 0,T,L,N",
                "r 000,060,180,300",
                "E 336,168,ON ,OFF"
            ]
        );
        let (found, _) = list(THIRD, b'D');
        assert_eq!(found.first().map(String::as_str), Some("u 127,130,133,136"));
        let (found, _) = list(THIRD, b'?');
        assert_eq!(found.first().map(String::as_str), Some("e 00,15,50,90"));
    }

    #[test]
    fn a_matrix_ups_marks_each_record() {
        let (found, whole) = list(b"##uI43253257261265##lI43208204200196", b'I');
        assert!(whole);
        assert_eq!(found, ["u 253,257,261,265", "l 208,204,200,196"]);
    }

    #[test]
    fn what_runs_over_the_end_is_left_out() {
        assert_eq!(
            list(b"#s441HMLLuI4325325726", b'I'),
            (vec!["s H,M,L".to_owned(), "u 253,257".to_owned()], false)
        );
        for broken in [
            &b""[..],
            b"uI43",
            b"#u",
            b"#u4",
            b"#u44",
            b"##",
            b"##u",
            b"#u4\xff\xff1",
            b"#u411\xff",
        ] {
            assert!(!parse(broken, None).1 || broken == b"#", "{broken:?}");
        }
        // A number below zero: the letter can be set, to what is not said.
        assert_eq!(
            list(b"#x4/3s441HMLL", b'I'),
            (vec!["x ".to_owned(), "s H,M,L".to_owned()], true)
        );
        assert_eq!(list(b"#x405", b'I'), (vec!["x ".to_owned()], true));
    }
}
