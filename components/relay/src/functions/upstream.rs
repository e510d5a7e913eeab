//! The functions behind an HTTP address.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};

use super::http_client::{HttpClient, client};
use crate::{CallError, Functions};

/// Functions that run elsewhere, such as in Spin, reached over HTTP on pooled connections.
#[derive(Clone)]
pub struct Upstream {
    scheme: Scheme,
    authority: Authority,
    client: HttpClient,
}

/// Why an address can't be an upstream.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Not an address at all.
    #[error("the upstream is not a URL")]
    Address(#[from] http::uri::InvalidUri),
    /// Another scheme than http or https, no host, or a path.
    #[error("the upstream must look like http://host:port")]
    Origin,
    /// No TLS can be spoken here.
    #[error("the upstream can't be reached safely")]
    Tls(#[from] rustls::Error),
}

impl Upstream {
    /// Functions at an origin such as `http://127.0.0.1:3000`.
    ///
    /// # Errors
    /// Anything but an origin of http or https is refused.
    pub fn new(origin: &str) -> Result<Self, UpstreamError> {
        let parts = origin.parse::<Uri>()?.into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path == "/");
        let (Some(scheme), Some(authority), true) = (parts.scheme, parts.authority, bare) else {
            return Err(UpstreamError::Origin);
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(UpstreamError::Origin);
        }
        Ok(Self { scheme, authority, client: client()? })
    }

    fn address(&self, path: Option<PathAndQuery>) -> Result<Uri, http::Error> {
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(path).build()
    }
}

impl Functions for Upstream {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>> {
        let client = self.client.clone();
        let (mut parts, body) = request.into_parts();
        let address = self.address(parts.uri.path_and_query().cloned());
        async move {
            parts.uri = address.map_err(failed)?;
            fetch(&client, Request::from_parts(parts, Full::new(body))).await
        }
        .boxed()
    }
}

async fn fetch(client: &HttpClient, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, CallError> {
    let (parts, body) = client.request(request).await.map_err(failed)?.into_parts();
    let body = body.collect().await.map_err(failed)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// An error with its causes: the outermost of a client says little.
fn failed(error: impl std::error::Error) -> CallError {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    CallError::new(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_an_origin() {
        for good in ["http://127.0.0.1:3000", "http://spin/", "https://spin.example"] {
            assert!(Upstream::new(good).is_ok(), "{good}");
        }
        for bad in ["", "spin", "127.0.0.1:3000", "ftp://spin", "http://spin/path", "/path", "http://"] {
            assert!(Upstream::new(bad).is_err(), "{bad}");
        }
    }
}
