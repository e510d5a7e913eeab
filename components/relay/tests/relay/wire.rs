//! A client that writes WebSocket frames byte by byte, good ones and bad ones.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::node::Node;

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(5);

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Bits of a frame's first byte.
pub const LAST: u8 = 0x80;
pub const TEXT: u8 = 1;

/// What the server says.
#[derive(Debug, PartialEq)]
pub enum Said {
    Text(String),
    Pong(Vec<u8>),
    Close(u16, String),
    /// It has closed the socket.
    End,
}

pub struct Wire {
    stream: TcpStream,
}

impl Wire {
    /// A WebSocket before the handshake of SignalR.
    pub async fn open(node: &Node, path: &str, token: &str) -> Self {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            node.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(timeout(PATIENCE, stream.read_u8()).await.expect("no answer").unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        Self { stream }
    }

    /// A WebSocket after it.
    pub async fn agree(node: &Node, token: &str) -> Self {
        let mut wire = Self::open(node, "/hubs/chat", token).await;
        wire.text("{\"protocol\":\"json\",\"version\":1}\u{1e}").await;
        assert_eq!(wire.next().await, Said::Text("{}\u{1e}".to_owned()));
        wire
    }

    /// Writes a message as one frame.
    pub async fn text(&mut self, text: &str) {
        self.frame(LAST | TEXT, text.as_bytes()).await;
    }

    /// Writes a frame: flags and opcode, and what it carries.
    pub async fn frame(&mut self, first: u8, payload: &[u8]) {
        let masked: Vec<u8> = payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        self.bytes(&[&head(first, payload.len() as u64), &masked[..]].concat()).await;
    }

    /// Writes bytes as they are. That the server has closed meanwhile is no fault.
    pub async fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// What the server says next.
    pub async fn next(&mut self) -> Said {
        timeout(PATIENCE, self.read()).await.expect("the server says nothing").unwrap_or(Said::End)
    }

    /// The next message of the hub, alone in its frame.
    pub async fn message(&mut self) -> Value {
        match self.next().await {
            Said::Text(text) => serde_json::from_str(text.strip_suffix('\u{1e}').expect("a whole message")).unwrap(),
            other => panic!("no message but {other:?}"),
        }
    }

    async fn read(&mut self) -> std::io::Result<Said> {
        let (first, short) = (self.stream.read_u8().await?, self.stream.read_u8().await?);
        let length = match short {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await?;
        Ok(match first {
            0x81 => Said::Text(String::from_utf8(payload).unwrap()),
            0x8a => Said::Pong(payload),
            0x88 => {
                let (code, reason) = payload.split_at(2);
                Said::Close(u16::from_be_bytes(code.try_into().unwrap()), String::from_utf8(reason.to_vec()).unwrap())
            }
            other => panic!("an unknown frame {other:x}"),
        })
    }
}

/// The head of a masked frame that says it carries so many bytes.
pub fn head(first: u8, length: u64) -> Vec<u8> {
    let length = match length {
        ..126 => vec![0x80 | u8::try_from(length).unwrap()],
        126..65_536 => [&[0x80 | 126][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
        _ => [&[0x80 | 127][..], &length.to_be_bytes()].concat(),
    };
    [&[first], &length[..], &MASK].concat()
}
