//! What is checked, and what a check comes to.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Digest, NameError, name::names, spelling::words};

words! {
    /// What a check, or all of them, come to.
    Verdict, "verdict" {
        /// It is as it should be.
        Pass = "pass",
        /// It is not.
        Fail = "fail",
        /// It can't be told: nothing was measured, too little, too early, or something that makes no sense.
        Inconclusive = "inconclusive",
    }
}

words! {
    /// The checks that every validation needs. Configuration can add to them and can't take any away.
    MandatoryCheck, "check" {
        /// The share of requests that failed.
        ErrorRate = "error_rate",
        /// The latency that 95 of 100 requests kept to.
        Latency = "latency",
        /// That there were enough requests to say anything.
        Traffic = "traffic",
        /// That every pod runs the pinned image, is ready, and has not restarted.
        Pods = "pods",
        /// That the alert does not fire.
        Alert = "alert",
        /// That a user can register.
        SmokeUser = "smoke_user",
        /// That a service request can be created.
        SmokeServiceRequest = "smoke_service_request",
    }
}

names! {
    /// The name of a smoke test that was added by configuration.
    SmokeName, "a smoke test", "1 to 64 of a-z 0-9 _",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    }
}

/// A check: one of the mandatory ones by its word, or an added smoke test as `smoke:<name>`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Check {
    /// One that every validation needs.
    Mandatory(MandatoryCheck),
    /// One that was added.
    Smoke(SmokeName),
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mandatory(check) => check.fmt(f),
            Self::Smoke(name) => write!(f, "smoke:{name}"),
        }
    }
}

impl FromStr for Check {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Ok(check) = text.parse() {
            return Ok(Self::Mandatory(check));
        }
        let unknown = NameError { what: "a check", rule: "a mandatory one or smoke: and a name" };
        Ok(Self::Smoke(text.strip_prefix("smoke:").ok_or(unknown)?.parse()?))
    }
}

impl TryFrom<String> for Check {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Check> for String {
    fn from(check: Check) -> Self {
        check.to_string()
    }
}

/// What one check came to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CheckResult {
    /// Which check.
    pub check: Check,
    /// What it came to.
    pub verdict: Verdict,
    /// What was measured and what it was held against, for a person to read.
    pub detail: String,
    /// The raw answer that was judged, by digest.
    pub evidence: Option<Digest>,
}

impl CheckResult {
    /// What one check came to.
    #[must_use]
    pub fn new(check: Check, verdict: Verdict, detail: impl Into<String>, evidence: Option<Digest>) -> Self {
        Self { check, verdict, detail: detail.into(), evidence }
    }
}

/// What all of it comes to. A mandatory check counts whether it is among the required ones or not, a result that is missing
/// is inconclusive, and of two results of one check the worse counts.
pub(super) fn overall(required: &BTreeSet<Check>, results: &[CheckResult]) -> Verdict {
    let mandatory = MandatoryCheck::ALL.iter().copied().map(Check::Mandatory);
    let needed: BTreeSet<Check> = required.iter().cloned().chain(mandatory).collect();
    let any = |verdict| results.iter().any(|result| needed.contains(&result.check) && result.verdict == verdict);
    let passed = |check: &Check| results.iter().any(|result| result.check == *check && result.verdict == Verdict::Pass);
    if any(Verdict::Fail) {
        Verdict::Fail
    } else if any(Verdict::Inconclusive) || !needed.iter().all(passed) {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(check: &str, verdict: Verdict) -> CheckResult {
        CheckResult::new(check.parse().unwrap(), verdict, "", None)
    }

    fn all_pass() -> Vec<CheckResult> {
        MandatoryCheck::ALL.iter().map(|check| result(check.as_str(), Verdict::Pass)).collect()
    }

    #[test]
    fn all_must_pass() {
        assert_eq!(overall(&BTreeSet::new(), &all_pass()), Verdict::Pass);
        for index in 0..all_pass().len() {
            let mut results = all_pass();
            results[index].verdict = Verdict::Fail;
            assert_eq!(overall(&BTreeSet::new(), &results), Verdict::Fail);
            results[index].verdict = Verdict::Inconclusive;
            assert_eq!(overall(&BTreeSet::new(), &results), Verdict::Inconclusive);
            results.remove(index);
            assert_eq!(overall(&BTreeSet::new(), &results), Verdict::Inconclusive, "a mandatory check is missing");
        }
    }

    #[test]
    fn an_added_check_counts_and_a_stray_one_does_not() {
        let required = BTreeSet::from(["smoke:checkout".parse().unwrap()]);
        assert_eq!(overall(&required, &all_pass()), Verdict::Inconclusive);
        let mut results = all_pass();
        results.push(result("smoke:checkout", Verdict::Pass));
        assert_eq!(overall(&required, &results), Verdict::Pass);
        results.push(result("smoke:stray", Verdict::Fail));
        assert_eq!(overall(&required, &results), Verdict::Pass);
    }

    #[test]
    fn of_two_results_the_worse_counts() {
        for verdict in [Verdict::Fail, Verdict::Inconclusive] {
            let mut results = all_pass();
            results.push(result("latency", verdict));
            assert_eq!(overall(&BTreeSet::new(), &results), verdict);
        }
    }

    #[test]
    fn a_check_reads_back() {
        for text in ["latency", "smoke:checkout"] {
            assert_eq!(text.parse::<Check>().unwrap().to_string(), text);
        }
        for bad in ["", "p95", "smoke:", "smoke:A"] {
            assert!(bad.parse::<Check>().is_err(), "{bad}");
        }
    }
}
