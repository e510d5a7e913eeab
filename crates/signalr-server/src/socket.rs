//! A client's socket: the one task of its connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use signalr::{
    Close, Framed, Frames, HandshakeError, HandshakeRequest, HandshakeResponse, HubMessage, Invocation,
    InvocationError, Ping, ProtocolError,
};
use tokio::time::{Instant, Sleep, timeout};

use crate::connection::Connection;
use crate::connections::Connections;
use crate::counts::Counts;
use crate::frame::Frame;
use crate::hub::{Flow, Hub, HubError};
use crate::outbox::Next;
use crate::state::ServerState;
use crate::websocket::{Broken, Ending, Goodbye, Heard, WebSocket};

/// How long a client may take to say goodbye after us.
const GOODBYE: Duration = Duration::from_secs(2);

/// A client's socket.
pub(crate) struct Socket<H: Hub> {
    server: Arc<ServerState<H>>,
    caller: Arc<H::Caller>,
    stream: WebSocket,
    frames: Frames,
    /// A message that can't be taken yet, for something that it depends on is under way; and how many invocations had
    /// ended when it was looked at last.
    stalled: Option<(Bytes, usize)>,
    /// Whether the handshake is done.
    agreed: bool,
    /// Whether the client has ever sent a ping. One that hasn't may never do so, and then its silence means nothing.
    pinged: bool,
    /// Since when the client takes nothing of what is written.
    blocked: Option<Instant>,
    /// What is said when this side ends the connection.
    goodbye: Goodbye,
    last_read: Instant,
    last_write: Instant,
    began: Instant,
    /// When the connection is to end.
    expires_at: Option<Instant>,
    clock: Pin<Box<Sleep>>,
}

/// What happens next.
enum Event {
    /// The client has sent something.
    Read(Heard),
    /// What was stalled may go on.
    Resume,
    /// Time has passed.
    Tick,
    /// Everything is written, the last frame included.
    Done,
    /// Nothing can be read or written any longer.
    Broken(Broken),
}

/// What to do after a message.
enum After {
    /// Take the next one.
    Next,
    /// It was a ping. Take the next one.
    Pinged,
    /// Take this one again, once something that is under way has ended.
    Later,
    /// End the connection.
    End(Close<'static>),
}

impl<H: Hub> Socket<H> {
    /// A socket for this caller, which is to end at that time if there is one.
    ///
    /// Boxed, because a future keeps what it is given several times over while it is moved about.
    pub(crate) fn new(
        server: Arc<ServerState<H>>,
        caller: Arc<H::Caller>,
        stream: WebSocket,
        expires_at: Option<Instant>,
    ) -> Box<Self> {
        let now = Instant::now();
        let frames = Frames::new(server.limits.max_message);
        Box::new(Self {
            server,
            caller,
            stream,
            frames,
            stalled: None,
            agreed: false,
            pinged: false,
            blocked: None,
            goodbye: Goodbye::NORMAL,
            last_read: now,
            last_write: now,
            began: now,
            expires_at,
            clock: Box::pin(tokio::time::sleep_until(now)),
        })
    }

    fn connection(&self) -> &Connection {
        (*self.caller).as_ref()
    }

    /// Serves the client until either side ends the connection.
    pub(crate) async fn run(mut self: Box<Self>) {
        // Whatever ends this task, a panic included, takes the connection out of all that knows it.
        let _registration = Registration::new(&self.server, &self.caller);
        let presence = Presence { server: Arc::clone(&self.server), caller: Arc::clone(&self.caller) };
        // Since the client was let in, the server may have begun to drain.
        if self.server.is_draining() {
            self.connection().end(&Close { error: None, allow_reconnect: true });
        }
        let ending = self.serve().await;
        drop(presence);
        if let Some(ending) = ending {
            // A client that doesn't answer is gone.
            let _ = timeout(GOODBYE, self.stream.hang_up(ending)).await;
        }
    }

    /// How the connection ends, if the client can still hear of it.
    async fn serve(&mut self) -> Option<Ending> {
        self.set_clock();
        loop {
            match poll_fn(|context| self.poll_event(context)).await {
                // The reference takes texts and bytes, whatever the encoding.
                Event::Read(Heard::Piece(bytes)) => self.take(bytes),
                Event::Read(Heard::Close) => return Some(Ending::Theirs),
                Event::Read(Heard::Ping(_) | Heard::Sign) => self.last_read = Instant::now(),
                Event::Resume => self.go_on(),
                Event::Tick => {
                    if !self.tick() {
                        return None;
                    }
                }
                Event::Done => return Some(Ending::Ours(self.goodbye)),
                Event::Broken(Broken::Lost) => return None,
                Event::Broken(Broken::Rule(violation)) => {
                    tracing::debug!(%violation, "a client broke the WebSocket protocol");
                    return Some(Ending::Broken(violation));
                }
            }
        }
    }

    /// Writes what waits, as much as the client takes, and finds out what happens next.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        self.connection().outbox.register(context);
        let ended = match self.poll_write(context) {
            Ok(ended) => ended,
            Err(_) => return Poll::Ready(Event::Broken(Broken::Lost)),
        };
        if ended && !self.stream.has_unflushed() {
            return Poll::Ready(Event::Done);
        }
        if self.clock.poll_unpin(context).is_ready() {
            return Poll::Ready(Event::Tick);
        }
        if ended {
            return Poll::Pending;
        }
        if let Some((_, looked)) = self.stalled {
            let go_on = self.connection().await_end() != looked;
            return if go_on { Poll::Ready(Event::Resume) } else { Poll::Pending };
        }
        self.stream.poll_next(context).map(|heard| heard.map_or_else(Event::Broken, Event::Read))
    }

    /// Writes frames for as long as the client takes them: many with one flush. Whether there will be no more.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<bool, std::io::Error> {
        let mut ended = false;
        let mut wrote = false;
        while let Poll::Ready(ready) = self.stream.poll_ready(context) {
            ready?;
            match self.connection().outbox.pop() {
                Next::Frame(frame) => {
                    self.stream.write(frame.as_str());
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
            self.last_write = Instant::now();
        }
        if self.stream.has_unflushed() {
            match self.stream.poll_flush(context) {
                Poll::Ready(flushed) => {
                    flushed?;
                    self.blocked = None;
                }
                Poll::Pending => {
                    let now = Instant::now();
                    let since = *self.blocked.get_or_insert(now);
                    self.wake_at(since + self.server.limits.write);
                }
            }
        }
        if wrote && self.connection().outbox.has_room_again() {
            self.server.hub.has_room_again(&self.caller);
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
                    Ok(Some(Framed::Message(message))) => message,
                    Ok(Some(Framed::TooLarge { invocation_id })) => {
                        self.refuse_too_large(&invocation_id);
                        continue;
                    }
                    Ok(None) => return,
                    Err(error) => return self.fail(&error),
                },
            };
            if self.connection().outbox.has_ended() {
                return;
            }
            if !self.agreed {
                self.shake_hands(&message);
                continue;
            }
            let looked = self.connection().ended();
            if !self.connection().may_ask(self.server.limits.invocations) {
                self.stalled = Some((message, looked));
                return;
            }
            match self.receive(&message) {
                Ok(After::Next) => {}
                Ok(After::Pinged) => {
                    self.pinged = true;
                    self.set_clock();
                }
                Ok(After::Later) => {
                    self.stalled = Some((message, looked));
                    return;
                }
                Ok(After::End(close)) => return self.connection().end(&close),
                Err(error) => return self.fail(&error),
            }
        }
    }

    fn shake_hands(&mut self, message: &[u8]) {
        match HandshakeRequest::parse(message) {
            Ok(_) => {
                self.agreed = true;
                self.frames.refuse_up_to(self.server.limits.refused_message);
                self.connection().push(Frame::from_static(HandshakeResponse::AGREED));
                self.set_clock();
            }
            Err(error) => self.refuse(&error),
        }
    }

    /// Ends a connection without a handshake.
    fn refuse(&self, error: &HandshakeError) {
        let refusal = Frame::encode(128, |out| HandshakeResponse::encode_error(error, out));
        self.connection().outbox.end(Some(refusal), true);
    }

    /// Ends a connection whose client broke the protocol.
    fn fail(&mut self, error: &ProtocolError) {
        if matches!(error, ProtocolError::TooLarge { .. }) {
            self.goodbye = Goodbye::TOO_LARGE;
        }
        if self.agreed {
            self.connection().end(&Close::failed(error));
        } else {
            self.refuse(&HandshakeError::Canceled);
        }
    }

    /// Answers an invocation that is too large to be taken. What else the client wants goes on.
    fn refuse_too_large(&self, invocation_id: &str) {
        let error = HubError::TooLarge(self.server.limits.max_message);
        self.connection().refuse(Some(invocation_id), &H::error_text(&error));
    }

    /// Takes one message of the client.
    fn receive(&self, message: &[u8]) -> Result<After, ProtocolError> {
        match HubMessage::parse(message)? {
            HubMessage::Invocation(invocation) => Ok(self.invoke(&invocation)),
            HubMessage::StreamInvocation(invocation) => {
                let target = &*invocation.target;
                self.refuse_invocation(
                    Some(&invocation.invocation_id),
                    if self.server.hub.has_method(target) {
                        InvocationError::NotStreaming { target }
                    } else {
                        InvocationError::UnknownMethod { target }
                    },
                );
                Ok(After::Next)
            }
            HubMessage::Close(_) => Ok(After::End(Close::WELL)),
            HubMessage::Ping(_) => Ok(After::Pinged),
            // Nothing streams and nobody asks clients for results, so these concern nothing.
            HubMessage::StreamItem(_)
            | HubMessage::Completion(_)
            | HubMessage::CancelInvocation(_)
            | HubMessage::Ack(_)
            | HubMessage::Sequence(_)
            | HubMessage::Unknown => Ok(After::Next),
        }
    }

    fn invoke(&self, invocation: &Invocation<'_>) -> After {
        let target = &*invocation.target;
        let streams = invocation.stream_ids.len();
        let error = if !self.server.hub.has_method(target) {
            InvocationError::UnknownMethod { target }
        } else if streams > 0 {
            InvocationError::Streams { target, given: streams }
        } else {
            match self.server.hub.invoke(&self.caller, invocation) {
                Ok(Flow::Next) => return After::Next,
                Ok(Flow::Later) => return After::Later,
                Err(error) => InvocationError::Arguments { target, error },
            }
        };
        self.refuse_invocation(invocation.invocation_id.as_deref(), error);
        After::Next
    }

    fn refuse_invocation(&self, invocation_id: Option<&str>, error: InvocationError<'_>) {
        self.connection().refuse(invocation_id, &H::error_text(&HubError::Invocation(error)));
    }

    /// Does what is due. Whether the client may still be there.
    fn tick(&mut self) -> bool {
        let now = Instant::now();
        let limits = &self.server.limits;
        if self.blocked.is_some_and(|since| now >= since + limits.write) {
            if !self.connection().outbox.has_ended() {
                self.connection().reads_too_slowly();
            }
            return false;
        }
        if self.connection().outbox.has_ended() {
            // Waiting for the last frame to be taken, or for nothing.
        } else if !self.agreed && now >= self.began + limits.handshake {
            self.refuse(&HandshakeError::Canceled);
        } else if self.expires_at.is_some_and(|end| now >= end) {
            self.connection().end(&Close { error: Some("the token has expired".into()), allow_reconnect: true });
        } else if self.is_expected() && now >= self.last_read + limits.client_timeout {
            let seconds = limits.client_timeout.as_secs();
            let silence = format!("the client has not sent a message or ping for {seconds} s");
            self.connection().end(&Close::failed(silence));
        } else if self.agreed && now >= self.last_write + limits.keep_alive {
            self.connection().push(Frame::from_static(Ping::ENCODED));
            self.last_write = now;
        }
        self.set_clock();
        true
    }

    /// Whether the client has promised pings, and its silence is its own: while we don't read, it isn't.
    fn is_expected(&self) -> bool {
        self.pinged && self.stalled.is_none()
    }

    /// Sets the clock to when something is due next. What is put off meanwhile is found out then.
    fn set_clock(&mut self) {
        let limits = &self.server.limits;
        let now = Instant::now();
        // There is always a next time to look, if only at who may have fallen silent.
        let mut next = self.expires_at.unwrap_or(now + limits.client_timeout);
        if self.connection().outbox.has_ended() {
            next = now + limits.write;
        } else if self.agreed {
            next = next.min(self.last_write + limits.keep_alive);
            let silence = self.last_read + limits.client_timeout;
            next = next.min(if self.is_expected() { silence } else { now + limits.client_timeout });
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
}

/// A connection among those of its server, for as long as this is held: a panic skips lines, and no owner.
struct Registration<C> {
    connections: Arc<Connections<C>>,
    counts: Arc<Counts>,
    number: u64,
}

impl<C> Registration<C> {
    fn new<H: Hub<Caller = C>>(server: &ServerState<H>, caller: &Arc<C>) -> Self {
        let number = server.connections.add(caller);
        server.counts.opened();
        Self { connections: Arc::clone(&server.connections), counts: Arc::clone(&server.counts), number }
    }
}

impl<C> Drop for Registration<C> {
    fn drop(&mut self) {
        self.connections.remove(self.number);
        self.counts.closed();
    }
}

/// A client that the hub believes to be there, until this is dropped.
struct Presence<H: Hub> {
    server: Arc<ServerState<H>>,
    caller: Arc<H::Caller>,
}

impl<H: Hub> Drop for Presence<H> {
    fn drop(&mut self) {
        (*self.caller).as_ref().outbox.end(None, false);
        self.server.hub.disconnected(&self.caller);
    }
}
