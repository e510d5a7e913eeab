//! Requests, whichever way they come in.

use chat::{ErrorCode, Refusal};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use spin_sdk::wasip3::http_compat::IncomingRequestBody;

/// A request of a function.
pub type Request = http::Request<Body>;

/// The body of a request: see [`body`](crate::body) for what reads it.
pub enum Body {
    /// All of it, from a host that had it before it called.
    Whole(Vec<u8>),
    /// A stream.
    Streamed(IncomingRequestBody),
}

/// A request that came in one piece.
///
/// # Errors
/// Returns [`ErrorCode::Malformed`] when a part is not what HTTP has there. A host has seen to that.
pub fn whole(method: &str, target: &str, headers: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> Result<Request, Refusal> {
    parts(method, target, headers, body)
        .map_err(|error| ErrorCode::Malformed.refusal(format!("the request can't be read: {error}")))
}

fn parts(method: &str, target: &str, headers: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> Result<Request, http::Error> {
    let mut request = Request::new(Body::Whole(body));
    *request.method_mut() = Method::from_bytes(method.as_bytes())?;
    *request.uri_mut() = Uri::try_from(target)?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.try_append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::try_from(value)?)?;
    }
    *request.headers_mut() = map;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_in_one_piece() {
        let headers = [("accept", "a"), ("accept", "b"), ("x-own", "\u{e4}")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let request = whole("PUT", "/a/b?c=d", headers.into(), b"body".to_vec()).unwrap();
        assert_eq!(
            (request.method(), request.uri().path(), request.uri().query()),
            (&Method::PUT, "/a/b", Some("c=d"))
        );
        assert_eq!(request.headers().get_all("accept").iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(request.headers()["x-own"].as_bytes(), "\u{e4}".as_bytes());
        assert!(matches!(request.into_body(), Body::Whole(body) if body == b"body"));
    }

    #[test]
    fn what_is_no_http_is_refused() {
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.as_bytes().to_vec())];
        for (method, target, headers) in [
            ("P T", "/", Vec::new()),
            ("GET", "a b", Vec::new()),
            ("GET", "/", header("a b", "c")),
            ("GET", "/", header("a", "b\nc")),
        ] {
            assert_eq!(whole(method, target, headers, Vec::new()).err().unwrap().code, ErrorCode::Malformed);
        }
    }
}
