//! APC's serial protocol: letters without an end, answered by lines, served by apcsmart.

use super::compare::Verdict;
use super::serial::{self, Family};
use husk_tests::sim::recorded::Recorded;
use std::path::Path;

const APCSMART: Family = Family {
    driver: "apcsmart",
    options: &[],
    play: Recorded::letter_by_letter,
    status: "Q",
    end: "\r\n",
};

/// Scores every recording in `directory` that `directory/oracle` has an expectation for.
pub(super) fn score(directory: &Path) -> anyhow::Result<Verdict> {
    serial::score(&APCSMART, directory)
}
