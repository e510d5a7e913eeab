//! What the design asks for as a number, beside what was measured.

use std::fmt;

use serde::Serialize;

/// A bound, and whether it is held.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// What is bounded, with its unit.
    pub what: &'static str,
    /// The bound.
    pub bound: Bound,
    /// What was measured.
    pub measured: f64,
    /// Whether that is within it.
    pub held: bool,
}

/// Which side is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// Less than this.
    Under(f64),
    /// This share or more.
    Share(f64),
}

impl Budget {
    /// Messages a second, in batches of 64, through the functions alone.
    pub fn batches(per_second: f64) -> Self {
        Self::new("messages/s in batches of 64 through the function", Bound::AtLeast(20_000.0), per_second)
    }

    /// Milliseconds of the first request to a component after the start of its process.
    pub fn first_request(milliseconds: f64) -> Self {
        Self::new("ms for the first request after the start of a component", Bound::Under(5.0), milliseconds)
    }

    /// Messages a second of many users with tokens of an issuer, in those of few whose tokens the server's secret signs.
    pub fn tokens(ratio: f64) -> Self {
        Self::new("of the messages/s of few users with HS256, by many with RS256", Bound::Share(0.8), ratio)
    }

    fn new(what: &'static str, bound: Bound, measured: f64) -> Self {
        let held = match bound {
            Bound::AtLeast(least) => measured >= least,
            Bound::Under(most) => measured < most,
            Bound::Share(least) => measured >= least,
        };
        Self { what, bound, measured, held }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, bound, measured, held } = self;
        let verdict = if *held { "held" } else { "MISSED" };
        match bound {
            Bound::AtLeast(least) => write!(f, "budget: at least {least:.0} {what}: {measured:.0}, {verdict}"),
            Bound::Share(least) => write!(f, "budget: at least {least:.1} {what}: {measured:.2}, {verdict}"),
            Bound::Under(most) => write!(f, "budget: under {most:.0} {what}: {measured:.2}, {verdict}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_says_whether_it_is_held() {
        assert!(Budget::batches(20_000.0).held && !Budget::batches(19_999.0).held);
        assert!(Budget::first_request(4.9).held && !Budget::first_request(5.0).held);
        let held = Budget::tokens(0.8).to_string();
        assert_eq!(
            held,
            "budget: at least 0.8 of the messages/s of few users with HS256, by many with RS256: 0.80, held"
        );
        assert!(!Budget::tokens(0.79).held);
        let missed = Budget::batches(17_100.4).to_string();
        assert_eq!(missed, "budget: at least 20000 messages/s in batches of 64 through the function: 17100, MISSED");
    }
}
