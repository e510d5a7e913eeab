//! Keys: the operator's, or development keys of the data directory.

use anyhow::Result;

use crate::data::Data;
use crate::variables::Variables;

/// Fills in the keys that are not set, and answers whether tokens are signed with a development key.
///
/// # Errors
///
/// When a key's file can be neither read nor made.
pub fn settle(variables: &mut Variables, data: &Data) -> Result<bool> {
    variables.settle("relay_key", || data.key("relay"))?;
    variables.settle("delivery_key", || data.key("delivery"))?;
    // Whoever sends alerts reads it there.
    variables.settle("alert_token", || data.key("alert"))?;
    if variables.has_issuer() {
        return Ok(false);
    }
    tracing::warn!("tokens are verified with a development key: set jwks_url, jwks or jwt_secret for real users");
    variables.set("jwt_secret", development_secret(data)?);
    Ok(true)
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
        assert!(!settle(&mut configured, &data).unwrap());
        assert_eq!(configured.get("jwt_secret"), None);
    }
}
