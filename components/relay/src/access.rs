//! Who may connect: whose a token is, which pages may use the hub, and where a request comes from. It asks the functions for
//! the keys of tokens, and knows nothing of conversations.

mod origin;
mod proxy;
mod tokens;
mod verification;

pub use origin::Origins;
pub use proxy::{Peer, Proxies, Sender};
pub(crate) use tokens::{Tokens, seconds_now};
