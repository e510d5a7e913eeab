//! The functions behind an HTTP address.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::{CallError, Functions};

/// Functions that run elsewhere, such as in Spin, reached over HTTP on pooled connections.
#[derive(Clone)]
pub struct Upstream {
    authority: Authority,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Why an address can't be an upstream.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Not an address at all.
    #[error("the upstream is not a URL")]
    Address(#[from] http::uri::InvalidUri),
    /// Another scheme than http, no host, or a path.
    #[error("the upstream must look like http://host:port")]
    Origin,
}

impl Upstream {
    /// Functions at an origin such as `http://127.0.0.1:3000`.
    ///
    /// # Errors
    /// Anything but a plain http origin is refused: encryption between relay and functions is the mesh's or ingress's.
    pub fn new(origin: &str) -> Result<Self, UpstreamError> {
        let parts = origin.parse::<Uri>()?.into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path == "/");
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority)) if scheme == Scheme::HTTP && bare => {
                let mut connector = HttpConnector::new();
                connector.set_nodelay(true);
                Ok(Self { authority, client: Client::builder(TokioExecutor::new()).build(connector) })
            }
            _ => Err(UpstreamError::Origin),
        }
    }

    fn address(&self, path: Option<PathAndQuery>) -> Result<Uri, http::Error> {
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone()).path_and_query(path).build()
    }
}

impl Functions for Upstream {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>> {
        let client = self.client.clone();
        let (mut parts, body) = request.into_parts();
        let address = self.address(parts.uri.path_and_query().cloned());
        async move {
            parts.uri = address.map_err(|error| CallError::new(error.to_string()))?;
            let request = Request::from_parts(parts, Full::new(body));
            let response = client.request(request).await.map_err(|error| CallError::new(error.to_string()))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| CallError::new(error.to_string()))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        }
        .boxed()
    }
}
