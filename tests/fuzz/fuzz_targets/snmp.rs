//! Packets that claim to be SNMP, of any version: read or refused, and what is read is written as it was understood.
#![no_main]

use husk_wire::snmp::message::{CommunityMessage, Scoped, ScopedPdu, V3Message};
use husk_wire::snmp::record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    if let Ok(message) = CommunityMessage::decode(packet) {
        let again = CommunityMessage::decode(&message.encode());
        assert_eq!(again, Ok(message));
    }
    if let Ok(message) = V3Message::decode(packet) {
        assert!(packet.get(message.digest_at.clone()).is_some());
        if let Scoped::Plain(scoped) = &message.scoped {
            assert_eq!(ScopedPdu::decode(&scoped.encode()).as_ref(), Ok(scoped));
        }
    }
    let _ = ScopedPdu::decode(packet);
    if let Ok(objects) = record::parse(packet) {
        for (oid, value) in &objects {
            let _ = record::line(oid, value);
        }
    }
});
