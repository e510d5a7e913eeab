//! From an HTTP request to a WebSocket.

use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::upgrade::{OnUpgrade, Parts as Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::websocket::WebSocket;

/// A request that asks for a WebSocket.
pub(crate) struct Upgrade {
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

impl Upgrade {
    /// Takes it from a request, if this is one.
    pub(crate) fn take(parts: &mut Parts) -> Option<Self> {
        let headers = &parts.headers;
        let asked = parts.method == Method::GET
            && has_token(headers, &CONNECTION, "upgrade")
            && has_token(headers, &UPGRADE, "websocket")
            && headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| asked)?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()?;
        let upgrade = parts.extensions.remove::<OnUpgrade>()?;
        Some(Self { accept, upgrade })
    }

    /// The answer that agrees, and the WebSocket as it will be once that is sent, with messages of up to so many bytes.
    pub(crate) fn agree(self, most: u64) -> (Response, impl Future<Output = Option<WebSocket>> + Send) {
        let headers = [
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_ACCEPT, self.accept),
        ];
        let response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
        let upgrade = self.upgrade;
        let stream = async move {
            // The plain socket: hyper's own wrapping of it would cost every connection memory, and every read a detour.
            match upgrade.await.ok()?.downcast::<TokioIo<TcpStream>>() {
                Ok(Upgraded { io, read_buf, .. }) => Some(WebSocket::new(io.into_inner(), read_buf, most)),
                // `axum::serve` wraps it once more.
                Err(upgraded) => {
                    let auto::upgrade::Parts { io, read_buf, .. } =
                        auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded).ok()?;
                    Some(WebSocket::new(io.into_inner(), read_buf, most))
                }
            }
        };
        (response, stream)
    }
}

/// Whether a header that lists words has this one.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
}
