//! One connection to the hub, below its messages: text in, text out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::{Result, bail};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::frame::{self, Control};
use crate::http::Connection;
use crate::hub::TERMINATOR;
use crate::target::Node;

/// Room for a few dozen messages a read.
const READ: usize = 8 * 1024;

/// A WebSocket with its buffers.
pub struct Socket {
    stream: TcpStream,
    mask: u32,
    chunk: Box<[u8]>,
    incoming: BytesMut,
    text: Vec<u8>,
    outgoing: BytesMut,
}

impl Socket {
    /// Connects to the hub of a node.
    ///
    /// # Errors
    /// The node can't be reached or refuses.
    pub async fn connect(node: &Node, token: &str, negotiate: bool) -> Result<Self> {
        let mut connection = Connection::open(node).await?;
        let id = if negotiate { Some(connection.negotiate(token).await?) } else { None };
        let (stream, incoming) = connection.upgrade(token, id.as_deref()).await?;
        let chunk = vec![0; READ].into_boxed_slice();
        Ok(Self { stream, mask: rand::random(), chunk, incoming, text: Vec::new(), outgoing: BytesMut::new() })
    }

    /// Queues a hub message; it leaves with the next exchange.
    pub fn send(&mut self, record: &[u8]) {
        frame::encode_text(record, self.mask, &mut self.outgoing);
    }

    /// Writes what is queued, as far as it goes, and reads what has come; ready when something has.
    ///
    /// A server that does not read is still listened to, so the two never wait for each other.
    pub fn poll_exchange(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        while !self.outgoing.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, &self.outgoing) {
                Poll::Ready(written) => self.outgoing.advance(written?),
                Poll::Pending => break,
            }
        }
        let mut chunk = ReadBuf::new(&mut self.chunk);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut chunk))?;
        if chunk.filled().is_empty() {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
        }
        self.incoming.extend_from_slice(chunk.filled());
        Poll::Ready(self.decode())
    }

    fn decode(&mut self) -> Result<()> {
        while let Some(control) = frame::decode(&mut self.incoming, &mut self.text)? {
            match control {
                Control::None => {}
                Control::Ping(payload) => frame::encode_pong(&payload, self.mask, &mut self.outgoing),
                Control::Close(reason) => bail!("closed by the server: {reason}"),
            }
        }
        Ok(())
    }

    /// Takes the complete hub messages that have come, terminators included; what is incomplete stays.
    pub fn take_records(&mut self, records: &mut Vec<u8>) {
        records.clear();
        if let Some(end) = self.text.iter().rposition(|byte| *byte == TERMINATOR) {
            let rest = self.text.split_off(end + 1);
            // The emptied buffer takes over, so that neither is allocated again.
            std::mem::swap(records, &mut self.text);
            self.text.extend(rest);
        }
    }
}
