//! What validations are held against, by environment.

use clients::settings::{self, Content};
use rollback::{
    Environment,
    validation::{Policy, Tightening},
};
use serde::Deserialize;

use crate::refused::Refused;

/// The policies of both environments.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Policies {
    production: Policy,
    staging: Policy,
}

/// Of an environment's configuration this is all that is read here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Targets {
    validation: Tightening,
}

impl Policies {
    /// Reads the configuration of both environments, which is the worker's too: what it does not tighten is the default.
    pub(crate) async fn read() -> Result<Self, Refused> {
        let production = function::variable("production").await?.unwrap_or_default();
        let staging = function::variable("staging").await?.unwrap_or_default();
        Self::of_texts(&production, &staging).map_err(|error| function::misconfigured(&error).into())
    }

    fn of_texts(production: &str, staging: &str) -> Result<Self, String> {
        Ok(Self {
            production: policy(Environment::Production, production)?,
            staging: policy(Environment::Staging, staging)?,
        })
    }

    /// The one of an environment.
    pub(crate) fn of(&self, environment: Environment) -> &Policy {
        match environment {
            Environment::Production => &self.production,
            Environment::Staging => &self.staging,
        }
    }
}

fn policy(environment: Environment, text: &str) -> Result<Policy, String> {
    if text.trim().is_empty() {
        return Ok(Policy::default());
    }
    let targets: Targets =
        settings::read(environment.as_str(), text, Content::Targets, environment).map_err(|error| error.to_string())?;
    Policy::tightened(&targets.validation).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_the_default_or_tighter() {
        let text = r#"{"environment": "staging", "applications": [], "validation": {"p95Milliseconds": 300}}"#;
        let policies = Policies::of_texts("", text).unwrap();
        assert_eq!(policies.of(Environment::Production), &Policy::default());
        assert_eq!(policies.of(Environment::Staging).p95_milliseconds(), 300);
        let loose = r#"{"environment": "staging", "validation": {"p95Milliseconds": 900}}"#;
        assert!(Policies::of_texts("", loose).is_err());
        assert!(Policies::of_texts(text, "").is_err(), "staging's is not production's");
    }
}
