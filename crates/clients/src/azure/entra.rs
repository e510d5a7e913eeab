//! Microsoft Entra: tokens for an application, by its secret or by the token of a federated identity.

use chrono::TimeDelta;
use serde::Deserialize;

use super::AzureError;
use crate::{Method, Rejection, Request, Response, Secret, Words, address};

/// What a token is for.
pub mod scope {
    /// The resource manager of Azure's public cloud.
    pub const MANAGEMENT: &str = "https://management.azure.com/.default";
    /// Registries of images.
    pub const REGISTRY: &str = "https://containerregistry.azure.net/.default";
    /// Clusters of AKS that log in through Entra.
    pub const CLUSTER: &str = "6dae42f8-4368-4678-94ff-3960e28e3630/.default";
}

/// How an application proves to be itself.
#[derive(Clone, Debug)]
pub enum Proof {
    /// By a secret.
    Secret(Secret),
    /// By the token that another issuer, which it trusts, has given it: no secret of Azure's is kept.
    Assertion(Secret),
}

/// An application of a tenant.
#[derive(Clone, Debug)]
pub struct Entra {
    authority: String,
    tenant: String,
    client: String,
    proof: Proof,
}

/// A token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub token: Secret,
    /// How long it holds from now on.
    pub lasts: TimeDelta,
}

impl Entra {
    /// An application of a tenant, at this authority (`https://login.microsoftonline.com`).
    #[must_use]
    pub fn new(authority: &str, tenant: &str, client: &str, proof: Proof) -> Self {
        let (authority, tenant, client) = (authority.to_owned(), tenant.to_owned(), client.to_owned());
        Self { authority, tenant, client, proof }
    }

    /// Asks for a token for a [`scope`]. Read the answer with [`read_token`].
    #[must_use]
    pub fn token(&self, scope: &str) -> Request {
        let path = format!("{}/oauth2/v2.0/token", address::escaped(&self.tenant));
        let mut form =
            vec![("grant_type", "client_credentials"), ("client_id", self.client.as_str()), ("scope", scope)];
        let secret = match &self.proof {
            Proof::Secret(secret) => {
                form.push(("client_secret", secret.expose()));
                secret
            }
            Proof::Assertion(assertion) => {
                form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
                form.push(("client_assertion", assertion.expose()));
                assertion
            }
        };
        Request::new(Method::Post, address::under(&self.authority, &path)).hiding(secret).form(form)
    }
}

/// Reads the answer to [`Entra::token`].
///
/// # Errors
/// Returns [`AzureError`], [`AzureError::LoginRefused`] for whatever is wrong with the application or its proof.
pub fn read_token(response: &Response) -> Result<AccessToken, AzureError> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: Secret,
        expires_in: u32,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refused {
        error: String,
        error_description: String,
    }
    if response.status == 200 {
        let Granted { access_token, expires_in } = response.json()?;
        return Ok(AccessToken { token: access_token, lasts: TimeDelta::seconds(i64::from(expires_in)) });
    }
    let Refused { error, error_description } = response.json().unwrap_or_default();
    match (response.status, error.as_str()) {
        (400 | 401, "invalid_client" | "unauthorized_client" | "invalid_grant" | "access_denied") | (401, _) => {
            Err(AzureError::LoginRefused(Words::new(&error_description)))
        }
        (400, "temporarily_unavailable") => {
            let words = Words::new(&error_description);
            Err(Rejection::Unavailable { status: 400, after: crate::retry_after(response), words }.into())
        }
        _ => Err(Rejection::of(response, &error_description).into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Fault, Retry};

    fn form(proof: Proof) -> String {
        let request = Entra::new("https://login.microsoftonline.com", "t-1", "c-1", proof).token(scope::MANAGEMENT);
        assert_eq!(request.subject(), "POST https://login.microsoftonline.com/t-1/oauth2/v2.0/token");
        String::from_utf8(request.body).unwrap()
    }

    #[test]
    fn it_logs_in_by_a_secret_or_by_an_assertion() {
        let by_secret = form(Proof::Secret("can&ary".into()));
        assert!(by_secret.starts_with("grant_type=client_credentials&client_id=c-1&scope=https%3A%2F%2Fmanagement"));
        assert!(by_secret.ends_with("&client_secret=can%26ary"));
        let by_assertion = form(Proof::Assertion("jwt".into()));
        assert!(by_assertion.ends_with("jwt-bearer&client_assertion=jwt") && !by_assertion.contains("client_secret"));
    }

    #[test]
    fn each_answer_has_its_name() {
        let granted = json!({"token_type": "Bearer", "expires_in": 3_599, "access_token": "eyJ"});
        let token = read_token(&Response::of_json(200, &granted)).unwrap();
        assert_eq!((token.token.expose(), token.lasts.num_seconds()), ("eyJ", 3_599));
        let refused = |status, error: &str| {
            let body = json!({"error": error, "error_description": "AADSTS7000215: Invalid client secret provided."});
            read_token(&Response::of_json(status, &body)).unwrap_err()
        };
        assert_eq!(refused(401, "invalid_client").code(), "entra_login_refused");
        assert_eq!(refused(400, "unauthorized_client").retry(), Retry::Never);
        assert_eq!(refused(400, "invalid_scope").code(), "invalid");
        assert_eq!(refused(400, "temporarily_unavailable").retry(), Retry::Later(None));
        assert_eq!(refused(429, "").code(), "rate_limited");
    }
}
