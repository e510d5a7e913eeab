//! What a function wants asked over HTTP for a message.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use wasmtime_wasi_http::Error;

use crate::bindings::errand;
use crate::headers::{self, HeadersError};
use crate::outbound;
use crate::scope::Scope;

/// A request that a function has decided on.
pub(crate) struct Errand {
    request: Request<Bytes>,
    patience: Duration,
}

/// Why an errand failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrandError {
    /// Nobody answered, or nobody may be asked there.
    #[error("{0:?}")]
    NoAnswer(Error),
    /// The answer is no success.
    #[error("the answer has the status {0}")]
    Refused(StatusCode),
}

impl Errand {
    /// Reads what the function said.
    ///
    /// # Errors
    /// A part is not what HTTP has there.
    pub fn read(asked: errand::Request) -> Result<Self, HeadersError> {
        let mut request =
            Request::builder().method(asked.method.as_str()).uri(asked.uri).body(Bytes::from(asked.body))?;
        *request.headers_mut() = headers::read(asked.headers)?;
        Ok(Self { request, patience: Duration::from_millis(asked.patience.into()) })
    }

    /// Makes the request, if the function may reach its address.
    ///
    /// # Errors
    /// There is no answer in time, or it is no success.
    pub async fn run(self, scope: &Scope) -> Result<(), ErrandError> {
        let request = self.request.map(outbound::whole_body);
        let answer = outbound::send(scope, request, Some(self.patience)).await.map_err(ErrandError::NoAnswer)?;
        if answer.status().is_success() { Ok(()) } else { Err(ErrandError::Refused(answer.status())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, uri: &str, header: (&str, &str)) -> errand::Request {
        errand::Request {
            method: method.to_owned(),
            uri: uri.to_owned(),
            headers: vec![(header.0.to_owned(), header.1.as_bytes().to_vec())],
            body: b"event".to_vec(),
            patience: 1500,
        }
    }

    #[test]
    fn is_a_request() {
        let errand = Errand::read(asked("POST", "http://127.0.0.1:1/events", ("x-own", "1"))).unwrap();
        assert_eq!(errand.patience, Duration::from_millis(1500));
        assert_eq!((errand.request.method().as_str(), errand.request.uri().path()), ("POST", "/events"));
        assert_eq!(errand.request.headers()["x-own"], "1");
        assert_eq!(errand.request.body().as_ref(), b"event");
    }

    #[test]
    fn what_is_no_request_is_none() {
        for bad in [
            asked("P T", "http://h/", ("a", "b")),
            asked("POST", "http://a b/", ("a", "b")),
            asked("POST", "http://h/", ("a b", "b")),
            asked("POST", "http://h/", ("a", "b\n")),
        ] {
            assert!(Errand::read(bad).is_err());
        }
    }
}
