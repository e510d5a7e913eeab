//! What is asked.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::{Response, Secret, Silence, address, secret::Redaction};

/// How long an answer may take, where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(6);

/// The largest body of an answer that is read, where nothing else is said.
const MOST: usize = 4 << 20;

/// The shortest part of a secret address that is taken out of an answer: shorter ones are words.
const PART: usize = 12;

/// What is done to the thing at an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// It is read.
    Get,
    /// Only its headers are read.
    Head,
    /// It is given something to work on.
    Post,
    /// It is put there.
    Put,
    /// A part of it is changed.
    Patch,
    /// It is taken away. Only smoke tests do that, with what they made themselves.
    Delete,
}

impl Method {
    /// The method as it stands in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A call, ready to be made. Redirects must not be followed: where one is expected, its reader makes the next request.
///
/// Only [`Self::subject`] is fit to be shown or stored. [`fmt::Debug`] shows nothing else.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// The whole address. It may hold a secret.
    pub url: String,
    /// The headers, in small letters. They may hold secrets.
    pub headers: Vec<(String, String)>,
    /// The body. It may hold a secret.
    pub body: Vec<u8>,
    /// How long the answer may take, from the first byte sent to the last one read.
    pub patience: Duration,
    /// The largest body of an answer that may be read.
    pub most: usize,
    secrets: Vec<Secret>,
    secret_address: bool,
}

impl Request {
    /// A call without a body.
    #[must_use]
    pub fn new(method: Method, url: String) -> Self {
        Self {
            method,
            url,
            headers: vec![("user-agent".to_owned(), concat!("hubline/", env!("CARGO_PKG_VERSION")).to_owned())],
            body: Vec::new(),
            patience: PATIENCE,
            most: MOST,
            secrets: Vec::new(),
            secret_address: false,
        }
    }

    /// Reads what is at an address.
    #[must_use]
    pub fn get(url: String) -> Self {
        Self::new(Method::Get, url)
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// With a bearer token.
    #[must_use]
    pub fn bearer(self, token: &Secret) -> Self {
        let value = format!("Bearer {}", token.expose());
        self.hiding(token).header("authorization", &value)
    }

    /// With a bearer token, where there is one.
    #[must_use]
    pub fn maybe_bearer(self, token: Option<&Secret>) -> Self {
        match token {
            Some(token) => self.bearer(token),
            None => self,
        }
    }

    /// With this value as its body. The values here are texts, numbers, lists and maps by text, which JSON can hold.
    #[must_use]
    pub fn json<T: Serialize>(self, value: &T) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_default();
        self.header("content-type", "application/json").with_body(body)
    }

    /// With this form as its body.
    #[must_use]
    pub fn form<'a>(self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let body = address::pairs(pairs).into_bytes();
        self.header("content-type", "application/x-www-form-urlencoded").with_body(body)
    }

    /// With these bytes as its body.
    #[must_use]
    pub fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// With this much patience.
    #[must_use]
    pub const fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// With an answer of at most so many bytes.
    #[must_use]
    pub const fn at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// With this secret somewhere in it: whatever answer repeats it, it is taken out.
    #[must_use]
    pub fn hiding(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// With an address that opens something by itself, beyond its origin.
    #[must_use]
    pub const fn with_secret_address(mut self) -> Self {
        self.secret_address = true;
        self
    }

    /// What is asked, to be shown and stored: the method and the address without its query, or only its origin when the
    /// path is a secret.
    #[must_use]
    pub fn subject(&self) -> String {
        let shown = if self.secret_address {
            address::origin(&self.url).unwrap_or_default()
        } else {
            self.url.split(['?', '#']).next().unwrap_or_default().to_owned()
        };
        format!("{} {shown}", self.method.as_str())
    }

    /// The answer to this call, as it came in. This is where secrets of the call are taken out of what repeats them, and
    /// where half an answer is told from a whole one.
    ///
    /// # Errors
    /// [`Silence::TooLarge`] when the body has more bytes than are read, [`Silence::Broken`] when it has fewer than were
    /// announced.
    pub fn answer(&self, status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Result<Response, Silence> {
        if body.len() > self.most {
            return Err(Silence::TooLarge);
        }
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let announced = headers.iter().find(|(name, _)| name == "content-length");
        let announced = announced.and_then(|(_, value)| value.trim().parse::<usize>().ok());
        let encoded = headers.iter().any(|(name, _)| name == "content-encoding");
        let bodiless = self.method == Method::Head || matches!(status, 204 | 304);
        if !bodiless && !encoded && announced.is_some_and(|length| body.len() < length) {
            return Err(Silence::Broken);
        }
        let mut redaction = Redaction::of(&self.secrets);
        if self.secret_address {
            // What opens is the end of the path, or a value of the query.
            let rest = self.url.splitn(4, '/').nth(3).unwrap_or_default();
            let parts = rest.split(['/', '?', '&', '=']).filter(|part| part.len() >= PART);
            parts.for_each(|part| redaction.add(&part.into()));
        }
        let headers = headers.into_iter().map(|(name, value)| (name, redaction.text(&value))).collect();
        Ok(Response { status, headers, body: redaction.bytes(body) })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {} bytes)", self.subject(), self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request::new(Method::Post, "https://example.org/a?key=canary-1".to_owned())
            .bearer(&"canary-2".into())
            .json(&"canary-3")
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(format!("{:?}", request()), "Request(POST https://example.org/a, 10 bytes)");
        let hook = Request::new(Method::Post, "https://hooks.example.org/services/canary".to_owned());
        assert_eq!(hook.with_secret_address().subject(), "POST https://hooks.example.org");
    }

    #[test]
    fn an_answer_that_repeats_a_secret_is_relieved_of_it() {
        let headers = vec![("X-Echo".to_owned(), "Bearer canary-2".to_owned())];
        let answer = request().answer(200, headers, b"{\"got\": \"canary-2\"}".to_vec()).unwrap();
        assert_eq!(answer.header("x-echo"), Some("Bearer [redacted]"));
        assert_eq!(answer.body, b"{\"got\": \"[redacted]\"}");
        assert!(!format!("{answer:?}").contains("got"), "a body is not shown");
    }

    #[test]
    fn half_an_answer_and_too_much_of_it_are_no_answers() {
        let length = |length: &str| vec![("Content-Length".to_owned(), length.to_owned())];
        assert_eq!(request().answer(200, length("5"), b"half".to_vec()), Err(Silence::Broken));
        assert!(request().answer(200, length("4"), b"whol".to_vec()).is_ok());
        assert!(request().answer(204, length("4"), Vec::new()).is_ok());
        assert_eq!(request().at_most(3).answer(200, vec![], b"much".to_vec()), Err(Silence::TooLarge));
    }
}
