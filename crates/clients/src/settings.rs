//! Configuration that says itself which environment it is of.
//!
//! Where the systems of an environment are, and with which credentials they are reached, are two JSON texts. Each carries its
//! environment's name: a text of production that was put where staging's belongs is refused, and with it every drill that
//! would have reached production.

use rollback::Environment;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The member that says which environment a text is of.
const MEMBER: &str = "environment";

/// Why a text of configuration can't be used. Nothing of a credential is repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// It is no JSON.
    #[error("{variable} is no JSON at line {line}, column {column}")]
    Unreadable {
        /// What the text is called.
        variable: String,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// It does not say which environment it is of.
    #[error("{variable} must say that it is of its environment: \"environment\": \"{expected}\"")]
    Unnamed {
        /// What the text is called.
        variable: String,
        /// What it must say.
        expected: Environment,
    },
    /// It is of another environment.
    #[error("{variable} says that it is of another environment than {expected}")]
    Foreign {
        /// What the text is called.
        variable: String,
        /// What it must say.
        expected: Environment,
    },
    /// Its shape is another than the expected one.
    #[error("{variable} has another shape than it must{what}")]
    Misshapen {
        /// What the text is called.
        variable: String,
        /// What is wrong, as a continuation; empty where it could repeat a secret.
        what: String,
    },
}

/// What a text holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Content {
    /// Where everything is. What is wrong with it is said.
    Targets,
    /// Credentials. What is wrong with them is not said: it could be one of them.
    Credentials,
}

/// Reads a text of an environment's configuration into what it describes, when it says that it is of that environment.
///
/// # Errors
/// Returns [`SettingsError`].
pub fn read<T: DeserializeOwned>(
    variable: &str,
    text: &str,
    content: Content,
    environment: Environment,
) -> Result<T, SettingsError> {
    let variable = || variable.to_owned();
    let mut value: Value = serde_json::from_str(text).map_err(|error| SettingsError::Unreadable {
        variable: variable(),
        line: error.line(),
        column: error.column(),
    })?;
    let named = value.as_object_mut().and_then(|members| members.remove(MEMBER));
    match named.as_ref().and_then(Value::as_str) {
        None => return Err(SettingsError::Unnamed { variable: variable(), expected: environment }),
        Some(name) if name != environment.as_str() => {
            return Err(SettingsError::Foreign { variable: variable(), expected: environment });
        }
        Some(_) => {}
    }
    serde_json::from_value(value).map_err(|error| {
        let what = match content {
            Content::Targets => format!(": {error}"),
            Content::Credentials => String::new(),
        };
        SettingsError::Misshapen { variable: variable(), what }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::Secret;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Keys {
        slack: Secret,
    }

    fn of_staging(text: &str, content: Content) -> Result<Keys, String> {
        read("staging_credentials", text, content, Environment::Staging).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_of_the_environment_that_it_says() {
        let keys = of_staging(r#"{"environment": "staging", "slack": "canary"}"#, Content::Credentials).unwrap();
        assert_eq!(keys.slack.expose(), "canary");
        let foreign = of_staging(r#"{"environment": "production", "slack": "canary"}"#, Content::Credentials);
        assert_eq!(foreign.unwrap_err(), "staging_credentials says that it is of another environment than staging");
        for unnamed in [r#"{"slack": "canary"}"#, r#"{"environment": 1}"#, "[]", "null", "{}"] {
            let error = of_staging(unnamed, Content::Credentials).unwrap_err();
            assert!(error.ends_with(r#""environment": "staging""#), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_unless_it_may_be_a_secret() {
        let misspelt = r#"{"environment": "staging", "canary": 1}"#;
        assert!(of_staging(misspelt, Content::Targets).unwrap_err().contains("unknown field `canary`"));
        for text in [misspelt, r#"{"environment": "staging", "slack": {"canary": 1}}"#, r#"{"slack": "canary"#] {
            assert!(!of_staging(text, Content::Credentials).unwrap_err().contains("canary"), "{text}");
        }
        assert_eq!(
            of_staging("{\n", Content::Targets).unwrap_err(),
            "staging_credentials is no JSON at line 2, column 0"
        );
    }
}
