//! Names of objects: sequences of numbers (RFC 2578 §3.5).

use std::fmt;
use std::str::FromStr;

/// An OBJECT IDENTIFIER of at most [`Oid::MAX`] sub-identifiers. Ordered as agents order their objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Oid(Vec<u32>);

/// A text, or a sequence, that names no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOid;

impl fmt::Display for BadOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an OID is 1 to {} numbers below 4294967296 between dots",
            Oid::MAX
        )
    }
}

impl std::error::Error for BadOid {}

impl Oid {
    /// Sub-identifiers of an OID (RFC 2578 §3.5).
    pub const MAX: usize = 128;

    /// From its sub-identifiers.
    ///
    /// # Errors
    /// More than [`Oid::MAX`].
    pub fn new(ids: Vec<u32>) -> Result<Self, BadOid> {
        if ids.len() > Self::MAX {
            return Err(BadOid);
        }
        Ok(Self(ids))
    }

    /// The sub-identifiers.
    #[must_use]
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }

    /// The object or row below this one; the same where [`Oid::MAX`] leaves no room.
    #[must_use]
    pub fn child(&self, id: u32) -> Self {
        let mut ids = self.0.clone();
        if ids.len() < Self::MAX {
            ids.push(id);
        }
        Self(ids)
    }

    /// Whether this is `root` or below it.
    #[must_use]
    pub fn starts_with(&self, root: &Self) -> bool {
        self.0.starts_with(&root.0)
    }

    /// What follows `root`, if this is it or below it.
    #[must_use]
    pub fn below(&self, root: &Self) -> Option<&[u32]> {
        self.0.strip_prefix(root.0.as_slice())
    }
}

impl FromStr for Oid {
    type Err = BadOid;

    /// Dotted numbers, with or without a dot in front.
    fn from_str(text: &str) -> Result<Self, BadOid> {
        let text = text.strip_prefix('.').unwrap_or(text);
        let number = |part: &str| {
            // `parse` takes a sign.
            let digits = part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| digits).ok_or(BadOid)
        };
        let ids = text.split('.').take(Self::MAX + 1).map(number);
        Self::new(ids.collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for Oid {
    /// Dotted numbers without a dot in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, id) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            write!(f, "{id}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn dotted_numbers_are_read_and_written() {
        let oid: Oid = ".1.3.6.1.4.1.318".parse().unwrap();
        assert_eq!(oid.to_string(), "1.3.6.1.4.1.318");
        assert_eq!("1.3.6.1.4.1.318".parse(), Ok(oid.clone()));
        assert_eq!(oid.child(1).child(0).as_slice().len(), 9);
        assert_eq!(
            "4294967295".parse::<Oid>().unwrap().as_slice(),
            [4294967295]
        );
        for bad in [
            "",
            ".",
            "1..3",
            "1.",
            "+1",
            "1.-3",
            "1.4294967296",
            "sysDescr",
            " 1",
        ] {
            assert_eq!(bad.parse::<Oid>(), Err(BadOid), "{bad:?}");
        }
        assert_eq!(vec!["1"; 129].join(".").parse::<Oid>(), Err(BadOid));
        let longest: Oid = vec!["1"; 128].join(".").parse().unwrap();
        assert_eq!(longest.child(2), longest);
    }

    #[test]
    fn the_order_is_that_of_a_walk_and_below_is_not_beside() {
        let oid = |text: &str| text.parse::<Oid>().unwrap();
        assert!(oid("1.3.6") < oid("1.3.6.1") && oid("1.3.6.9") < oid("1.3.6.10"));
        assert!(oid("1.3.6.1").starts_with(&oid("1.3.6")));
        assert!(!oid("1.3.61").starts_with(&oid("1.3.6")));
        assert_eq!(
            oid("1.3.6.1.2").below(&oid("1.3.6")),
            Some([1, 2].as_slice())
        );
        assert_eq!(oid("1.3").below(&oid("1.3.6")), None);
    }
}
