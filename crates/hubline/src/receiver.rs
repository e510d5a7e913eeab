//! Alertmanager's receiver, which may send more than others.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, header};
use sha2::{Digest, Sha256};

/// Where it sends.
const PATH: &str = "/ops/alerts";

/// The tokens of the receiver, of which only the digests are kept: they are compared in a time that tells nothing of a token.
///
/// The component asks for the token itself. This only decides how much is read before it can.
#[derive(Clone, Default)]
pub struct Receiver(Arc<[[u8; 32]]>);

impl Receiver {
    /// The receiver whose tokens are these, with commas between them.
    pub fn new(tokens: &str) -> Self {
        let tokens = tokens.split(',').map(str::trim).filter(|token| !token.is_empty());
        Self(tokens.map(|token| Sha256::digest(token).into()).collect())
    }

    /// Whether a request is a notification that shows one of the tokens.
    pub fn sends(&self, request: &Parts) -> bool {
        request.method == Method::POST && request.uri.path() == PATH && self.knows(request)
    }

    fn knows(&self, request: &Parts) -> bool {
        let shown = request.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, token)) = shown.and_then(|shown| shown.split_once(' ')) else { return false };
        let digest: [u8; 32] = Sha256::digest(token.trim_matches(' ')).into();
        scheme.eq_ignore_ascii_case("bearer") && self.0.contains(&digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, path: &str, authorization: &str) -> Parts {
        let request = http::Request::builder().method(method).uri(path).header("authorization", authorization);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_who_shows_a_token_there_is_the_receiver() {
        let receiver = Receiver::new("old, new,");
        for good in ["Bearer old", "bearer new"] {
            assert!(receiver.sends(&parts("POST", "/ops/alerts", good)), "{good}");
        }
        for bad in ["", "Bearer", "Bearer ", "Bearer ,", "Bearer old, new", "Basic old"] {
            assert!(!receiver.sends(&parts("POST", "/ops/alerts", bad)), "{bad}");
        }
        assert!(!receiver.sends(&parts("GET", "/ops/alerts", "Bearer old")));
        assert!(!receiver.sends(&parts("POST", "/ops/github", "Bearer old")));
        assert!(!Receiver::new("").sends(&parts("POST", "/ops/alerts", "Bearer ")));
    }
}
