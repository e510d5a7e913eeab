//! The SignalR hub protocol in its JSON encoding, without I/O.
//!
//! What arrives goes through [`Frames`], which cuts it into messages; the first is the [`HandshakeRequest`], every later
//! one a [`HubMessage`]. Messages borrow from the bytes they were read from, and arguments stay raw JSON until a method
//! binds them ([`Arguments`]). What leaves is written by each message's `encode` into a buffer that the caller owns,
//! separator included. [`negotiate`] has what HTTP clients ask before that.
//!
//! Names are those of the [hub protocol]. Error texts that travel to clients are those of ASP.NET Core's server with
//! detailed errors on, since users and their tests know them; they start with a capital and end with a full stop.
//!
//! [hub protocol]: https://github.com/dotnet/aspnetcore/blob/main/src/SignalR/docs/specs/HubProtocol.md

pub mod negotiate;

mod ack;
mod arguments;
mod cancel_invocation;
mod close;
mod completion;
mod error;
mod fields;
mod frame;
mod handshake;
mod invocation;
mod message;
mod oversized;
mod ping;
mod sequence;
mod stream_invocation;
mod stream_item;
mod write;

pub use ack::Ack;
pub use arguments::{Arguments, BindError};
pub use cancel_invocation::CancelInvocation;
pub use close::Close;
pub use completion::{Completion, InvocationError, Outcome};
pub use error::ProtocolError;
pub use frame::{Framed, Frames, SEPARATOR};
pub use handshake::{HandshakeError, HandshakeRequest, HandshakeResponse};
pub use invocation::Invocation;
pub use message::HubMessage;
pub use ping::Ping;
pub use sequence::Sequence;
pub use stream_invocation::StreamInvocation;
pub use stream_item::StreamItem;
