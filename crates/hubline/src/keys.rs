//! Keys: the operator's, or development keys of the data directory.

use anyhow::{Context, Result};
use chat::wire::Secrets;
use identity::KeySet;

use crate::data::Data;
use crate::variables::Variables;

/// Fills in the keys that are not set, and answers whether tokens are signed with a development key.
///
/// # Errors
///
/// When a key's file can be neither read nor made; when no token could be verified with the operator's settings, or too many
/// could.
pub fn settle(variables: &mut Variables, data: &Data) -> Result<bool> {
    for (name, file) in [("relay_key", "relay"), ("delivery_key", "delivery")] {
        let keys = variables.settle(name, || data.key(file))?;
        Secrets::parse(&keys).with_context(|| format!("{name} is unusable"))?;
    }
    // Whoever sends alerts reads it there.
    variables.settle("alert_token", || data.key("alert"))?;
    let is_development = !variables.has_issuer();
    if is_development {
        tracing::warn!("tokens are verified with a development key: set jwks_url, jwks or jwt_secret for real users");
        variables.set("jwt_secret", development_secret(data)?);
    }
    KeySet::new(&variables.identity()).context("the settings of tokens are unusable")?;
    Ok(is_development)
}

/// The secret of development tokens.
///
/// # Errors
///
/// When its file can be neither read nor made.
pub fn development_secret(data: &Data) -> Result<String> {
    data.key("jwt-secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_made() {
        let place = tempfile::tempdir().unwrap();
        let data = Data::open(place.path()).unwrap();
        let mut variables = Variables::default();
        variables.set("relay_key", "theirs");
        assert!(settle(&mut variables, &data).unwrap());
        assert_eq!(variables.get("relay_key"), Some("theirs"));
        assert_eq!(variables.get("jwt_secret"), Some(development_secret(&data).unwrap().as_str()));

        let mut configured = Variables::default();
        configured.set("jwks_url", "https://id.example/keys");
        configured.set("jwt_issuer", "https://id.example");
        configured.set("jwt_audience", "hubline");
        assert!(!settle(&mut configured, &data).unwrap());
        assert_eq!(configured.get("jwt_secret"), None);
    }
    #[test]
    fn what_would_let_in_too_many_or_nobody_is_refused_at_the_start() {
        let place = tempfile::tempdir().unwrap();
        let data = Data::open(place.path()).unwrap();
        let refused = |set: &[(&str, &str)]| {
            let mut variables = Variables::default();
            set.iter().for_each(|(name, value)| variables.set(name, *value));
            settle(&mut variables, &data).err().map(|error| format!("{error:#}"))
        };
        let url = ("jwks_url", "https://id.example/keys");
        let unbound = refused(&[url]).unwrap();
        assert!(unbound.contains("jwt_issuer and jwt_audience") && unbound.contains("any"), "{unbound}");
        assert!(refused(&[url, ("jwt_issuer", "https://id.example")]).is_some());
        assert_eq!(refused(&[url, ("jwt_audience", "any")]), None);
        for (name, value) in [
            ("jwks_refresh", "often"),
            ("jwks_stale", "1s"),
            ("user_claim", "a..b"),
            ("role_claim", "/"),
            ("center_claim", "."),
            ("role_map", "[]"),
            ("relay_key", "a,b,c"),
            ("delivery_key", ","),
        ] {
            let reason = refused(&[(name, value)]);
            assert!(reason.as_ref().is_some_and(|reason| reason.contains(name)), "{name}: {reason:?}");
        }
    }
}
