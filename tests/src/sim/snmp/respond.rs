//! What an agent answers to a packet.

use super::ber::{element, integer, number, oid, read_oid, take};
use super::{Objects, State, Value};
use std::ops::Bound::{Excluded, Unbounded};

/// Bytes of an answer; more is tooBig, or the end of a bulk. What fits an Ethernet frame, as on many cards.
const ANSWER: usize = 1472;

const GET: u8 = 0xA0;
const NEXT: u8 = 0xA1;
const RESPONSE: u8 = 0xA2;
const SET: u8 = 0xA3;
const BULK: u8 = 0xA5;
/// error-status (RFC 3416 §3).
const TOO_BIG: u8 = 1;
const NO_SUCH_NAME: u8 = 2;
const BAD_VALUE: u8 = 3;
const WRONG_TYPE: u8 = 7;
const NOT_WRITABLE: u8 = 17;

/// A request of version 1 or 2c.
struct Request<'a> {
    v1: bool,
    head: Vec<u8>,
    kind: u8,
    id: &'a [u8],
    /// non-repeaters and max-repetitions of a bulk.
    numbers: (i64, i64),
    list: &'a [u8],
    bindings: Vec<(Vec<u32>, Value)>,
}

/// The answer to a packet; none to what is no request.
pub(super) fn respond(state: &mut State, packet: &[u8]) -> Option<Vec<u8>> {
    let request = parse(packet)?;
    state.counted.objects += request.bindings.len() as u64;
    if request.bindings.len() > state.most {
        return Some(request.refused(TOO_BIG, 0));
    }
    let answered = match request.kind {
        GET | NEXT => read(&state.objects, &request),
        BULK if !request.v1 => Ok(bulk(&state.objects, &request)),
        SET => write(state, &request),
        _ => return None,
    };
    Some(match answered {
        Ok(bindings) => {
            let answer = request.answer(0, 0, &element(0x30, &bindings.concat()));
            match answer.len() > ANSWER {
                true => request.refused(TOO_BIG, 0),
                false => answer,
            }
        }
        Err((status, index)) => request.refused(status, index),
    })
}

fn parse(packet: &[u8]) -> Option<Request<'_>> {
    let mut packet = packet;
    let (_, mut message) = take(&mut packet)?;
    let (_, version) = take(&mut message)?;
    let (_, community) = take(&mut message)?;
    let (kind, mut pdu) = take(&mut message)?;
    let (_, id) = take(&mut pdu)?;
    let (_, one) = take(&mut pdu)?;
    let (_, two) = take(&mut pdu)?;
    let (_, list) = take(&mut pdu)?;
    let mut bindings = Vec::new();
    let mut rest = list;
    while let Some((_, mut binding)) = take(&mut rest) {
        let (_, name) = take(&mut binding)?;
        let (tag, bytes) = take(&mut binding)?;
        let bytes = bytes.to_vec();
        bindings.push((read_oid(name), Value { tag, bytes }));
    }
    let v1 = number(version) == 0;
    (number(version) <= 1).then(|| Request {
        v1,
        head: [element(2, version), element(4, community)].concat(),
        kind,
        id,
        numbers: (number(one), number(two)),
        list,
        bindings,
    })
}

impl Request<'_> {
    fn answer(&self, status: u8, index: usize, list: &[u8]) -> Vec<u8> {
        let numbers = [
            element(2, self.id),
            element(2, &[status]),
            element(2, &integer(index as i128)),
        ];
        let pdu = element(RESPONSE, &[&numbers.concat(), list].concat());
        element(0x30, &[self.head.as_slice(), &pdu].concat())
    }

    /// The request's own objects come back with an error.
    fn refused(&self, status: u8, index: usize) -> Vec<u8> {
        self.answer(status, index, &element(0x30, self.list))
    }
}

fn binding(name: &[u32], tag: u8, bytes: &[u8]) -> Vec<u8> {
    element(
        0x30,
        &[element(6, &oid(name)), element(tag, bytes)].concat(),
    )
}

fn following<'a>(objects: &'a Objects, name: &[u32]) -> Option<(&'a Vec<u32>, &'a Value)> {
    objects
        .range::<[u32], _>((Excluded(name), Unbounded))
        .next()
}

type Refusal = (u8, usize);

fn read(objects: &Objects, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut answers = Vec::new();
    for (at, (name, _)) in request.bindings.iter().enumerate() {
        let found = match request.kind {
            GET => objects.get_key_value(name),
            _ => following(objects, name),
        };
        answers.push(match found {
            // Version 1 has no Counter64 (RFC 3584 §4.2.2.1).
            Some((name, value)) if !(request.v1 && value.tag == 70) => {
                binding(name, value.tag, &value.bytes)
            }
            _ if request.v1 => return Err((NO_SUCH_NAME, at + 1)),
            _ if request.kind == GET => binding(name, absent(objects, name), &[]),
            _ => binding(name, 0x82, &[]),
        });
    }
    Ok(answers)
}

/// noSuchInstance where the same column has other rows, else noSuchObject.
fn absent(objects: &Objects, name: &[u32]) -> u8 {
    let column = name.split_last().map_or(name, |(_, column)| column);
    match following(objects, column) {
        Some((other, _)) if other.starts_with(column) => 0x81,
        _ => 0x80,
    }
}

fn bulk(objects: &Objects, request: &Request<'_>) -> Vec<Vec<u8>> {
    let (once, repetitions) = request.numbers;
    let once = usize::try_from(once).unwrap_or(0);
    let mut answers = Vec::new();
    let mut size = 60;
    for (at, (name, _)) in request.bindings.iter().enumerate() {
        let mut name = name.clone();
        for _ in 0..if at < once { 1 } else { repetitions } {
            let answer = match following(objects, &name) {
                Some((next, value)) => {
                    name.clone_from(next);
                    binding(next, value.tag, &value.bytes)
                }
                None => binding(&name, 0x82, &[]),
            };
            size += answer.len();
            if size > ANSWER {
                return answers;
            }
            answers.push(answer);
        }
    }
    answers
}

fn write(state: &mut State, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Refusal> {
    for (at, (name, value)) in request.bindings.iter().enumerate() {
        let status = match (state.refused.get(name), state.objects.get(name)) {
            (Some(status), _) => *status,
            (None, None) if request.v1 => NO_SUCH_NAME,
            (None, None) => NOT_WRITABLE,
            (None, Some(before)) if before.tag == value.tag => continue,
            (None, Some(_)) if request.v1 => BAD_VALUE,
            (None, Some(_)) => WRONG_TYPE,
        };
        return Err((status, at + 1));
    }
    for (name, value) in &request.bindings {
        state.objects.insert(name.clone(), value.clone());
        state.written.push((name.clone(), value.clone()));
    }
    let answers = request.bindings.iter();
    Ok(answers
        .map(|(name, value)| binding(name, value.tag, &value.bytes))
        .collect())
}
