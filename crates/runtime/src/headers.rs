//! Headers as the interfaces of `hubline:functions` have them: names and values.
//!
//! What a component says is checked as wasmtime checks it on the standard way: no header that is about a connection, and no more
//! of them than a host can bear.

use http::{HeaderMap, HeaderName, HeaderValue};
use wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS;

/// How many bytes the headers of a message may have, what they cost to keep included, as on the standard way.
const LIMIT: usize = 128 * 1024;

/// Why what a component says are no headers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadersError {
    /// A name or a value is not what HTTP has there, or something else in the message isn't.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// One that is for the host to say.
    #[error("the header `{0}` is the host's to say")]
    Forbidden(HeaderName),
    /// There are too many of them, or they are too large.
    #[error("the headers are larger than {LIMIT} bytes")]
    TooLarge,
}

/// Reads what a component says.
///
/// # Errors
/// A name or a value is not what HTTP has there, is not the component's to say, or is one too many.
pub(crate) fn read(list: Vec<(String, Vec<u8>)>) -> Result<HeaderMap, HeadersError> {
    let mut headers = HeaderMap::new();
    let mut size = 0;
    for (name, value) in list {
        size += name.len() + value.len() + size_of::<HeaderName>() + size_of::<HeaderValue>();
        if size > LIMIT {
            return Err(HeadersError::TooLarge);
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(http::Error::from)?;
        if DEFAULT_FORBIDDEN_HEADERS.contains(&name) {
            return Err(HeadersError::Forbidden(name));
        }
        let value = HeaderValue::try_from(value).map_err(http::Error::from)?;
        headers.try_append(name, value).map_err(|_| HeadersError::TooLarge)?;
    }
    Ok(headers)
}

/// Says them to a component, without those that are about a connection.
pub(crate) fn list(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let said = headers.iter().filter(|(name, _)| !DEFAULT_FORBIDDEN_HEADERS.contains(name));
    said.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Vec<(String, Vec<u8>)> {
        vec![(name.to_owned(), value.as_bytes().to_vec())]
    }

    #[test]
    fn what_is_about_a_connection_is_not_the_components_to_say_nor_to_hear() {
        assert_eq!(read(one("X-Own", "1")).unwrap()["x-own"], "1");
        for name in ["connection", "Transfer-Encoding", "HOST", "upgrade", "keep-alive"] {
            assert!(matches!(read(one(name, "x")), Err(HeadersError::Forbidden(_))), "{name}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("h"));
        headers.insert("x-own", HeaderValue::from_static("1"));
        assert_eq!(list(&headers), one("x-own", "1"));
    }

    #[test]
    fn there_is_an_end_to_them() {
        assert!(matches!(read(one("x", &"x".repeat(LIMIT))), Err(HeadersError::TooLarge)));
        let many = |count: usize| (0..count).map(|number| (format!("x-{number}"), Vec::new())).collect();
        assert_eq!(read(many(1_000)).unwrap().len(), 1_000);
        // As many names would be more than the map of headers can hold.
        assert!(matches!(read(many(30_000)), Err(HeadersError::TooLarge)));
    }

    #[test]
    fn what_is_no_header_is_none() {
        for (name, value) in [("x own", "1"), ("", "1"), ("x-own", "1\n")] {
            assert!(matches!(read(one(name, value)), Err(HeadersError::Http(_))), "{name}");
        }
    }
}
