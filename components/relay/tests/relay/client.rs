//! A client that speaks the protocol byte by byte.

use std::collections::VecDeque;
use std::time::Duration;

use chat::Role;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use crate::node::{Node, token};

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Client {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Value>,
    next: u32,
}

impl Client {
    /// Connects with a token of this user, and shakes hands.
    pub async fn connect(node: &Node, user: &str, role: Role) -> Self {
        Self::with_token(node, &token(user, role)).await
    }

    pub async fn with_token(node: &Node, token: &str) -> Self {
        let mut client = Self::raw(node, "", token).await.unwrap();
        client.write("{\"protocol\":\"json\",\"version\":1}\u{1e}").await;
        assert_eq!(client.next().await, json!({}));
        client
    }

    /// Connects and says nothing yet.
    pub async fn raw(node: &Node, query: &str, token: &str) -> Result<Self, Error> {
        let mut request = format!("ws://{}/hubs/chat{query}", node.address).into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        Self::open(request).await
    }

    pub async fn open(request: impl IntoClientRequest + Unpin) -> Result<Self, Error> {
        let (stream, _) = connect_async(request).await?;
        Ok(Self { stream, waiting: VecDeque::new(), next: 0 })
    }

    pub async fn write(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub async fn write_binary(&mut self, bytes: &[u8]) {
        self.stream.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// Writes past the WebSocket.
    pub async fn write_bytes(&mut self, bytes: &[u8]) {
        match self.stream.get_mut() {
            MaybeTlsStream::Plain(stream) => stream.write_all(bytes).await.unwrap(),
            _ => panic!("no plain socket"),
        }
    }

    /// The next message of the server but pings; `None` when it has closed the WebSocket.
    pub async fn read(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                if message["type"] != 6 {
                    return Some(message);
                }
                continue;
            }
            match timeout(PATIENCE, self.stream.next()).await.expect("the server says nothing") {
                Some(Ok(Message::Text(text))) => {
                    let messages = text.strip_suffix('\u{1e}').expect("a whole message").split('\u{1e}');
                    self.waiting.extend(messages.map(|message| serde_json::from_str(message).unwrap()));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn next(&mut self) -> Value {
        self.read().await.expect("the connection was closed")
    }

    /// Whether nothing comes for a while.
    pub async fn is_silent(&mut self, time: Duration) -> bool {
        self.heard_within(time).await.is_none()
    }

    /// What comes next, if anything does within this time.
    pub async fn heard_within(&mut self, time: Duration) -> Option<Value> {
        timeout(time, self.next()).await.ok()
    }

    /// Sends an invocation and gives its id.
    pub async fn begin(&mut self, target: &str, arguments: Value) -> String {
        self.next += 1;
        let id = self.next.to_string();
        let invocation = json!({ "type": 1, "invocationId": id, "target": target, "arguments": arguments });
        self.write(&format!("{invocation}\u{1e}")).await;
        id
    }

    /// Invokes and waits for the completion; what comes before it stays to be read.
    pub async fn invoke(&mut self, target: &str, arguments: Value) -> Result<Value, String> {
        let id = self.begin(target, arguments).await;
        self.completion(&id).await
    }

    pub async fn completion(&mut self, id: &str) -> Result<Value, String> {
        let mut before = VecDeque::new();
        loop {
            let message = self.next().await;
            if message["type"] == 3 && message["invocationId"] == id {
                before.append(&mut self.waiting);
                self.waiting = before;
                return match message.get("error") {
                    Some(error) => Err(error.as_str().unwrap().to_owned()),
                    None => Ok(message["result"].clone()),
                };
            }
            before.push_back(message);
        }
    }

    pub async fn join(&mut self, id: &str, after: impl Into<Option<i64>>) -> Result<Value, String> {
        self.invoke("JoinServiceRequest", json!([id, after.into()])).await
    }

    /// Sends a message under a new name.
    pub async fn say(&mut self, id: &str, body: &str) -> Result<Value, String> {
        self.send(id, Uuid::new_v4(), body).await
    }

    pub async fn send(&mut self, id: &str, name: Uuid, body: &str) -> Result<Value, String> {
        self.invoke("SendMessage", json!([id, { "clientMessageId": name, "body": body }])).await
    }

    /// The argument of the next event, which must be this one.
    pub async fn event(&mut self, target: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["target"], target, "{message}");
        message["arguments"][0].clone()
    }

    /// The next event of this name; others are skipped.
    pub async fn find(&mut self, target: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["target"] == target {
                return message["arguments"][0].clone();
            }
        }
    }

    /// The number of the next message, which must come as an event.
    pub async fn hear(&mut self) -> i64 {
        self.find("OnMessageReceived").await["seq"].as_i64().unwrap()
    }

    /// The close message, before which anything may come, and then the end.
    pub async fn closed(&mut self) -> Value {
        let mut close = Value::Null;
        while let Some(message) = self.read().await {
            if message["type"] == 7 {
                close = message;
            }
        }
        close
    }
}
