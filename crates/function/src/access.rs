//! Who may call: a bearer of a token, or a relay with its key.

use chat::{ErrorCode, Refusal, wire::RelayKey};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Config;

/// The token of the header `authorization`.
///
/// # Errors
/// Returns [`ErrorCode::Unauthenticated`] when there is none, or more than one.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let refused = || ErrorCode::Unauthenticated.refusal("the header authorization must be: Bearer <token>");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(refused()) };
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(refused)?;
    let token = token.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() { Ok(token) } else { Err(refused()) }
}

/// Lets the holder of the relay's key through, and while it is being exchanged of the one before it. Without a configured key
/// nobody is.
///
/// # Errors
/// Returns [`ErrorCode::Unauthenticated`] for everybody else, with the header at fault: so a relay can tell that it is its
/// key that is refused and not a user's token.
pub fn demand_relay(config: &Config, headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers.get(RelayKey::HEADER).map(|value| value.as_bytes());
    let known = given.is_some_and(|given| is_one_of(config.relay_key.as_deref(), given));
    if known { Ok(()) } else { Err(RelayKey::refusal()) }
}

/// Lets a bearer of one of the receiver's tokens through. Without a configured token nobody is.
///
/// # Errors
/// Returns [`ErrorCode::Unauthenticated`] for everybody else.
pub fn demand_alert_token(config: &Config, headers: &HeaderMap) -> Result<(), Refusal> {
    let given = bearer(headers)?.as_bytes();
    let known = is_one_of(config.alert_token.as_deref(), given);
    if known { Ok(()) } else { Err(ErrorCode::Unauthenticated.refusal("the token is not one of the receiver's")) }
}

/// Whether this is one of several that are set with commas between. Every one of them is compared, whichever it is.
fn is_one_of(set: Option<&str>, given: &[u8]) -> bool {
    let each = set.unwrap_or_default().split(',').map(str::trim).filter(|one| !one.is_empty());
    each.fold(false, |known, one| is_same(one.as_bytes(), given) | known)
}

/// Compares in a time that tells nothing, the length aside of what the caller sent.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    Sha256::digest(one).ct_eq(&Sha256::digest(other)).into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_bearer_shows_one_token() {
        for good in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
            assert_eq!(bearer(&headers(&[("authorization", good)])).unwrap(), "a.b.c");
        }
        for bad in ["", "Bearer", "Bearer ", "Basic a.b.c", "a.b.c", "Bearera.b.c"] {
            assert_eq!(bearer(&headers(&[("authorization", bad)])).unwrap_err().code, ErrorCode::Unauthenticated);
        }
        assert!(bearer(&HeaderMap::new()).is_err());
        assert!(bearer(&headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")])).is_err());
        let mut binary = HeaderMap::new();
        binary.insert("authorization", HeaderValue::from_bytes(b"Bearer \xff").unwrap());
        assert!(bearer(&binary).is_err());
    }

    #[test]
    fn alertmanager_shows_one_of_two_tokens() {
        let config = |token: Option<&str>| Config { alert_token: token.map(str::to_owned), ..Config::default() };
        let shown = |token| headers(&[("authorization", token)]);
        for good in ["Bearer old", "Bearer new"] {
            assert!(demand_alert_token(&config(Some("old, new")), &shown(good)).is_ok());
        }
        for bad in ["Bearer", "Bearer ,", "Bearer old,", "Bearer old, new", "Bearer ol", "Basic old"] {
            assert!(demand_alert_token(&config(Some("old, new,")), &shown(bad)).is_err(), "{bad}");
        }
        assert!(demand_alert_token(&config(None), &shown("Bearer x")).is_err());
    }

    #[test]
    fn a_relay_shows_its_key() {
        let config = |key: Option<&str>| Config { relay_key: key.map(str::to_owned), ..Config::default() };
        let shown = |key| headers(&[("x-hubline-key", key)]);
        assert!(demand_relay(&config(Some("secret")), &shown("secret")).is_ok());
        for wrong in ["", "secreT", "secret ", "secretsecret"] {
            assert!(demand_relay(&config(Some("secret")), &shown(wrong)).is_err());
        }
        for good in ["new", "old"] {
            assert!(demand_relay(&config(Some("new, old")), &shown(good)).is_ok());
        }
        for wrong in ["", ",", "new,old", "new, old", "ne"] {
            assert!(demand_relay(&config(Some("new, old,")), &shown(wrong)).is_err());
        }
        let refusal = demand_relay(&config(Some("secret")), &HeaderMap::new()).unwrap_err();
        assert!(refusal.code == ErrorCode::Unauthenticated && RelayKey::is_refused(&refusal));
        assert!(!RelayKey::is_refused(&bearer(&HeaderMap::new()).unwrap_err()), "a token is no key");
        assert!(demand_relay(&config(None), &shown("")).is_err());
        assert!(demand_relay(&config(None), &HeaderMap::new()).is_err());
    }
}
