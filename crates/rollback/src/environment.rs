//! Where a rollback happens, and whether it is in earnest.

use serde::{Deserialize, Serialize};

use crate::spelling::words;

words! {
    /// Where something runs. Credentials are configured per environment, and a run is only ever given its own.
    Environment, "environment" {
        /// What customers use.
        Production = "production",
        /// What nobody but us uses. Drills happen here.
        Staging = "staging",
    }
}

words! {
    /// Whether a rollback is in earnest.
    Mode, "mode" {
        /// In earnest.
        Live = "live",
        /// Rehearsed.
        Drill = "drill",
    }
}

/// The environment and the mode of an incident and its runs.
///
/// A drill in production can't be written: [`Target::drill`] takes no environment, and reading one refuses the pair.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "Pair")]
pub struct Target {
    environment: Environment,
    mode: Mode,
}

/// A drill that claims to be in another environment than staging.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a drill happens in staging only")]
pub struct DrillOutsideStaging;

#[derive(Deserialize)]
struct Pair {
    environment: Environment,
    mode: Mode,
}

impl TryFrom<Pair> for Target {
    type Error = DrillOutsideStaging;

    fn try_from(pair: Pair) -> Result<Self, DrillOutsideStaging> {
        match (pair.mode, pair.environment) {
            (Mode::Live, environment) => Ok(Self::live(environment)),
            (Mode::Drill, Environment::Staging) => Ok(Self::drill()),
            (Mode::Drill, Environment::Production) => Err(DrillOutsideStaging),
        }
    }
}

impl Target {
    /// In earnest, in this environment.
    #[must_use]
    pub const fn live(environment: Environment) -> Self {
        Self { environment, mode: Mode::Live }
    }

    /// Rehearsed, in staging.
    #[must_use]
    pub const fn drill() -> Self {
        Self { environment: Environment::Staging, mode: Mode::Drill }
    }

    /// Where. Also the name of the set of credentials that a run may use.
    #[must_use]
    pub const fn environment(self) -> Environment {
        self.environment
    }

    /// Whether in earnest.
    #[must_use]
    pub const fn mode(self) -> Mode {
        self.mode
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_drill_is_in_staging_whichever_way_it_comes_in() {
        assert_eq!(Target::drill().environment(), Environment::Staging);
        let drill: Target = serde_json::from_value(json!({"environment": "staging", "mode": "drill"})).unwrap();
        assert_eq!(drill, Target::drill());
        let error =
            serde_json::from_value::<Target>(json!({"environment": "production", "mode": "drill"})).unwrap_err();
        assert_eq!(error.to_string(), "a drill happens in staging only");
    }

    #[test]
    fn it_reads_back() {
        for target in [Target::live(Environment::Production), Target::live(Environment::Staging), Target::drill()] {
            assert_eq!(serde_json::from_value::<Target>(serde_json::to_value(target).unwrap()).unwrap(), target);
        }
    }
}
