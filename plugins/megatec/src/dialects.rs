//! Every dialect, in the order they are tried: those a device claims by an answer that is theirs alone come first, those
//! content with little last.
//!
//! The order is that of NUT's nutdrv_qx, so that a section without `protocol =` finds the same. QS before Q1, because units
//! of both sorts know Q1 and tell less by it.

mod ablerex;
mod axpert;
mod bestups;
mod gtec;
mod inno;
mod masterguard;
mod mecer;
mod megatec;
mod omron;
mod qs;
mod qs_hex;
mod voltronic;

use crate::dialect::Dialect;

pub(crate) static DIALECTS: &[&Dialect] = &[
    &omron::OMRON,
    &voltronic::VOLTRONIC,
    &axpert::AXPERT,
    &qs::VOLTRONIC_QS,
    &qs_hex::VOLTRONIC_QS_HEX,
    &megatec::MUSTEK,
    &megatec::MEGATEC_OLD,
    &bestups::BESTUPS,
    &mecer::MECER,
    &megatec::MEGATEC,
    &megatec::ZINTO,
    &masterguard::MASTERGUARD,
    &megatec::HUNNOX,
    &ablerex::ABLEREX,
    &inno::INNOVART31,
    &inno::INNOVART33,
    &megatec::INNOVATAE,
    &inno::Q2,
    &inno::Q6,
    &gtec::GTEC,
    &megatec::Q1,
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::dialect::Read;
    use crate::row::Means;
    use std::collections::HashSet;

    /// Names of this family that nobody else has, besides those that begin with `experimental.`.
    const OWN: &[&str] = &[
        "load.high",
        "device.firmware",
        "device.firmware.aux",
        "device.firmware.main",
        "device.firmware.scc1",
        "device.firmware.scc2",
        "device.firmware.scc3",
        "device.model.type",
        "battery.voltage.recharge",
        "battery.voltage.under",
        "battery.voltage.bulk",
        "battery.voltage.float",
        "battery.charging.current.ac.high",
        "battery.charging.current.high",
        "battery.number",
        "output.powerfactor.nominal",
        "output.voltage.default",
        "output.frequency.default",
        "input.L1-L3.voltage",
        "output.L1-L3.voltage",
        "output.bypass.L1-L3.voltage",
        "output.L1.load",
        "output.L2.load",
        "output.L3.load",
    ];

    #[test]
    fn every_name_in_a_row_is_one_that_clients_know() {
        let mut seen = 0;
        for dialect in DIALECTS {
            let rows = dialect.asks.iter().filter_map(|ask| match ask.read {
                Read::Rows(rows) => Some(rows),
                Read::Bytes(_) => None,
            });
            for row in rows.flatten() {
                let name = match row.means {
                    Means::Number(number) => number.name,
                    Means::Text(name) | Means::Word(name, _) => name,
                    _ => continue,
                };
                seen += 1;
                let known = name.starts_with("experimental.")
                    || OWN.contains(&name)
                    || husk_names::variable(name).is_some();
                assert!(known, "{}: {name}", dialect.name);
            }
        }
        assert!(seen > 300, "{seen}");
    }

    #[test]
    fn fields_are_as_wide_as_their_shapes_and_within_the_least_answer() {
        for dialect in DIALECTS {
            for ask in dialect.asks {
                let Read::Rows(rows) = ask.read else { continue };
                for row in rows {
                    if let (Means::Number(number), Some(to)) = (row.means, row.to) {
                        let width = to + 1 - row.from;
                        assert!(
                            number.shapes.iter().all(|shape| shape.len() == width),
                            "{} {}: {}",
                            dialect.name,
                            ask.query,
                            number.name
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn commands_and_dialects_are_named_once_and_the_dangerous_are_listed() {
        let mut names = HashSet::new();
        for dialect in DIALECTS {
            assert!(names.insert(dialect.name), "{}", dialect.name);
            let mut commands = HashSet::new();
            for command in dialect.commands {
                assert!(commands.insert(command.name), "{}", command.name);
                let known = husk_names::command(command.name).unwrap();
                assert_eq!(
                    known.dangerous,
                    crate::commands::DANGEROUS.contains(&command.name),
                    "{}",
                    command.name
                );
            }
            assert!(
                dialect.asks.iter().any(|ask| ask.claims),
                "{}",
                dialect.name
            );
        }
    }
}
