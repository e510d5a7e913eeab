//! A server in the same process, which components reach without the network.

use std::sync::OnceLock;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};

/// Answers a request.
type Answer = Box<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync>;

/// A server in the same process, once there is one.
///
/// It listens on an address as well, and whoever is elsewhere uses that. A component of this process asks for the same
/// address and can't tell the difference, but for the time that two sockets and their wake-ups take.
#[derive(Default)]
pub(crate) struct Neighbour(OnceLock<(Authority, Answer)>);

impl Neighbour {
    /// Makes a server known. The first one stays.
    pub fn moves_in(&self, authority: Authority, answer: Answer) {
        if self.0.set((authority, answer)).is_err() {
            tracing::warn!("there is a server in this process already");
        }
    }

    /// Who answers at this address, if it is that of the server.
    pub fn at(&self, uri: &Uri) -> Option<&Answer> {
        let (authority, answer) = self.0.get()?;
        (uri.scheme() == Some(&Scheme::HTTP) && uri.authority() == Some(authority)).then_some(answer)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn lives_at_one_address() {
        let neighbour = Neighbour::default();
        let at = |uri: &'static str| neighbour.at(&Uri::from_static(uri)).is_some();
        assert!(!at("http://127.0.0.1:3001/"));
        let answer = |_| async { Response::new(Bytes::new()) }.boxed();
        neighbour.moves_in(Authority::from_static("127.0.0.1:3001"), Box::new(answer));
        assert!(at("http://127.0.0.1:3001/internal/events?a=b"));
        for elsewhere in ["https://127.0.0.1:3001/", "http://127.0.0.1:3002/", "http://127.0.0.1/", "/internal/events"]
        {
            assert!(!at(elsewhere), "{elsewhere}");
        }
    }
}
