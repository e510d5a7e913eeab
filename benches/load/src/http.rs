//! Plain HTTP/1.1: reporting service requests, negotiating, and the upgrade to a WebSocket.

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::target::Node;

/// Where a relay shows its key.
const KEY: HeaderName = HeaderName::from_static("x-hubline-key");

/// One connection, kept alive between requests.
pub struct Connection<'a> {
    node: &'a Node,
    requests: SendRequest<Full<Bytes>>,
}

impl<'a> Connection<'a> {
    /// Connects.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn open(node: &'a Node) -> Result<Self> {
        let stream = TcpStream::connect(&node.authority)
            .await
            .with_context(|| format!("{} can't be reached", node.authority))?;
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        // What goes wrong here, the requests report.
        tokio::spawn(connection.with_upgrades());
        Ok(Self { node, requests })
    }

    /// Creates or replaces a service request.
    ///
    /// # Errors
    /// Any answer but success.
    pub async fn put_service_request(&mut self, id: &str, token: &str, body: &serde_json::Value) -> Result<()> {
        let request = self
            .request(Method::PUT, &format!("/v1/service-requests/{id}"), token)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))?;
        read(self.requests.send_request(request).await?).await.with_context(|| format!("service request {id}"))?;
        Ok(())
    }

    /// Posts a batch as a relay with this key does; its answer.
    ///
    /// # Errors
    /// Any answer but success.
    pub async fn post_batch(&mut self, key: &HeaderValue, batch: Vec<u8>) -> Result<Bytes> {
        let request = Request::post("/internal/messages")
            .header(header::HOST, &self.node.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header(KEY, key)
            .body(Full::from(batch))?;
        read(self.requests.send_request(request).await?).await
    }

    /// Asks for a connection token, as a client does that has not settled for web sockets.
    ///
    /// # Errors
    /// Any answer but one with a connection token.
    pub async fn negotiate(&mut self, token: &str) -> Result<String> {
        let request =
            self.request(Method::POST, "/hubs/chat/negotiate?negotiateVersion=1", token).body(Full::default())?;
        let answer = read(self.requests.send_request(request).await?).await.context("negotiate")?;
        let answer: serde_json::Value = serde_json::from_slice(&answer).context("negotiate")?;
        let id = answer.get("connectionToken").and_then(|id| id.as_str());
        Ok(id.with_context(|| format!("negotiate gave no connection token: {answer}"))?.to_owned())
    }

    /// Turns the connection into a WebSocket of the hub; the socket, and what has already been read from it.
    ///
    /// # Errors
    /// Any answer but `101`.
    pub async fn upgrade(mut self, token: &str, connection_token: Option<&str>) -> Result<(TcpStream, BytesMut)> {
        let path = connection_token.map_or_else(|| "/hubs/chat".to_owned(), |id| format!("/hubs/chat?id={id}"));
        let request = self
            .request(Method::GET, &path, token)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            // The answer to the key proves the server to caches in between; there are none here.
            .header(header::SEC_WEBSOCKET_KEY, STANDARD.encode(rand::random::<[u8; 16]>()))
            .body(Full::default())?;
        let mut response = self.requests.send_request(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            read(response).await.context("upgrade")?;
            bail!("the hub did not upgrade");
        }
        let upgraded = hyper::upgrade::on(&mut response).await?;
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { bail!("the upgraded stream is not a socket") };
        Ok((parts.io.into_inner(), BytesMut::from(parts.read_buf)))
    }

    fn request(&self, method: Method, path: &str, token: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.node.authority)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
    }
}

async fn read(response: Response<Incoming>) -> Result<Bytes> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    ensure!(status.is_success(), "the server answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(body)
}
