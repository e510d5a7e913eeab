//! What a token claims, once its signature holds.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::HashMap};

use chat::{CenterId, Role, UserId};
use serde_json::{Map, Value};

use crate::{ClaimPath, Identity, Settings, SettingsError, TokenError, identity::LEEWAY, settings::set};

/// Reads the claims of an issuer.
pub(crate) struct ClaimRules {
    issuer: Option<String>,
    audience: Option<String>,
    user_claim: ClaimPath,
    role_claim: ClaimPath,
    center_claim: ClaimPath,
    role_map: HashMap<String, Role>,
}

impl ClaimRules {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            issuer: set(&settings.issuer).map(str::to_owned),
            audience: settings.audience().map(str::to_owned),
            user_claim: settings.user_claim()?,
            role_claim: settings.role_claim()?,
            center_claim: settings.center_claim()?,
            role_map: settings.role_map()?,
        })
    }

    /// Reads who the bearer is, if the claims hold at this time.
    pub(crate) fn read(&self, json: &[u8], now: i64) -> Result<Identity, TokenError> {
        let claims: Map<String, Value> =
            serde_json::from_slice(json).map_err(|_| TokenError::Malformed("its claims are no JSON object"))?;
        let expires_at = numeric_date(claims.get("exp"), "exp")?.ok_or_else(|| TokenError::claim("exp"))?;
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
            subject: self.subject(&claims)?,
            roles: self.roles(&claims)?,
            center: self.center(&claims)?,
            expires_at,
        })
    }

    fn subject(&self, claims: &Map<String, Value>) -> Result<UserId, TokenError> {
        let subject = self.user_claim.find(claims).and_then(Value::as_str).and_then(|text| UserId::parse(text).ok());
        subject.ok_or_else(|| invalid(&self.user_claim))
    }

    /// The roles that are known here; an issuer may well name others, which mean nothing.
    fn roles(&self, claims: &Map<String, Value>) -> Result<Vec<Role>, TokenError> {
        let claim = self.role_claim.find(claims);
        if !matches!(claim, None | Some(Value::Null | Value::String(_) | Value::Array(_))) {
            return Err(invalid(&self.role_claim));
        }
        let mut roles: Vec<Role> =
            texts(claim).filter_map(|name| self.role_map.get(name).copied().or_else(|| name.parse().ok())).collect();
        roles.sort_unstable();
        roles.dedup();
        Ok(roles)
    }

    fn center(&self, claims: &Map<String, Value>) -> Result<Option<CenterId>, TokenError> {
        match self.center_claim.find(claims) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let center = value.as_str().and_then(|text| CenterId::parse(text).ok());
                center.map(Some).ok_or_else(|| invalid(&self.center_claim))
            }
        }
    }
}

fn invalid(claim: &ClaimPath) -> TokenError {
    TokenError::Claim(Cow::Owned(claim.as_str().to_owned()))
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
    seconds.map(Some).ok_or_else(|| TokenError::claim(name))
}
