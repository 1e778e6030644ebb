//! What STATUS says, and STATFLAG where STATUS does not.
//!
//! Refuses to take "I cannot reach my UPS" for an outage, and to report a status that does not say whether the mains are there.

use crate::nis::Fields;
use husk_driver::host::Level;
use husk_driver::{Error, Report, Word, log, word};

/// Words of STATUS. The daemon writes all that apply, but COMMLOST and SHUTTING DOWN in place of all others.
#[rustfmt::skip]
static WORDS: &[(&str, Word)] = &[
    ("CAL",         word::CAL),
    ("TRIM",        word::TRIM),
    ("BOOST",       word::BOOST),
    ("ONLINE",      word::OL),
    ("ONBATT",      word::OB),
    ("OVERLOAD",    word::OVER),
    ("LOWBATT",     word::LB),
    ("REPLACEBATT", word::RB),
    // No battery connected: the load has the mains and nothing behind them, as on a bypass. The incumbent's word for it.
    ("NOBATT",      word::BYPASS),
];

/// Words that say how the daemon fares and nothing about the power.
const BESIDE: &[&str] = &["SLAVE", "SLAVEDOWN", "SHUTTING", "DOWN"];

/// Words of a daemon that knows nothing of its UPS now. The last two are of its older network slaves.
const LOST: &[&str] = &["COMMLOST", "NETWORK", "ERROR"];

/// Bits of STATFLAG.
mod flag {
    pub(super) const ONLINE: u32 = 0x0000_0008;
    pub(super) const ONBATT: u32 = 0x0000_0010;
    pub(super) const COMMLOST: u32 = 0x0000_0100;
}

/// Sets the status words.
pub(crate) fn report(fields: &Fields, report: &mut Report) -> Result<(), Error> {
    let text = fields
        .get("STATUS")
        .ok_or_else(|| Error::Protocol("the report has no STATUS".to_owned()))?;
    let flags = flags(fields);
    let words: Vec<&str> = text.split_whitespace().collect();
    let lost = words.iter().any(|word| LOST.contains(word));
    if lost || flags & flag::COMMLOST != 0 {
        return Err(Error::Other(format!(
            "apcupsd has lost its UPS (STATUS {text})"
        )));
    }
    let mut known: Vec<Word> = Vec::new();
    for word in &words {
        match WORDS.iter().find(|(known, _)| known == word) {
            Some((_, word)) => known.push(*word),
            None if BESIDE.contains(word) => {}
            // Of older daemons: a self test runs, on the battery.
            None if *word == "SELFTEST" => known.push(word::OB),
            None => log!(Level::Debug, "STATUS has the unknown word {word}"),
        }
    }
    if !known.contains(&word::OL) && !known.contains(&word::OB) {
        known.push(power(flags, text)?);
    }
    // The daemon takes this machine down, as for a battery that is empty: whoever is fed by that battery has to follow.
    if words.contains(&"SHUTTING") && known.contains(&word::OB) {
        known.push(word::LB);
    }
    for word in known {
        report.status(word);
    }
    Ok(())
}

/// Whether the mains are there, by the flags.
fn power(flags: u32, text: &str) -> Result<Word, Error> {
    match (flags & flag::ONLINE != 0, flags & flag::ONBATT != 0) {
        (true, false) => Ok(word::OL),
        (false, true) => Ok(word::OB),
        _ => Err(Error::Protocol(format!(
            "STATUS {text} does not say whether the mains are there"
        ))),
    }
}

/// `0x05000008`, or `0x08 Status Flag` of older daemons; none when it is not there or no number.
fn flags(fields: &Fields) -> u32 {
    let text = fields
        .get("STATFLAG")
        .and_then(|text| text.split_whitespace().next());
    let digits = text.and_then(|text| text.strip_prefix("0x"));
    digits
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: &str, flag: &str) -> Result<String, Error> {
        let fields = Fields::of(&[("STATUS", status), ("STATFLAG", flag)]);
        let mut said = Report::new();
        report(&fields, &mut said)?;
        Ok(said.status_words().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn words_are_translated() {
        for (status, flag, expected) in [
            ("ONLINE", "0x05000008", "OL"),
            ("TRIM ONLINE", "0x0500000A", "TRIM OL"),
            ("ONBATT LOWBATT", "0x50", "OB LB"),
            ("CAL ONLINE OVERLOAD REPLACEBATT", "N/A", "CAL OL OVER RB"),
            ("BOOST ONLINE NOBATT SLAVE", "", "BOOST OL BYPASS"),
            ("ONLINE SLAVE SLAVEDOWN", "", "OL"),
            ("ONLINE TOMORROW", "", "OL"),
            ("SELFTEST", "", "OB"),
            // STATUS is believed where it speaks: programs that only play apcupsd send flags that never change.
            ("ONBATT", "0x08 Status Flag", "OB"),
        ] {
            assert_eq!(said(status, flag).unwrap(), expected, "{status}");
        }
    }

    #[test]
    fn a_daemon_that_goes_down_says_by_its_flags_whether_the_mains_are_there() {
        assert_eq!(said("SHUTTING DOWN", "0x05000210").unwrap(), "OB LB");
        assert_eq!(said("SHUTTING DOWN", "0x05000208").unwrap(), "OL");
        assert_eq!(said("CAL", "0x09 Status Flag").unwrap(), "CAL OL");
        assert!(said("SHUTTING DOWN", "0x00000200").is_err());
        assert!(said("SHUTTING DOWN", "").is_err());
        assert!(said("SLAVE", "0x18").is_err());
        assert!(said("", "0x08").is_err());
    }

    #[test]
    fn a_lost_ups_is_no_outage() {
        for (status, flag) in [
            ("COMMLOST", "0x05000110"),
            ("ONBATT COMMLOST", ""),
            ("NETWORK ERROR", ""),
            ("ERROR", ""),
            ("SHUTTING DOWN", "0x05000310"),
            ("ONLINE", "0x00000108"),
        ] {
            let error = said(status, flag).unwrap_err();
            assert!(error.to_string().contains("lost its UPS"), "{status}");
        }
    }
}
