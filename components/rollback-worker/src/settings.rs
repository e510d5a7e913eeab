//! What the worker is configured with: per environment where everything is, and with which credentials it is reached.
//!
//! The two variables of an environment are JSON: `production` and `production_credentials`, `staging` and
//! `staging_credentials`. A run is only ever given those of its own environment: [`Settings::of`] takes a
//! [`Target`] and there is no other way in.

mod credentials;
mod targets;

use rollback::{Environment, Target};

pub use credentials::{AzureCredentials, Credentials, GithubCredentials};
pub use targets::{
    App, Application, Azure, Cleanup, Connection, Database, Expectation, Github, Kubernetes, Notify, Prometheus,
    Queries, Registry, Smoke, Targets, Template, Verb, Workflows,
};

/// Why the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It is not what is expected. The text of the variable is not repeated: it may hold secrets.
    #[error("the variable {variable} can't be read at line {line}, column {column}: {what}")]
    Unreadable {
        /// Which variable.
        variable: String,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
        /// What was expected, in the case of the targets; nothing of a credential is said.
        what: String,
    },
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
        let place = |environment: Environment| {
            let name = environment.as_str();
            let text = variable(name);
            if text.trim().is_empty() {
                return Ok(None);
            }
            let targets = serde_json::from_str(&text).map_err(|error| unreadable(name, &error, true))?;
            let name = format!("{name}_credentials");
            let text = variable(&name);
            let credentials = if text.trim().is_empty() { "{}" } else { &text };
            let credentials = serde_json::from_str(credentials).map_err(|error| unreadable(&name, &error, false))?;
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

fn unreadable(variable: &str, error: &serde_json::Error, say: bool) -> SettingsError {
    // What serde says may quote the value.
    let what = if say { error.to_string() } else { "its shape is another".to_owned() };
    SettingsError::Unreadable { variable: variable.to_owned(), line: error.line(), column: error.column(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            pairs.iter().find(|(known, _)| *known == name).map_or(String::new(), |(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn a_run_is_given_its_own_environment_and_no_other() {
        let settings = read(&[("staging", r#"{"applications": []}"#)]).unwrap();
        assert_eq!(settings.of(Target::drill()).unwrap().environment, Environment::Staging);
        let missing = settings.of(Target::live(Environment::Production)).unwrap_err();
        assert_eq!(missing.to_string(), "the environment production is not configured");
    }

    #[test]
    fn a_credential_is_repeated_nowhere() {
        let error = read(&[("staging", "{}"), ("staging_credentials", r#"{"slack": ["canary-1"]}"#)]).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
        let settings = read(&[("staging", "{}"), ("staging_credentials", r#"{"webhook": "canary-2"}"#)]).unwrap();
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn what_is_misspelt_is_said() {
        let error = read(&[("production", r#"{"kubernets": {}}"#)]).unwrap_err().to_string();
        assert!(error.starts_with("the variable production can't be read at line 1") && error.contains("kubernets"));
    }
}
