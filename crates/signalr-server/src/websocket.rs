//! The server's side of a WebSocket.
//!
//! Messages are handed on piece by piece as they come, and none is ever held: how large a message may be is for the hub
//! to say, which cuts its own messages out of what comes and refuses the one that is too large, and not its connection. A
//! library of whole messages would hold what the hub is about to refuse.

mod incoming;
mod text;

use std::future::poll_fn;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use incoming::Incoming;
pub(crate) use incoming::{Heard, Violation};

/// What is read at once. Chat messages are small, and every idle connection keeps a buffer of this size.
const READ_BUFFER: usize = 1024;

/// What is read at once of a frame that is larger; the buffer for it is given back after it.
const LARGE_READ: usize = 16 * 1024;

/// How much is written at once. Large enough for a dozen messages, and the most that a connection keeps afterwards.
const WRITE_BUFFER: usize = 4 * 1024;

/// A WebSocket, which writes texts and reads pieces of messages.
pub(crate) struct WebSocket {
    stream: TcpStream,
    incoming: Incoming,
    arrived: BytesMut,
    /// Whether the present buffer is a large one.
    large: bool,
    /// Whole frames to be written, and how much of them was.
    output: Vec<u8>,
    written: usize,
}

/// Why nothing can be read any longer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client is gone.
    Lost,
    /// The client broke a rule, and can be told.
    Rule(Violation),
}

/// How a WebSocket comes to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// This side says goodbye.
    Ours(Goodbye),
    /// The client did.
    Theirs,
    /// The client broke a rule, after which it can't be understood.
    Broken(Violation),
}

/// What is said when a WebSocket is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Goodbye {
    /// The code, of RFC 6455.
    pub(crate) code: u16,
    /// The reason, for a person to read, in at most 123 bytes.
    pub(crate) reason: &'static str,
}

impl Goodbye {
    /// Nothing was wrong with the WebSocket.
    pub(crate) const NORMAL: Self = Self { code: 1000, reason: "" };
    /// Something that is too large, and can't be refused by itself.
    pub(crate) const TOO_LARGE: Self = Self { code: 1009, reason: "the message is too large" };
}

impl From<Violation> for Goodbye {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::Frame(reason) => Self { code: 1002, reason },
            Violation::Text => Self { code: 1007, reason: "a text must be UTF-8" },
            Violation::TooLarge { .. } => Self::TOO_LARGE,
        }
    }
}

impl WebSocket {
    /// A WebSocket of which this has arrived already, with messages of up to so many bytes.
    pub(crate) fn new(stream: TcpStream, arrived: Bytes, most: u64) -> Self {
        let arrived = BytesMut::from(arrived);
        Self { stream, incoming: Incoming::new(most), arrived, large: false, output: Vec::new(), written: 0 }
    }

    /// What the client sends next. A ping is answered by the next flush.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Heard, Broken>> {
        loop {
            if let Some(heard) = self.incoming.next(&mut self.arrived).map_err(Broken::Rule)? {
                if let Heard::Ping(payload) = &heard {
                    self.answer_ping(payload);
                }
                return Poll::Ready(Ok(heard));
            }
            let more = usize::try_from(self.incoming.left()).unwrap_or(usize::MAX);
            if self.large && more == 0 && self.arrived.is_empty() {
                self.arrived = BytesMut::new();
                self.large = false;
            }
            ready!(self.stream.poll_read_ready(context)).map_err(|_| Broken::Lost)?;
            let room = more.clamp(READ_BUFFER, LARGE_READ);
            self.large |= room > READ_BUFFER;
            self.arrived.reserve(room);
            match self.stream.try_read_buf(&mut self.arrived) {
                Ok(0) => return Poll::Ready(Err(Broken::Lost)),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(Err(Broken::Lost)),
            }
        }
    }

    /// Makes room for the next frame.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.output.len() < WRITE_BUFFER { Poll::Ready(Ok(())) } else { self.poll_flush(context) }
    }

    /// Has a text written by the next flush.
    pub(crate) fn write(&mut self, text: &str) {
        self.append(OpCode::Data(Data::Text), text.as_bytes());
    }

    /// Whether something waits to be flushed.
    pub(crate) fn has_unflushed(&self) -> bool {
        !self.output.is_empty()
    }

    /// Writes what waits.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while let Some(rest) = self.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.written = 0;
        self.output.clear();
        if self.output.capacity() > WRITE_BUFFER * 2 {
            self.output = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Closes the WebSocket, and reads until the client has done so too: a socket closed with something unread takes back what
    /// was written last.
    pub(crate) async fn hang_up(&mut self, ending: Ending) {
        let goodbye = match ending {
            Ending::Ours(goodbye) => goodbye,
            Ending::Theirs => Goodbye::NORMAL,
            Ending::Broken(violation) => violation.into(),
        };
        self.append(
            OpCode::Control(Control::Close),
            &[&goodbye.code.to_be_bytes(), goodbye.reason.as_bytes()].concat(),
        );
        if poll_fn(|context| self.poll_flush(context)).await.is_err() {
            return;
        }
        match ending {
            Ending::Ours(_) => {
                while let Ok(Heard::Piece(_) | Heard::Ping(_) | Heard::Sign) =
                    poll_fn(|context| self.poll_next(context)).await
                {}
            }
            Ending::Theirs => {}
            // What comes next has no beginning, and is dropped unread.
            Ending::Broken(_) => {
                if self.stream.shutdown().await.is_ok() {
                    self.drain().await;
                }
            }
        }
    }

    async fn drain(&mut self) {
        self.arrived.clear();
        while let Ok(1..) = self.stream.read_buf(&mut self.arrived).await {
            self.arrived.clear();
        }
    }

    /// Whoever sends pings and reads no answers gets none: one that waits stands for all before it.
    fn answer_ping(&mut self, payload: &[u8]) {
        if self.output.len() < WRITE_BUFFER {
            self.append(OpCode::Control(Control::Pong), payload);
        }
    }

    fn append(&mut self, opcode: OpCode, payload: &[u8]) {
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        // Memory takes everything.
        if header.format(payload.len() as u64, &mut self.output).is_ok() {
            self.output.extend_from_slice(payload);
        }
    }
}
