//! What the checks hold what they measure against.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Check, MandatoryCheck, SmokeName};
use crate::{
    Digest,
    canonical::{self, CanonicalError},
    moment::after,
};

/// How long a passed validation proves anything, in seconds.
pub(super) const FRESH_SECONDS: u32 = 15 * 60;

/// What the checks hold what they measure against. The defaults stand here; configuration can only tighten them.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    p95_milliseconds: u32,
    errors_per_million: u32,
    window_seconds: u32,
    requests_in_window: u32,
    sample_age_seconds: u32,
    fresh_seconds: u32,
    smoke: BTreeSet<SmokeName>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            p95_milliseconds: 500,
            errors_per_million: 10_000,
            // Two minutes of nothing but what runs now, of which 60 requests leave three beyond the 95th percentile.
            window_seconds: 120,
            requests_in_window: 60,
            // A scrape or two may be missed; what is older says nothing about now.
            sample_age_seconds: 60,
            fresh_seconds: FRESH_SECONDS,
            smoke: BTreeSet::new(),
        }
    }
}

/// What configuration may say about the policy: each setting only in the direction that makes passing harder.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tightening {
    /// The 95th percentile of latency must be below this: at most the default.
    pub p95_milliseconds: Option<u32>,
    /// The share of failed requests must be below this: at most the default.
    pub errors_per_million: Option<u32>,
    /// The window that is measured: at least the default.
    pub window_seconds: Option<u32>,
    /// How many requests the window must hold: at least the default.
    pub requests_in_window: Option<u32>,
    /// How old a sample may be: at most the default.
    pub sample_age_seconds: Option<u32>,
    /// How long a pass proves anything: at most the default.
    pub fresh_seconds: Option<u32>,
    /// Smoke tests beyond the mandatory ones.
    pub smoke: BTreeSet<SmokeName>,
}

/// A setting that would make passing easier.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{setting} may only be tightened: {asked} is looser than {default}")]
pub struct Loosened {
    setting: &'static str,
    default: u32,
    asked: u32,
}

impl Policy {
    /// The defaults, tightened.
    ///
    /// # Errors
    /// Returns [`Loosened`] for a setting that would make passing easier.
    pub fn tightened(tightening: &Tightening) -> Result<Self, Loosened> {
        let default = Self::default();
        Ok(Self {
            p95_milliseconds: at_most("p95Milliseconds", default.p95_milliseconds, tightening.p95_milliseconds)?,
            errors_per_million: at_most("errorsPerMillion", default.errors_per_million, tightening.errors_per_million)?,
            window_seconds: at_least("windowSeconds", default.window_seconds, tightening.window_seconds)?,
            requests_in_window: at_least(
                "requestsInWindow",
                default.requests_in_window,
                tightening.requests_in_window,
            )?,
            sample_age_seconds: at_most("sampleAgeSeconds", default.sample_age_seconds, tightening.sample_age_seconds)?,
            fresh_seconds: at_most("freshSeconds", default.fresh_seconds, tightening.fresh_seconds)?,
            smoke: tightening.smoke.clone(),
        })
    }

    /// The policy, by digest.
    ///
    /// # Errors
    /// Returns [`CanonicalError`] for a policy that JSON can't hold, which none is.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        canonical::digest("hubline validation policy 1", self)
    }

    /// The checks that a validation needs: the mandatory ones and the added ones.
    #[must_use]
    pub fn required(&self) -> BTreeSet<Check> {
        let mandatory = MandatoryCheck::ALL.iter().copied().map(Check::Mandatory);
        mandatory.chain(self.smoke.iter().cloned().map(Check::Smoke)).collect()
    }

    /// From when on the window lies wholly after the last change: measured earlier, nothing can be told.
    #[must_use]
    pub fn measurable_at(&self, last_change: DateTime<Utc>) -> DateTime<Utc> {
        after(last_change, TimeDelta::seconds(i64::from(self.window_seconds)))
    }

    /// The 95th percentile of latency must be below this.
    #[must_use]
    pub const fn p95_milliseconds(&self) -> u32 {
        self.p95_milliseconds
    }

    /// The share of failed requests must be below this.
    #[must_use]
    pub const fn errors_per_million(&self) -> u32 {
        self.errors_per_million
    }

    /// The window that is measured.
    #[must_use]
    pub const fn window_seconds(&self) -> u32 {
        self.window_seconds
    }

    /// How many requests the window must hold.
    #[must_use]
    pub const fn requests_in_window(&self) -> u32 {
        self.requests_in_window
    }

    /// How old a sample may be.
    #[must_use]
    pub const fn sample_age_seconds(&self) -> u32 {
        self.sample_age_seconds
    }

    /// How long a pass proves anything.
    #[must_use]
    pub const fn fresh_seconds(&self) -> u32 {
        self.fresh_seconds
    }
}

fn at_most(setting: &'static str, default: u32, asked: Option<u32>) -> Result<u32, Loosened> {
    match asked {
        Some(asked) if asked > default => Err(Loosened { setting, default, asked }),
        asked => Ok(asked.unwrap_or(default)),
    }
}

fn at_least(setting: &'static str, default: u32, asked: Option<u32>) -> Result<u32, Loosened> {
    match asked {
        Some(asked) if asked < default => Err(Loosened { setting, default, asked }),
        asked => Ok(asked.unwrap_or(default)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tightened(json: serde_json::Value) -> Result<Policy, Loosened> {
        Policy::tightened(&serde_json::from_value(json).unwrap())
    }

    #[test]
    fn nothing_configured_is_the_default() {
        assert_eq!(tightened(json!({})), Ok(Policy::default()));
    }

    #[test]
    fn each_setting_moves_one_way_only() {
        for (setting, tighter, looser) in [
            ("p95Milliseconds", 499, 501),
            ("errorsPerMillion", 9_999, 10_001),
            ("windowSeconds", 121, 119),
            ("requestsInWindow", 61, 59),
            ("sampleAgeSeconds", 59, 61),
            ("freshSeconds", 899, 901),
        ] {
            let policy = tightened(json!({ setting: tighter })).unwrap();
            assert_ne!(policy, Policy::default(), "{setting}");
            assert_ne!(policy.digest().unwrap(), Policy::default().digest().unwrap(), "{setting}");
            let error = tightened(json!({ setting: looser })).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{setting} may only be tightened")), "{error}");
        }
    }

    #[test]
    fn checks_are_added_and_never_taken_away() {
        let policy = tightened(json!({"smoke": ["checkout"]})).unwrap();
        assert_eq!(policy.required().len(), MandatoryCheck::ALL.len() + 1);
        for attempt in [json!({"required": []}), json!({"skip": ["latency"]}), json!({"smoke": ["smoke:latency"]})] {
            assert!(serde_json::from_value::<Tightening>(attempt).is_err());
        }
    }
}
