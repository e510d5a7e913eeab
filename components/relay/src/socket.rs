//! A client's socket: the one task of its connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use signalr::{Close, Frames, HandshakeError, HandshakeRequest, HandshakeResponse, Ping, ProtocolError};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::connection::Connection;
use crate::methods::Flow;
use crate::outbox::Next;
use crate::post::encode;
use crate::relay::{Inner, Urgency};

/// How long a client may take to say goodbye after us.
const GOODBYE: Duration = Duration::from_secs(2);

/// A client's socket.
pub(crate) struct Socket {
    relay: Arc<Inner>,
    connection: Arc<Connection>,
    stream: WebSocketStream<TcpStream>,
    frames: Frames,
    /// A message that can't be taken yet, for something that it depends on is under way; and how many invocations had
    /// ended when it was looked at last.
    stalled: Option<(Bytes, usize)>,
    /// Whether the handshake is done.
    agreed: bool,
    /// Whether something was written and not flushed, and since when the client takes nothing.
    unflushed: bool,
    blocked: Option<Instant>,
    last_read: Instant,
    last_write: Instant,
    began: Instant,
    /// When the client's token expires.
    expiry: Instant,
    clock: Pin<Box<Sleep>>,
}

/// What happens next.
enum Event {
    /// The client has sent something.
    Read(Message),
    /// What was stalled may go on.
    Resume,
    /// Time has passed.
    Tick,
    /// Everything is written, the last frame included.
    Done,
    /// Nothing can be read or written any longer.
    Lost,
    /// The client broke the rules of WebSockets.
    Broken(Error),
}

impl Socket {
    /// A socket for this connection, whose token expires at that time.
    ///
    /// Boxed, because a future keeps what it is given several times over while it is moved about.
    pub(crate) fn new(
        relay: Arc<Inner>,
        connection: Arc<Connection>,
        stream: WebSocketStream<TcpStream>,
        expiry: Instant,
    ) -> Box<Self> {
        let now = Instant::now();
        let frames = Frames::new(relay.limits.max_message);
        Box::new(Self {
            relay,
            connection,
            stream,
            frames,
            stalled: None,
            agreed: false,
            unflushed: false,
            blocked: None,
            last_read: now,
            last_write: now,
            began: now,
            expiry,
            clock: Box::pin(tokio::time::sleep_until(now)),
        })
    }

    /// Serves the client until either side ends the connection.
    pub(crate) async fn run(mut self: Box<Self>) {
        let number = self.relay.connections.add(&self.connection);
        self.relay.metrics.connections.add(1);
        self.relay.metrics.connected.add(1);
        // Since the client was let in, the relay may have begun to drain.
        if self.relay.is_draining() {
            self.connection.end(&Close { error: None, allow_reconnect: true });
        }
        let ended = self.serve().await;
        self.connection.outbox.end(None, false);
        for door in self.connection.take_doors() {
            let aftermath = door.lose(&self.connection);
            self.relay.follow_up(&door, aftermath, Urgency::Soon);
        }
        if ended {
            self.say_goodbye().await;
        }
        self.relay.connections.remove(number);
        self.relay.metrics.connections.sub(1);
    }

    /// Whether the connection was ended by us and the client can still hear it.
    async fn serve(&mut self) -> bool {
        self.set_clock();
        loop {
            match poll_fn(|context| self.poll_event(context)).await {
                Event::Read(Message::Text(text)) => self.take(text.into()),
                // The reference takes either, whatever the encoding.
                Event::Read(Message::Binary(bytes)) => self.take(bytes),
                Event::Read(Message::Close(_)) | Event::Lost => return false,
                Event::Read(_) => self.last_read = Instant::now(),
                Event::Resume => self.go_on(),
                Event::Tick => {
                    if !self.tick() {
                        return false;
                    }
                }
                Event::Done => return true,
                Event::Broken(Error::Capacity(CapacityError::MessageTooLong { .. })) => self.fail(&self.too_large()),
                Event::Broken(error) => {
                    tracing::debug!(%error, "a client broke the WebSocket protocol");
                    return true;
                }
            }
        }
    }

    /// Writes what waits, as much as the client takes, and finds out what happens next.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        self.connection.outbox.register(context);
        let ended = match self.poll_write(context) {
            Ok(ended) => ended,
            Err(_) => return Poll::Ready(Event::Lost),
        };
        if ended && !self.unflushed {
            return Poll::Ready(Event::Done);
        }
        if self.clock.poll_unpin(context).is_ready() {
            return Poll::Ready(Event::Tick);
        }
        if ended {
            return Poll::Pending;
        }
        if let Some((_, looked)) = self.stalled {
            let go_on = self.connection.await_end() != looked;
            return if go_on { Poll::Ready(Event::Resume) } else { Poll::Pending };
        }
        match self.stream.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(message))) => Poll::Ready(Event::Read(message)),
            Poll::Ready(Some(Err(error @ (Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_))))) => {
                Poll::Ready(Event::Broken(error))
            }
            Poll::Ready(Some(Err(_)) | None) => Poll::Ready(Event::Lost),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes frames for as long as the client takes them: many with one flush. Whether there will be no more.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<bool, Error> {
        let mut ended = false;
        let mut wrote = false;
        while let Poll::Ready(ready) = self.stream.poll_ready_unpin(context) {
            ready?;
            match self.connection.outbox.pop() {
                Next::Frame(frame) => {
                    self.stream.start_send_unpin(Message::Text(frame))?;
                    wrote = true;
                }
                Next::Nothing => break,
                Next::End => {
                    ended = true;
                    break;
                }
            }
        }
        if wrote {
            self.unflushed = true;
            self.last_write = Instant::now();
        }
        if self.unflushed {
            match self.stream.poll_flush_unpin(context) {
                Poll::Ready(flushed) => {
                    flushed?;
                    self.unflushed = false;
                    self.blocked = None;
                }
                Poll::Pending => {
                    let now = Instant::now();
                    let since = *self.blocked.get_or_insert(now);
                    self.wake_at(since + self.relay.limits.write);
                }
            }
        }
        if wrote && self.connection.outbox.has_room_again() {
            for door in self.connection.doors() {
                self.relay.nudge(&door);
            }
        }
        Ok(ended)
    }

    /// Takes what the client has sent.
    fn take(&mut self, bytes: Bytes) {
        self.last_read = Instant::now();
        self.frames.push(bytes);
        self.go_on();
    }

    /// Takes messages until there is none, or one has to wait.
    fn go_on(&mut self) {
        loop {
            let message = match self.stalled.take() {
                Some((message, _)) => message,
                None => match self.frames.next_message() {
                    Ok(Some(message)) => message,
                    Ok(None) => return,
                    Err(error) => return self.fail(&error),
                },
            };
            if self.connection.outbox.has_ended() {
                return;
            }
            if !self.agreed {
                self.shake_hands(&message);
                continue;
            }
            let looked = self.connection.ended();
            if !self.connection.may_ask(self.relay.limits.invocations) {
                self.stalled = Some((message, looked));
                return;
            }
            match self.relay.receive(&self.connection, &message) {
                Ok(Flow::Next) => {}
                Ok(Flow::Later) => {
                    self.stalled = Some((message, looked));
                    return;
                }
                Ok(Flow::End(close)) => return self.connection.end(&close),
                Err(error) => return self.fail(&error),
            }
        }
    }

    fn shake_hands(&mut self, message: &[u8]) {
        match HandshakeRequest::parse(message) {
            Ok(_) => {
                self.agreed = true;
                self.connection.push(Utf8Bytes::from_static(HandshakeResponse::AGREED));
                self.set_clock();
            }
            Err(error) => self.refuse(&error),
        }
    }

    /// Ends a connection without a handshake.
    fn refuse(&self, error: &HandshakeError) {
        let refusal = encode(128, |out| HandshakeResponse::encode_error(error, out));
        self.connection.outbox.end(Some(refusal), true);
    }

    /// Ends a connection whose client broke the protocol.
    fn fail(&self, error: &ProtocolError) {
        if self.agreed {
            self.connection.end(&Close::failed(error));
        } else {
            self.refuse(&HandshakeError::Canceled);
        }
    }

    fn too_large(&self) -> ProtocolError {
        ProtocolError::TooLarge { limit: self.relay.limits.max_message }
    }

    /// Does what is due. Whether the client may still be there.
    fn tick(&mut self) -> bool {
        let now = Instant::now();
        let limits = &self.relay.limits;
        if self.blocked.is_some_and(|since| now >= since + limits.write) {
            if !self.connection.outbox.has_ended() {
                self.relay.metrics.slow_readers.add(1);
            }
            return false;
        }
        if self.connection.outbox.has_ended() {
            // Waiting for the last frame to be taken, or for nothing.
        } else if !self.agreed && now >= self.began + limits.handshake {
            self.refuse(&HandshakeError::Canceled);
        } else if now >= self.expiry {
            self.connection.end(&Close { error: Some("the token has expired".into()), allow_reconnect: true });
        } else if self.agreed && self.is_reading() && now >= self.last_read + limits.client_timeout {
            let seconds = limits.client_timeout.as_secs();
            let silence = format!("the client has not sent a message or ping for {seconds} s");
            self.connection.end(&Close::failed(silence));
        } else if self.agreed && now >= self.last_write + limits.keep_alive {
            self.connection.push(Utf8Bytes::from_static(Ping::ENCODED));
            self.last_write = now;
        }
        self.set_clock();
        true
    }

    /// Whether silence is the client's own: while we don't read, it isn't.
    fn is_reading(&self) -> bool {
        self.stalled.is_none()
    }

    /// Sets the clock to when something is due next. What is put off meanwhile is found out then.
    fn set_clock(&mut self) {
        let limits = &self.relay.limits;
        let now = Instant::now();
        let mut next = self.expiry;
        if self.connection.outbox.has_ended() {
            next = now + limits.write;
        } else if self.agreed {
            next = next.min(self.last_write + limits.keep_alive);
            let silence = self.last_read + limits.client_timeout;
            next = next.min(if self.is_reading() { silence } else { now + limits.client_timeout });
        } else {
            next = next.min(self.began + limits.handshake);
        }
        if let Some(since) = self.blocked {
            next = next.min(since + limits.write);
        }
        self.clock.as_mut().reset(next);
    }

    fn wake_at(&mut self, time: Instant) {
        if time < self.clock.deadline() {
            self.clock.as_mut().reset(time);
        }
    }

    /// Closes the WebSocket, and reads until the client has closed it too: a socket closed with something unread takes
    /// back what was written last.
    async fn say_goodbye(&mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        let goodbye = async {
            if self.stream.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        // A client that doesn't answer is gone.
        let _ = timeout(GOODBYE, goodbye).await;
    }
}
