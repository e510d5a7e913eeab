//! HTTP to the outside.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::tls::{self, Trust};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a connection waits for its next request; shorter than servers usually do.
const IDLE: Duration = Duration::from_secs(15);

/// A client that keeps its connections.
pub(crate) struct Client {
    pooled: Pooled<HttpsConnector<HttpConnector>, WasiBody>,
    body: usize,
}

impl Client {
    /// A client whose answers are at most `body` bytes long.
    pub fn new(body: usize) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust_the_system())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let pooled = Pooled::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { pooled, body }
    }

    /// Sends a request, and waits for the head of the answer.
    pub async fn send(&self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let response = match self.pooled.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                tracing::debug!(%error, "an outbound connection failed");
                return Err(Error::ConnectionRefused);
            }
            Err(error) => {
                tracing::debug!(%error, "an outbound request failed");
                return Err(Error::ConnectionTerminated);
            }
        };
        let most = self.body;
        Ok(response.map(|body| {
            Limited::new(body, most)
                .map_err(|error| match error.downcast::<hyper::Error>() {
                    Ok(error) => Error::Hyper(*error),
                    Err(_) => Error::HttpResponseBodySize(None),
                })
                .boxed_unsync()
        }))
    }
}

/// TLS with the system's authorities; with none at all when the system has none, so that only plain HTTP works.
fn trust_the_system() -> ClientConfig {
    tls::client(Trust::Name, None).unwrap_or_else(|reason| {
        tracing::warn!(reason, "outbound https will not work");
        ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    })
}
