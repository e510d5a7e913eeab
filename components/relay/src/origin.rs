//! Which pages may use the hub, and the API beside it.

use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::SetupError;

/// How long a browser may remember the answer to a preflight, in seconds.
const PREFLIGHT: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may use the hub and the API besides their own one; clones are the same origins.
#[derive(Clone)]
pub struct Origins {
    allowed: Arc<[String]>,
}

impl Origins {
    /// Takes origins as browsers write them: `https://app.example.com`.
    ///
    /// # Errors
    /// Refuses what is no origin; a list with a mistake would lock a page out without a word.
    pub fn new(origins: &[String]) -> Result<Self, SetupError> {
        let allowed = origins.iter().map(|origin| normal(origin).ok_or_else(|| SetupError::Origin(origin.clone())));
        Ok(Self { allowed: allowed.collect::<Result<_, _>>()? })
    }

    /// Whether a page may open a connection. Programs that are no browser say no origin, and need none: their tokens are
    /// not sent along by themselves.
    pub(crate) fn may_connect(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        self.is_allowed(origin) || is_same(origin, headers.get(HOST))
    }

    /// What lets a page read an answer, if it is of an allowed origin: the one that its request said.
    pub fn grant(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
        response.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        }
    }

    /// What lets a page of an allowed origin ask, by these methods and with a token, in the first place.
    pub fn grant_preflight(&self, methods: &'static str, request: &HeaderMap, response: &mut HeaderMap) {
        let origin = request.get(ORIGIN);
        self.grant(origin, response);
        if origin.is_some_and(|origin| self.allows(origin)) {
            response.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            response.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT);
            // Clients add headers of their own to every version; none of them is a danger to an allowed page.
            if let Some(headers) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                response.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
            }
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.is_allowed(origin))
    }

    fn is_allowed(&self, origin: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == origin)
    }
}

/// An origin as browsers write it: scheme, host and, unless it is the scheme's own, port.
fn normal(origin: &str) -> Option<String> {
    let url = Url::parse(origin.trim()).ok()?;
    let web = matches!(url.scheme(), "http" | "https");
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (web && bare && url.password().is_none()).then(|| url.origin().ascii_serialization())
}

/// Whether the page comes from the host that it talks to. The scheme is the business of whoever ends TLS in front.
fn is_same(origin: &str, host: Option<&HeaderValue>) -> bool {
    let (Ok(url), Some(Ok(host))) = (Url::parse(origin), host.map(HeaderValue::to_str)) else { return false };
    // The port that a scheme implies is written by neither, or by both.
    Url::parse(&format!("{}://{host}/", url.scheme()))
        .is_ok_and(|own| own.host() == url.host() && own.port_or_known_default() == url.port_or_known_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: &str, host: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers.insert(HOST, host.parse().unwrap());
        headers
    }

    fn origins() -> Origins {
        Origins::new(&["https://app.example.com".to_owned(), "http://localhost:8080/".to_owned()]).unwrap()
    }

    #[test]
    fn own_and_allowed_pages_may_connect_and_no_others() {
        for (origin, host, may) in [
            ("https://app.example.com", "chat.example.com", true),
            ("http://localhost:8080", "127.0.0.1:3000", true),
            ("http://127.0.0.1:3000", "127.0.0.1:3000", true),
            ("https://chat.example.com", "chat.example.com", true),
            ("https://chat.example.com", "chat.example.com:443", true),
            ("https://evil.example", "chat.example.com", false),
            ("https://app.example.com.evil.example", "chat.example.com", false),
            ("http://app.example.com", "chat.example.com", false),
            ("http://127.0.0.1:3001", "127.0.0.1:3000", false),
            ("null", "127.0.0.1:3000", false),
            ("file://", "127.0.0.1:3000", false),
            ("", "127.0.0.1:3000", false),
        ] {
            assert_eq!(origins().may_connect(&headers(origin, host)), may, "{origin} to {host}");
        }
        assert!(origins().may_connect(&HeaderMap::new()), "no browser");
    }

    #[test]
    fn a_preflight_grants_what_was_asked() {
        let mut request = headers("https://app.example.com", "chat.example.com");
        request.insert(ACCESS_CONTROL_REQUEST_HEADERS, "authorization,x-signalr-user-agent".parse().unwrap());
        let mut response = HeaderMap::new();
        origins().grant_preflight("POST", &request, &mut response);
        assert_eq!(response[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
        assert_eq!(response[ACCESS_CONTROL_ALLOW_METHODS], "POST");
        assert_eq!(response[ACCESS_CONTROL_ALLOW_HEADERS], "authorization,x-signalr-user-agent");
        assert_eq!(response[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");

        let mut response = HeaderMap::new();
        origins().grant_preflight("POST", &headers("https://evil.example", "chat.example.com"), &mut response);
        assert_eq!(response.keys().collect::<Vec<_>>(), [VARY]);
    }

    #[test]
    fn a_mistaken_origin_is_refused() {
        for bad in ["", "app.example.com", "https://app.example.com/path", "https://u@app.example.com", "*", "ftp://a"]
        {
            assert!(Origins::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
