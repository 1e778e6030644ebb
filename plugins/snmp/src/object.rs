//! Objects as the tables write them: an OID with places left open.
//!
//! ```text
//! .2.3.1.0          relative to the table's root
//! 1.3.6.1.2.1.1.1.0 whole
//! .3.3.1.4.@.1.1    @: the device of a daisy chain
//! .6.3.*.0          *: the outlet, group of outlets or sensor, by the agent's own number
//! .6.2.*+1.0        the same, where the agent counts one further
//! .3.3.1.3.#        #: the phase, filled in when the table is read
//! ```

use husk_driver::Oid;

/// An OID with places left open for a device and one of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object(Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Id(u32),
    Device,
    Instance(u32),
}

/// What fills the places: the agent's own numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The device of the chain.
    pub(crate) device: u32,
    /// The outlet, group or sensor.
    pub(crate) instance: u32,
}

impl Object {
    /// Reads an object; `root` stands before one that begins with a dot, `phase` for `#`.
    pub(crate) fn parse(text: &str, root: &[u32], phase: u32) -> Option<Self> {
        let (root, rest) = match text.strip_prefix('.') {
            Some(rest) => (root, rest),
            None => (&[][..], text),
        };
        let mut parts: Vec<Part> = root.iter().map(|id| Part::Id(*id)).collect();
        for part in rest.split('.') {
            parts.push(match part {
                "@" => Part::Device,
                "*" => Part::Instance(0),
                "*+1" => Part::Instance(1),
                "#" => Part::Id(phase),
                id => Part::Id(id.parse().ok()?),
            });
        }
        (parts.len() <= Oid::MAX).then_some(Self(parts))
    }

    /// The OID for one place.
    pub(crate) fn at(&self, place: Place) -> Oid {
        let id = |part: &Part| match part {
            Part::Id(id) => *id,
            Part::Device => place.device,
            Part::Instance(more) => place.instance.saturating_add(*more),
        };
        Oid::new(self.0.iter().map(id).collect()).unwrap_or_default()
    }

    /// Whether a device of a chain is to be filled in.
    pub(crate) fn of_device(&self) -> bool {
        self.0.contains(&Part::Device)
    }

    /// Whether an outlet, group or sensor is to be filled in.
    pub(crate) fn of_instance(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Instance(_)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_are_filled_in() {
        let place = Place {
            device: 2,
            instance: 7,
        };
        for (text, oid) in [
            (".5.0", "1.3.5.0"),
            ("1.3.6.1", "1.3.6.1"),
            (".6.@.*", "1.3.6.2.7"),
            (".6.*+1.0", "1.3.6.8.0"),
            (".3.#", "1.3.3.1"),
        ] {
            let object = Object::parse(text, &[1, 3], 1).unwrap();
            assert_eq!(object.at(place).to_string(), oid, "{text}");
        }
        for bad in ["", ".", ".x", ".1..2", ".-1"] {
            assert_eq!(Object::parse(bad, &[1, 3], 0), None, "{bad:?}");
        }
    }
}
