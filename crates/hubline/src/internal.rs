//! The functions' internal routes, as this process calls them beside its relay.

use anyhow::{Context, Result};
use bytes::Bytes;
use chat::wire::{RelayKey, Secrets};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use relay::Functions;

use crate::variables::Variables;

/// What opens the internal routes: a key, or two while one is exchanged.
#[derive(Clone)]
pub struct Internal {
    keys: Vec<HeaderValue>,
}

impl Internal {
    /// Opens them with the `relay_key` of these variables.
    ///
    /// # Errors
    ///
    /// When there is none, or it can't stand in a header.
    pub fn new(variables: &Variables) -> Result<Self> {
        let keys = Secrets::parse(variables.get("relay_key").unwrap_or_default()).context("relay_key")?;
        let header = |key| {
            let mut header = HeaderValue::from_str(key).context("relay_key can't stand in a header")?;
            header.set_sensitive(true);
            Ok(header)
        };
        Ok(Self { keys: keys.all().map(header).collect::<Result<_>>()? })
    }

    /// Calls a route, by the other key when one is refused: whichever side has the new one first, it is answered.
    ///
    /// # Errors
    ///
    /// When the functions do not answer.
    pub async fn call(
        &self,
        functions: &dyn Functions,
        method: Method,
        route: &str,
        body: &'static [u8],
    ) -> Result<Response<Bytes>> {
        let mut answer = None;
        for key in &self.keys {
            let request = Request::builder().method(method.clone()).uri(route).header(RelayKey::HEADER, key.clone());
            let request = request.body(Bytes::from_static(body))?;
            let response = functions.call(request).await.context("the functions do not answer")?;
            let refused = response.status() == StatusCode::UNAUTHORIZED;
            answer = Some(response);
            if !refused {
                break;
            }
        }
        answer.context("there is no relay_key")
    }
}
