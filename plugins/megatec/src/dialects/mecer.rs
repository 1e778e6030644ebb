//! Mecer: units of the Megatec sheet that say yes and no to commands, among them Voltronic's P98.
//!
//! ```text
//! > QPI\r        < (PI98\r      P98
//!                < (NAK\r       another unit of this dialect; any other answer is not of it
//! > Q1\r         < (226.0 195.0 226.0 014 49.0 27.5 30.0 00001000\r
//! > T10\r        < (ACK\r       or (NAK
//! ```

use super::megatec::{MAKER, RATING, STATUS};
use crate::commands::{Command, Order, Sends, TEST_LEAST, TEST_LEAST_TENTHS, tell, test_for};
use crate::dialect::{Ask, Dialect, Replies, ask};
use crate::picture::Picture;
use crate::row::rest;
use husk_driver::{cmd, var};

#[rustfmt::skip]
pub(super) static MECER: Dialect = Dialect {
    name: "mecer",
    asks: &[STATUS, KIND, RATING, MAKER],
    commands: COMMANDS,
    replies: Replies::SPOKEN,
    ..Dialect::USUAL
};

/// A no is an answer here: it is what tells this dialect from others.
const KIND: Ask = ask("QPI", b'(', 4, &[rest(0).by(kind)])
    .once()
    .claims()
    .even_no();

const P98: &str = "Voltronic Power P98";

fn kind(answer: &str, picture: &mut Picture) -> Option<()> {
    match answer {
        "(PI98" => picture.text(var::UPS_FIRMWARE_AUX.as_str(), P98),
        "(NAK" => {}
        _ => return None,
    }
    Some(())
}

#[rustfmt::skip]
static COMMANDS: &[Command] = &[
    tell(cmd::BEEPER_TOGGLE,            Sends::Text("Q")),
    tell(cmd::LOAD_OFF,                 Sends::Text("S00R0000")),
    tell(cmd::LOAD_ON,                  Sends::Text("C")),
    tell(cmd::SHUTDOWN_RETURN,          Sends::Return),
    tell(cmd::SHUTDOWN_STAYOFF,         Sends::StayOff),
    tell(cmd::SHUTDOWN_STOP,            Sends::Text("C")),
    tell(cmd::TEST_BATTERY_START,       Sends::By(test)),
    tell(cmd::TEST_BATTERY_START_DEEP,  Sends::Text("TL")),
    tell(cmd::TEST_BATTERY_START_QUICK, Sends::Text("T")),
    tell(cmd::TEST_BATTERY_STOP,        Sends::Text("CT")),
];

/// Only P98 counts tenths of minutes.
fn test(order: &Order<'_>) -> Result<Vec<String>, husk_driver::Error> {
    let p98 = order.picture.shown(var::UPS_FIRMWARE_AUX.as_str()) == Some(P98);
    let least = if p98 { TEST_LEAST_TENTHS } else { TEST_LEAST };
    Ok(vec![test_for(order, least)?])
}
