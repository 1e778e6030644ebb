//! What Voltronic's faults and warnings are.
//!
//! A number that is not in the tables is told as a number. Source: Voltronic's protocol sheets.

use super::is;
use crate::picture::Picture;
use husk_driver::{Word, word};

/// The first two columns of the answer to QFS.
pub(super) fn fault(text: &str, picture: &mut Picture) -> Option<()> {
    if text == "OK" {
        return Some(());
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'A'..=b'C').contains(&byte))
    {
        return None;
    }
    let table = if is(picture, &[31]) {
        OF_P31
    } else {
        OF_OTHERS
    };
    match table.iter().find(|(code, _)| *code == text) {
        Some((_, what)) => {
            if what.contains("overload") {
                picture.word(word::OVER);
            }
            picture.alarm(format!("Fault: {what}"));
        }
        None => picture.alarm(format!("Fault {text}")),
    }
    Some(())
}

#[rustfmt::skip]
const OF_P31: &[(&str, &str)] = &[
    ("01", "fan"), ("02", "too hot"), ("03", "battery voltage high"), ("04", "battery voltage low"),
    ("05", "short in the inverter relay"), ("06", "inverter voltage high"), ("07", "overload"),
    ("08", "bus voltage high"), ("09", "bus did not start softly"), ("51", "current high"),
    ("52", "bus voltage low"), ("53", "inverter did not start softly"), ("54", "self-test failed"),
    ("55", "direct voltage at the output"), ("56", "battery open"), ("57", "current sensor"),
    ("58", "short in the battery"), ("59", "inverter voltage low"),
];

/// A letter after 01 says on which phase the inverter has taken power back.
#[rustfmt::skip]
const OF_OTHERS: &[(&str, &str)] = &[
    ("01", "bus did not reach its voltage"),
    ("1A", "power into the inverter on L1"), ("1B", "power into the inverter on L2"), ("1C", "power into the inverter on L3"),
    ("02", "bus voltage high"), ("03", "bus voltage low"), ("04", "bus voltages unequal"), ("05", "bus voltage fell too fast"),
    ("06", "current high in the input choke"),
    ("11", "inverter did not reach its voltage"), ("12", "inverter voltage high"), ("13", "inverter voltage low"),
    ("14", "short at the inverter"), ("15", "short at the inverter, L2"), ("16", "short at the inverter, L3"),
    ("17", "short at the inverter, L1 to L2"), ("18", "short at the inverter, L2 to L3"), ("19", "short at the inverter, L3 to L1"),
    ("21", "short in the battery thyristor"), ("22", "short in the line thyristor"), ("23", "inverter relay open"),
    ("24", "short in the inverter relay"), ("25", "input and output wires swapped"), ("26", "battery wires swapped"),
    ("27", "battery voltage high"), ("28", "battery voltage low"), ("29", "battery fuse open"),
    ("31", "CAN bus"), ("32", "host signal"), ("33", "synchronous signal"), ("34", "synchronous pulse"),
    ("35", "parallel cable lost"), ("36", "load unbalanced"),
    ("41", "too hot"), ("42", "processors do not talk to each other"), ("43", "overload"), ("44", "fan"),
    ("45", "charger"), ("46", "model"), ("47", "controller does not talk"),
];

/// The 64 flags of the answer to QWS.
pub(super) fn warnings(text: &str, picture: &mut Picture) -> Option<()> {
    if !text.bytes().all(|byte| matches!(byte, b'0' | b'1')) {
        return None;
    }
    let set = text.bytes().enumerate().filter(|(_, byte)| *byte == b'1');
    for (bit, _) in set {
        match WARNINGS.iter().find(|(known, ..)| *known == bit) {
            Some((_, what, means)) => {
                means.iter().for_each(|word| picture.word(*word));
                picture.alarm(format!("Warning: {what}"));
            }
            None => picture.alarm(format!("Warning {}", bit + 1)),
        }
    }
    Some(())
}

#[rustfmt::skip]
const WARNINGS: &[(usize, &str, &[Word])] = &[
    ( 0, "battery disconnected", &[]), ( 1, "neutral not connected", &[]), ( 2, "site wiring", &[]),
    ( 3, "order of the phases", &[]), ( 4, "order of the phases of the bypass", &[]), ( 5, "frequency of the bypass", &[]),
    ( 6, "battery charged too far", &[]), ( 7, "battery low", &[word::LB]), ( 8, "overload", &[word::OVER]),
    ( 9, "fan", &[]), (10, "emergency switch", &[]), (11, "cannot be switched on", &[]), (12, "too hot", &[]),
    (13, "charger", &[]), (14, "switched off from afar", &[]),
    (15, "input fuse L1", &[]), (16, "input fuse L2", &[]), (17, "input fuse L3", &[]),
    (18, "positive power stage of L1", &[]), (19, "negative power stage of L1", &[]),
    (20, "positive power stage of L2", &[]), (21, "negative power stage of L2", &[]),
    (22, "positive power stage of L3", &[]), (23, "negative power stage of L3", &[]),
    (24, "CAN bus of the parallel units", &[]), (25, "synchronous signal of the parallel units", &[]),
    (26, "synchronous pulse of the parallel units", &[]), (27, "host signal of the parallel units", &[]),
    (28, "male connector of the parallel cable", &[]), (29, "female connector of the parallel cable", &[]),
    (30, "parallel cable", &[]), (31, "battery of the parallel units differs", &[]),
    (32, "mains of the parallel units differ", &[]), (33, "bypass of the parallel units differs", &[]),
    (34, "kinds of the parallel units differ", &[]), (35, "powers of the parallel units differ", &[]),
    (36, "automatic restart of the parallel units differs", &[]),
    (37, "cells charged too far", &[]), (38, "battery protection of the parallel units differs", &[]),
    (39, "battery check of the parallel units differs", &[]), (40, "forbidden bypass of the parallel units differs", &[]),
    (41, "converter of the parallel units differs", &[]), (42, "highest bypass frequency of the parallel units differs", &[]),
    (43, "lowest bypass frequency of the parallel units differs", &[]), (44, "highest bypass voltage of the parallel units differs", &[]),
    (45, "lowest bypass voltage of the parallel units differs", &[]), (46, "highest input frequency of the parallel units differs", &[]),
    (47, "lowest input frequency of the parallel units differs", &[]), (48, "highest input voltage of the parallel units differs", &[]),
    (49, "lowest input voltage of the parallel units differs", &[]),
    (50, "locked in bypass after three overloads", &[]), (51, "input currents uneven", &[]),
    (52, "input currents uneven on battery", &[]), (53, "inverter currents uneven", &[]),
    (54, "outlets are about to be cut off", &[]), (55, "battery needs to be replaced", &[word::RB]),
    (56, "input phase angle", &[]), (57, "cover of the maintenance switch is open", &[]), (61, "memory of the settings", &[]),
];
