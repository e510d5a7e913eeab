//! What the worker is configured with: per environment where everything is, and with which credentials it is reached.
//!
//! The two variables of an environment are JSON: `production` and `production_credentials`, `staging` and
//! `staging_credentials`. Each says of which environment it is. A run is only ever given those of its own environment: [`Settings::of`] takes a
//! [`Target`] and there is no other way in.

mod credentials;
mod targets;

use clients::settings::{self, Content};
use rollback::{Environment, Target};

pub use credentials::{AzureCredentials, Credentials, GithubCredentials};
pub use targets::{
    Alertmanager, App, Application, Azure, Cleanup, Connection, Database, Expectation, Github, Kubernetes, Notify,
    Prometheus, Queries, Registry, Smoke, Targets, Template, Verb, Workflows,
};

/// Why the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A text is not what it must be, or not of its environment. What may hold secrets is not repeated.
    #[error(transparent)]
    Unusable(#[from] clients::settings::SettingsError),
    /// The environment is not configured.
    #[error("the environment {0} is not configured")]
    Missing(Environment),
}

/// Where an environment's systems are, and how they are reached.
#[derive(Debug)]
pub struct Place {
    /// The environment.
    pub environment: Environment,
    /// Where everything is.
    pub targets: Targets,
    /// With which credentials it is reached.
    pub credentials: Credentials,
    /// The host of the database that holds the state of operations: a rollback never restores its server.
    pub operations_host: String,
}

/// The configuration of both environments.
#[derive(Debug, Default)]
pub struct Settings {
    production: Option<Place>,
    staging: Option<Place>,
}

impl Settings {
    /// Reads the variables: `variable` gives the text of one by name. An empty text means that it is not set.
    ///
    /// # Errors
    /// Returns [`SettingsError`] for a text that can't be read.
    pub fn read(variable: impl Fn(&str) -> String) -> Result<Self, SettingsError> {
        let operations_host = host(&variable("operations_database_url"));
        let place = |environment: Environment| -> Result<Option<Place>, SettingsError> {
            let name = environment.as_str();
            let text = variable(name);
            if text.trim().is_empty() {
                return Ok(None);
            }
            let targets = settings::read(name, &text, Content::Targets, environment)?;
            let name = format!("{name}_credentials");
            let text = variable(&name);
            let credentials = if text.trim().is_empty() {
                Credentials::default()
            } else {
                settings::read(&name, &text, Content::Credentials, environment)?
            };
            Ok(Some(Place { environment, targets, credentials, operations_host: operations_host.clone() }))
        };
        Ok(Self { production: place(Environment::Production)?, staging: place(Environment::Staging)? })
    }

    /// What a run may reach: its own environment.
    ///
    /// # Errors
    /// Returns [`SettingsError::Missing`] when it is not configured.
    pub fn of(&self, target: Target) -> Result<&Place, SettingsError> {
        let place = match target.environment() {
            Environment::Production => self.production.as_ref(),
            Environment::Staging => self.staging.as_ref(),
        };
        place.ok_or(SettingsError::Missing(target.environment()))
    }
}

/// The host of an address, without who enters there.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGING: (&str, &str) = ("staging", r#"{"environment": "staging"}"#);

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            pairs.iter().find(|(known, _)| *known == name).map_or(String::new(), |(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn a_run_is_given_its_own_environment_and_no_other() {
        let settings = read(&[("staging", r#"{"environment": "staging", "applications": []}"#)]).unwrap();
        assert_eq!(settings.of(Target::drill()).unwrap().environment, Environment::Staging);
        let missing = settings.of(Target::live(Environment::Production)).unwrap_err();
        assert_eq!(missing.to_string(), "the environment production is not configured");
    }

    #[test]
    fn what_the_documentation_shows_can_be_read() {
        let page = include_str!("../../../docs/rollback.md");
        let section = page.split("## Configuration").nth(1).unwrap();
        let examples: Vec<&str> =
            section.split("```json").skip(1).map(|rest| rest.split("```").next().unwrap()).take(2).collect();
        let settings = read(&[("staging", examples[0]), ("staging_credentials", examples[1])]).unwrap();
        let place = settings.of(Target::drill()).unwrap();
        assert!(place.targets.smoke.is_some() && place.credentials.github.app_key.is_some());
    }

    #[test]
    fn a_credential_is_repeated_nowhere() {
        let error = read(&[STAGING, ("staging_credentials", r#"{"environment": "staging", "slack": ["canary-1"]}"#)])
            .unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
        let settings =
            read(&[STAGING, ("staging_credentials", r#"{"environment": "staging", "webhook": "canary-2"}"#)]).unwrap();
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn what_is_misspelt_is_said() {
        let error =
            read(&[("production", r#"{"environment": "production", "kubernets": {}}"#)]).unwrap_err().to_string();
        assert!(
            error.starts_with("production has another shape than it must") && error.contains("kubernets"),
            "{error}"
        );
    }

    #[test]
    fn what_is_of_production_is_never_stagings() {
        let swapped = r#"{"environment": "production", "kubernetes": "canary-3"}"#;
        for pairs in [[("staging", swapped), ("", "")], [STAGING, ("staging_credentials", swapped)]] {
            let error = read(&pairs).unwrap_err().to_string();
            assert!(error.ends_with("says that it is of another environment than staging"), "{error}");
        }
    }
}
