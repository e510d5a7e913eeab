//! The manifest's variables: what the operator set, and what we fill in.

use std::collections::BTreeMap;
use std::env;

use anyhow::{Context, Result};
use chat::NodeName;
use identity::Settings;

/// Values of the manifest's variables, by lower-case name. Empty counts as not set.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
}

impl Variables {
    /// What the environment sets with `SPIN_VARIABLE_<NAME>`.
    pub fn from_environment() -> Self {
        // A variable that is no text cannot be meant for us, and may not stop us.
        let texts =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { values: manifest::environment(texts) }
    }

    /// The value of a variable, when it has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Gives a variable a value, whatever it had.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Gives a variable a value unless the operator gave it one, and answers the one that holds.
    pub fn settle<E>(&mut self, name: &str, value: impl FnOnce() -> Result<String, E>) -> Result<String, E> {
        if let Some(set) = self.get(name) {
            return Ok(set.to_owned());
        }
        let value = value()?;
        self.set(name, value.clone());
        Ok(value)
    }

    /// The same list as the runtime takes it.
    pub fn into_values(self) -> BTreeMap<String, String> {
        self.values
    }

    /// Settles this node's name: what the command line says, else the variable, else `main`.
    ///
    /// # Errors
    ///
    /// When the variable is no name.
    pub fn node(&mut self, given: Option<NodeName>) -> Result<NodeName> {
        let name = match given {
            Some(name) => name,
            None => NodeName::parse(self.get("node").unwrap_or("main"))
                .context("SPIN_VARIABLE_NODE is no name of a node")?,
        };
        self.set("node", name.as_str());
        Ok(name)
    }

    /// How tokens are verified.
    pub fn identity(&self) -> Settings {
        let get = |name: &str| self.get(name).map(str::to_owned);
        Settings {
            jwks_url: get("jwks_url"),
            jwks: get("jwks"),
            secret: get("jwt_secret"),
            issuer: get("jwt_issuer"),
            audience: get("jwt_audience"),
            user_claim: get("user_claim"),
            role_claim: get("role_claim"),
            center_claim: get("center_claim"),
            role_map: get("role_map"),
            jwks_refresh: get("jwks_refresh"),
            jwks_stale: get("jwks_stale"),
        }
    }

    /// Whether the operator said how tokens are verified.
    pub fn has_issuer(&self) -> bool {
        ["jwks_url", "jwks", "jwt_secret"].iter().any(|name| self.get(name).is_some())
    }

    /// The origins of other pages that may use the hub.
    pub fn allowed_origins(&self) -> Vec<String> {
        self.list("allowed_origins")
    }

    /// The proxies in front whose word on clients counts.
    pub fn trusted_proxies(&self) -> Vec<String> {
        self.list("trusted_proxies")
    }

    /// What a variable lists, with commas between.
    fn list(&self, name: &str) -> Vec<String> {
        let list = self.get(name).unwrap_or_default();
        list.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_value_wins_and_an_empty_one_is_none() {
        let mut variables = Variables::default();
        variables.set("node", "a");
        variables.set("relay_key", "");
        assert_eq!(variables.settle("node", || Ok::<_, ()>("b".into())), Ok("a".into()));
        assert_eq!(variables.settle("relay_key", || Ok::<_, ()>("made".into())), Ok("made".into()));
        assert_eq!(variables.get("relay_key"), Some("made"));
    }

    #[test]
    fn origins_are_separated_by_commas() {
        let mut variables = Variables::default();
        variables.set("allowed_origins", "https://a.example, https://b.example,");
        assert_eq!(variables.allowed_origins(), ["https://a.example", "https://b.example"]);
    }
}
