//! One answer, read by the rows of its ask.
//!
//! Three sorts of answers are told apart. One in which a lead, a length, a border or a flag is wrong is no answer of this
//! protocol, and nothing of it is taken. One in which a field is of none of its shapes is odd: a line that was garbled on
//! the way, or a unit that always writes that field in its own way. The latter is known by doing so again and again when
//! it is opened, and that field then stays unknown.

use crate::dialect::{Ask, Read, When};
use crate::line::strange;
use crate::picture::Picture;
use crate::row::{Means, Number, Row};
use husk_driver::Error;
use husk_driver::wire::line;

/// The first columns of the fields that were of none of their shapes.
pub(crate) type Odd = Vec<usize>;

/// Takes an answer into the picture; fields may be odd in the ways of `allowed` and in no other.
pub(crate) fn take(
    ask: &Ask,
    answer: &[u8],
    allowed: &Odd,
    picture: &mut Picture,
) -> Result<(), Error> {
    // What never changes is told best by what is asked first.
    picture.keep_known(ask.when == When::Once);
    let odd = read(ask, answer, picture);
    picture.keep_known(false);
    match odd {
        Some(odd) if odd.iter().all(|at| allowed.contains(at)) => Ok(()),
        _ => Err(strange(ask.query, answer)),
    }
}

/// Reads an answer into the picture: what was odd in it, or `None` when it is none.
pub(crate) fn read(ask: &Ask, answer: &[u8], picture: &mut Picture) -> Option<Odd> {
    if answer.len() < ask.least || (ask.lead.is_some() && answer.first() != ask.lead.as_ref()) {
        return None;
    }
    let rows = match ask.read {
        Read::Bytes(by) => return by(answer, picture).map(|()| Odd::new()),
        Read::Rows(rows) => rows,
    };
    let answer = line::printable(answer)?;
    let mut odd = Odd::new();
    for row in rows {
        if matches!(row.means, Means::End) {
            if !at_border(answer, row.from) {
                return None;
            }
            continue;
        }
        let text = match row.to {
            Some(to) => line::columns(answer, row.from, to),
            None => answer.get(row.from..),
        };
        match text {
            Some(text) => match field(row, text, answer, picture)? {
                Told::Yes => {}
                Told::Odd => odd.push(row.from),
            },
            // Some units tell less than others.
            None if row.from >= ask.least => {}
            None => return None,
        }
    }
    // A unit has one habit or two; an answer that is odd all over is another protocol's.
    (2 * odd.len() <= rows.len()).then_some(odd)
}

enum Told {
    Yes,
    Odd,
}

fn field(row: &Row, text: &str, answer: &str, picture: &mut Picture) -> Option<Told> {
    match &row.means {
        Means::Number(number) => {
            let border = row.from + text.len();
            if !number.joined && !at_border(answer, border) {
                return None;
            }
            return Some(take_number(number, text, picture));
        }
        Means::Text(name) => picture.text(name, text.trim_matches([' ', '#'])),
        Means::Word(name, words) => {
            let Some((_, value)) = words.iter().find(|(word, _)| *word == text) else {
                return Some(Told::Odd);
            };
            picture.text(name, value);
        }
        Means::Bit(zero, one) => {
            let says = match line::bit(line::column(text, 0)?)? {
                true => one,
                false => zero,
            };
            says.iter().for_each(|says| picture.says(*says));
        }
        Means::Letter(letters) => {
            let letter = line::column(text, 0)?;
            match letters.iter().find(|(known, _)| *known == letter) {
                Some((_, says)) => says.iter().for_each(|says| picture.says(*says)),
                // Tomorrow's firmware says more.
                None if letter.is_ascii_uppercase() => {}
                None => return None,
            }
        }
        Means::By(by) => by(text, picture)?,
        Means::End => {}
    }
    Some(Told::Yes)
}

fn take_number(number: &Number, text: &str, picture: &mut Picture) -> Told {
    let like = |digit: fn(u8) -> bool| {
        number.shapes.iter().find(|shape| {
            let alike = |(want, byte): (u8, u8)| match want {
                b'0' => digit(byte),
                other => other == byte,
            };
            shape.len() == text.len() && shape.bytes().zip(text.bytes()).all(alike)
        })
    };
    match (
        like(|byte| byte.is_ascii_digit()),
        like(|byte| byte == b'-'),
    ) {
        (Some(shape), _) => {
            let sent = shape.split_once('.').map_or(0, |(_, part)| part.len());
            let decimals = number.decimals.unwrap_or(sent as u8);
            if let Some(value) = line::number(text)
                && !(number.zero_is_unknown && value == 0.0)
            {
                picture.number(number.name, value * number.times, decimals);
            }
            Told::Yes
        }
        (None, Some(_)) => Told::Yes,
        (None, None) => Told::Odd,
    }
}

/// Whether a field ends before this column: a blank, or the end of the line. Some units go on after a blank.
pub(crate) fn at_border(answer: &str, column: usize) -> bool {
    matches!(line::column(answer, column), None | Some(b' '))
}
