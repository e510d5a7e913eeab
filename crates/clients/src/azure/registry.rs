//! Azure's registry of images: its own list of tags with their times, behind its own exchange of tokens.
//!
//! A login takes four calls: the list itself, which answers 401 and a [`Challenge`]; a token of Entra's; its exchange for a
//! token of the registry ([`Registry::exchange`]); and the token of one repository ([`Registry::access`]). Who knows the
//! registry may leave out the first: [`Registry::challenge`] is what it would say.

mod manifest;
mod tag;

use std::time::Duration;

use serde::Deserialize;

use super::AzureError;
use crate::{Method, Rejection, Request, Response, Secret, Words, address};

pub use manifest::{ImageConfig, Manifest, Platform, manifest_digest, read_blob_location, read_config, read_manifest};
pub use tag::{Tag, Tags, read_names, read_tags};

/// How long the list of tags may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The version of the exchange of tokens.
const VERSION: &str = "2021-07-01";

/// What a token of a repository opens.
const ACTIONS: &str = "metadata_read,pull";

/// A registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Registry {
    server: String,
}

/// What a registry wants before it answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// What the registry calls itself.
    pub service: String,
    /// What must be opened.
    pub scope: String,
}

impl Registry {
    /// The registry at this origin: `https://example.azurecr.io`.
    #[must_use]
    pub fn new(server: &str) -> Self {
        Self { server: server.to_owned() }
    }

    /// The registry as references of images begin with it: `example.azurecr.io`.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.server.split_once("://").map_or(self.server.as_str(), |(_, host)| host);
        host.split('/').next().unwrap_or_default()
    }

    /// What the registry would say that it wants for a repository.
    #[must_use]
    pub fn challenge(&self, repository: &str) -> Challenge {
        Challenge { service: self.host().to_owned(), scope: format!("repository:{repository}:{ACTIONS}") }
    }

    /// Reads what the registry wants, from its answer of 401.
    ///
    /// # Errors
    /// Returns [`AzureError::ForeignAddress`] when it sends us elsewhere with our token.
    pub fn read_challenge(&self, response: &Response) -> Result<Challenge, AzureError> {
        let garbled = || AzureError::from(Rejection::garbled("no challenge that can be read"));
        if response.status != 401 {
            return Err(said(response));
        }
        let challenge = response.header("www-authenticate").and_then(|value| value.strip_prefix("Bearer "));
        let challenge = challenge.ok_or_else(garbled)?;
        // The scope has commas of its own, so values are told by their quotes.
        let value = |name: &str| challenge.split_once(&format!("{name}=\""))?.1.split_once('"').map(|(value, _)| value);
        let (realm, service) = (value("realm").ok_or_else(garbled)?, value("service").ok_or_else(garbled)?);
        if address::at_same_origin(&self.server, realm).is_none() {
            return Err(AzureError::ForeignAddress(address::origin(realm).unwrap_or_default()));
        }
        let scope = value("scope").unwrap_or_default().to_owned();
        Ok(Challenge { service: service.to_owned(), scope })
    }

    /// Exchanges a token of Entra's for one of the registry, which lasts some hours. Read the answer with [`read_refresh`].
    #[must_use]
    pub fn exchange(&self, challenge: &Challenge, tenant: Option<&str>, token: &Secret) -> Request {
        let mut form = vec![("grant_type", "access_token"), ("service", challenge.service.as_str())];
        form.extend(tenant.map(|tenant| ("tenant", tenant)));
        form.push(("access_token", token.expose()));
        self.oauth2("exchange").hiding(token).form(form)
    }

    /// Asks for the token of one repository, which lasts about an hour. Read the answer with [`read_access`].
    #[must_use]
    pub fn access(&self, challenge: &Challenge, refresh: &Secret) -> Request {
        let form = [
            ("grant_type", "refresh_token"),
            ("service", challenge.service.as_str()),
            ("scope", challenge.scope.as_str()),
            ("refresh_token", refresh.expose()),
        ];
        self.oauth2("token").hiding(refresh).form(form)
    }

    /// The tags of a repository, those that were changed last first. Without a token the answer is a challenge. Read the
    /// answer with [`read_tags`].
    #[must_use]
    pub fn tags(&self, repository: &str, token: Option<&Secret>) -> Request {
        self.get(&format!("acr/v1/{}/_tags?n=100&orderby=timedesc", address::escaped_path(repository)), token)
            .within(PATIENCE)
    }

    /// The next page of tags ([`Tags::next`]).
    #[must_use]
    pub fn next(&self, page: &str, token: Option<&Secret>) -> Request {
        Request::get(page.to_owned()).maybe_bearer(token).within(PATIENCE)
    }

    /// The names of the tags, where the registry has no more to say of them ([`AzureError::ClassicRegistry`]). Read the
    /// answer with [`read_names`].
    #[must_use]
    pub fn names(&self, repository: &str, token: Option<&Secret>) -> Request {
        self.get(&format!("v2/{}/tags/list?n=1000", address::escaped_path(repository)), token).within(PATIENCE)
    }

    fn oauth2(&self, what: &str) -> Request {
        let path = format!("oauth2/{what}?api-version={VERSION}");
        Request::new(Method::Post, address::under(&self.server, &path)).within(PATIENCE)
    }

    fn get(&self, path: &str, token: Option<&Secret>) -> Request {
        Request::get(address::under(&self.server, path)).maybe_bearer(token)
    }
}

/// Reads the answer to [`Registry::exchange`].
///
/// # Errors
/// Returns [`AzureError`], [`AzureError::LoginRefused`] for a token that the registry does not accept.
pub fn read_refresh(response: &Response) -> Result<Secret, AzureError> {
    #[derive(Deserialize)]
    struct Granted {
        refresh_token: Secret,
    }
    Ok(login::<Granted>(response)?.refresh_token)
}

/// Reads the answer to [`Registry::access`].
///
/// # Errors
/// Returns [`AzureError`], [`AzureError::LoginRefused`] for a token that the registry does not accept.
pub fn read_access(response: &Response) -> Result<Secret, AzureError> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: Secret,
    }
    Ok(login::<Granted>(response)?.access_token)
}

fn login<T: serde::de::DeserializeOwned>(response: &Response) -> Result<T, AzureError> {
    match response.status {
        200 => Ok(response.json()?),
        400 | 401 => Err(AzureError::LoginRefused(Words::new(&reasons(response).1))),
        _ => Err(Rejection::of(response, &reasons(response).1).into()),
    }
}

/// The code of the first error of an answer, and all of it in one line.
fn reasons(response: &Response) -> (String, String) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Said {
        errors: Vec<super::Reason>,
    }
    let said: Said = response.json().unwrap_or_default();
    let code = said.errors.first().map(|reason| reason.code.clone()).unwrap_or_default();
    (code, said.errors.iter().map(super::Reason::words).collect::<Vec<_>>().join("; "))
}

/// What an answer comes to that is not the one that was hoped for.
fn said(response: &Response) -> AzureError {
    let (code, words) = reasons(response);
    let challenge = response.header("www-authenticate").unwrap_or_default();
    match (response.status, code.as_str()) {
        (404, "NAME_UNKNOWN" | "REPOSITORY_UNKNOWN" | "") => AzureError::UnknownRepository(Words::new(&words)),
        (401, _) if challenge.contains("invalid_token") => Rejection::LoginRefused(Words::new(&words)).into(),
        // A repository that the login does not open looks like this: its token was granted, and opens nothing.
        (401 | 403, _) => AzureError::RepositoryClosed(Words::new(&words)),
        _ => Rejection::of(response, &words).into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Fault;

    pub(super) fn registry() -> Registry {
        Registry::new("https://shop.azurecr.io/")
    }

    fn challenged(realm: &str) -> Result<Challenge, AzureError> {
        let header =
            format!("Bearer realm=\"{realm}\",service=\"shop.azurecr.io\",scope=\"repository:a/b:metadata_read,pull\"");
        registry().read_challenge(&Response::for_test(401, &[("www-authenticate", header.as_str())], ""))
    }

    #[test]
    fn a_login_goes_where_it_came_from() {
        let challenge = challenged("https://shop.azurecr.io/oauth2/token").unwrap();
        assert_eq!(challenge, registry().challenge("a/b"));
        let elsewhere = challenged("https://evil.example/oauth2/token");
        assert_eq!(elsewhere, Err(AzureError::ForeignAddress("https://evil.example".to_owned())));
        let exchange = registry().exchange(&challenge, Some("t-1"), &"entra".into());
        assert_eq!(exchange.url, "https://shop.azurecr.io/oauth2/exchange?api-version=2021-07-01");
        assert_eq!(
            String::from_utf8(exchange.body).unwrap(),
            "grant_type=access_token&service=shop.azurecr.io&tenant=t-1&access_token=entra"
        );
        let access = registry().access(&challenge, &"refresh".into());
        let form = String::from_utf8(access.body).unwrap();
        assert!(form.contains("scope=repository%3Aa%2Fb%3Ametadata_read%2Cpull&refresh_token=refresh"), "{form}");
    }

    #[test]
    fn each_refusal_has_its_name() {
        let error = |status, code: &str| {
            let body = json!({"errors": [{"code": code, "message": "m", "detail": [{"Type": "repository"}]}]});
            said(&Response::of_json(status, &body)).code()
        };
        assert_eq!(error(404, "NAME_UNKNOWN"), "unknown_repository");
        assert_eq!(error(404, "MANIFEST_UNKNOWN"), "not_found");
        assert_eq!(error(401, "UNAUTHORIZED"), "repository_closed");
        assert_eq!(error(403, "DENIED"), "repository_closed");
        assert_eq!(error(429, "TOOMANYREQUESTS"), "rate_limited");
        let expired = [("www-authenticate", "Bearer realm=\"r\",error=\"invalid_token\"")];
        assert_eq!(said(&Response::for_test(401, &expired, "")).code(), "login_refused");
        let refused = json!({"errors": [{"code": "UNAUTHORIZED", "message": "the token has expired"}]});
        assert_eq!(read_refresh(&Response::of_json(401, &refused)).unwrap_err().code(), "entra_login_refused");
        assert_eq!(read_access(&Response::of_json(200, &json!({"access_token": "t"}))).unwrap().expose(), "t");
    }
}
