//! What a token claims, once its signature holds.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use chat::{CenterId, Role, UserId};
use serde_json::{Map, Value};

use crate::{Identity, Settings, SettingsError, TokenError, settings::set};

/// How far the clocks of the issuer and of this machine may differ, in seconds.
const LEEWAY: i64 = 60;

/// Reads the claims of an issuer.
pub(crate) struct ClaimRules {
    issuer: Option<String>,
    audience: Option<String>,
    role_claim: String,
    role_map: HashMap<String, Role>,
}

impl ClaimRules {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            issuer: set(&settings.issuer).map(str::to_owned),
            audience: set(&settings.audience).map(str::to_owned),
            role_claim: settings.role_claim().to_owned(),
            role_map: settings.role_map()?,
        })
    }

    /// Reads who the bearer is, if the claims hold at this time.
    pub(crate) fn read(&self, json: &[u8], now: i64) -> Result<Identity, TokenError> {
        let claims: Map<String, Value> =
            serde_json::from_slice(json).map_err(|_| TokenError::Malformed("its claims are no JSON object"))?;
        let expires_at = numeric_date(claims.get("exp"), "exp")?.ok_or(TokenError::Claim("exp"))?;
        if now >= expires_at.saturating_add(LEEWAY) {
            return Err(TokenError::Expired);
        }
        if numeric_date(claims.get("nbf"), "nbf")?.is_some_and(|from| now < from.saturating_sub(LEEWAY)) {
            return Err(TokenError::NotYetValid);
        }
        if self.issuer.as_deref().is_some_and(|issuer| claims.get("iss").and_then(Value::as_str) != Some(issuer)) {
            return Err(TokenError::Issuer);
        }
        if self.audience.as_deref().is_some_and(|audience| !texts(claims.get("aud")).any(|text| text == audience)) {
            return Err(TokenError::Audience);
        }
        Ok(Identity {
            subject: subject(claims.get("sub"))?,
            roles: self.roles(claims.get(&self.role_claim))?,
            center: center(claims.get("center"))?,
            expires_at,
        })
    }

    /// The roles that are known here; an issuer may well name others, which mean nothing.
    fn roles(&self, claim: Option<&Value>) -> Result<Vec<Role>, TokenError> {
        if !matches!(claim, None | Some(Value::Null | Value::String(_) | Value::Array(_))) {
            return Err(TokenError::Claim("role"));
        }
        let mut roles: Vec<Role> =
            texts(claim).filter_map(|name| self.role_map.get(name).copied().or_else(|| name.parse().ok())).collect();
        roles.sort_unstable();
        roles.dedup();
        Ok(roles)
    }
}

fn subject(claim: Option<&Value>) -> Result<UserId, TokenError> {
    claim.and_then(Value::as_str).and_then(|text| UserId::parse(text).ok()).ok_or(TokenError::Claim("sub"))
}

fn center(claim: Option<&Value>) -> Result<Option<CenterId>, TokenError> {
    match claim {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let center = value.as_str().and_then(|text| CenterId::parse(text).ok());
            center.map(Some).ok_or(TokenError::Claim("center"))
        }
    }
}

/// The texts of a claim that is one text or a list of them.
fn texts(claim: Option<&Value>) -> impl Iterator<Item = &str> {
    let (one, many) = match claim {
        Some(Value::String(text)) => (Some(text.as_str()), None),
        Some(Value::Array(values)) => (None, Some(values.iter().filter_map(Value::as_str))),
        _ => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten())
}

/// A point in time, in seconds since 1970, which may have a fraction.
fn numeric_date(claim: Option<&Value>, name: &'static str) -> Result<Option<i64>, TokenError> {
    let Some(value) = claim else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| {
        // A cast of a float saturates, and what is too large for seconds is far from now in either direction.
        #[expect(clippy::cast_possible_truncation, reason = "the fraction is meant to go")]
        value.as_f64().map(|seconds| seconds.floor() as i64)
    });
    seconds.map(Some).ok_or(TokenError::Claim(name))
}
