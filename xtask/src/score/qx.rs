//! The Q1 family: lines that end in CR, served by megatec.

use super::compare::Verdict;
use super::serial::{self, Family};
use std::path::Path;

const QX: Family = Family {
    driver: "megatec",
    options: &["pollfreq = 1"],
    play: |unit| unit,
    status: "Q1",
    end: "\r",
};

/// Scores every recording in `directory` that `directory/oracle` has an expectation for.
pub(super) fn score(directory: &Path) -> anyhow::Result<Verdict> {
    serial::score(&QX, directory)
}
