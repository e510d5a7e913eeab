//! Which pages may use the hub, and the API beside it.

use std::sync::Arc;

use chat::{ErrorCode, Refusal};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};
use url::Url;

use super::proxy::Sender;
use crate::setup_error::SetupError;

/// How much of an origin and of a host is shown to who named them, in characters.
const SHOWN: usize = 200;

/// Schemes that no page has: one of these in a list of origins is a mistake.
const NO_PAGE: [&str; 8] = ["about", "blob", "data", "ftp", "javascript", "mailto", "ws", "wss"];

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
    ///
    /// # Errors
    /// Refuses other pages, and says which address they asked: behind a proxy that keeps it to itself it is the proxy's idea.
    pub(crate) fn may_connect(&self, headers: &HeaderMap, sender: &Sender) -> Result<(), Refusal> {
        let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
        let text = origin.to_str().unwrap_or_default();
        if self.is_allowed(text) || is_same(text, sender) {
            return Ok(());
        }
        let short = |text: &str| text.chars().take(SHOWN).collect::<String>();
        Err(ErrorCode::Forbidden.refusal(format!(
            "pages of `{}` may not use the hub: it is not in allowed_origins, and the Host of this request is `{}`",
            short(text),
            short(&sender.asked())
        )))
    }

    /// What lets a page read an answer, if it is of an allowed origin: the one that its request said.
    pub fn grant(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
        response.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag, retry-after"));
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

/// An origin as browsers write it: scheme, host and, unless it is the scheme's own, port. Pages that come with an app have the
/// app's scheme (`capacitor://localhost`), those of a file `file://`, and those that browsers keep apart `null`.
fn normal(origin: &str) -> Option<String> {
    let origin = origin.trim();
    if matches!(origin, "null" | "file://") {
        return Some(origin.to_owned());
    }
    let url = Url::parse(origin).ok()?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() || NO_PAGE.contains(&url.scheme()) {
        return None;
    }
    let host = url.host_str().filter(|host| !host.is_empty() && !host.contains('*'))?;
    if matches!(url.scheme(), "http" | "https") {
        return Some(url.origin().ascii_serialization());
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", url.scheme(), host.to_ascii_lowercase()))
}

/// Whether the page comes from the host that it talks to. The scheme is the business of whoever ends TLS in front, and counts
/// when that tells it.
fn is_same(origin: &str, sender: &Sender) -> bool {
    let (Ok(url), Some(host)) = (Url::parse(origin), &sender.host) else { return false };
    let told = sender.scheme.as_deref();
    if !matches!(url.scheme(), "http" | "https") || told.is_some_and(|scheme| scheme != url.scheme()) {
        return false;
    }
    // A name or an address and perhaps a port, and nothing else that a URL may have around them.
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte)) {
        return false;
    }
    // The port that a scheme implies is written by neither, or by both.
    Url::parse(&format!("{}://{host}/", url.scheme()))
        .is_ok_and(|own| own.host() == url.host() && own.port_or_known_default() == url.port_or_known_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers
    }

    fn to(scheme: Option<&str>, host: &str) -> Sender {
        Sender { address: None, scheme: scheme.map(str::to_owned), host: Some(host.to_owned()) }
    }

    fn may(origins: &Origins, origin: &str, sender: &Sender) -> bool {
        origins.may_connect(&headers(origin), sender).is_ok()
    }

    fn origins() -> Origins {
        Origins::new(&["https://app.example.com".to_owned(), "http://localhost:8080/".to_owned()]).unwrap()
    }

    #[test]
    fn own_and_allowed_pages_may_connect_and_no_others() {
        for (origin, host, expected) in [
            ("https://app.example.com", "chat.example.com", true),
            ("http://localhost:8080", "127.0.0.1:3000", true),
            ("http://127.0.0.1:3000", "127.0.0.1:3000", true),
            ("https://chat.example.com", "chat.example.com", true),
            ("https://chat.example.com", "chat.example.com:443", true),
            ("https://chat.example.com", "chat.example.com/chat", false),
            ("https://chat.example.com", "chat.example.com?", false),
            ("https://evil.example", "chat.example.com", false),
            ("https://app.example.com.evil.example", "chat.example.com", false),
            ("http://app.example.com", "chat.example.com", false),
            ("http://127.0.0.1:3001", "127.0.0.1:3000", false),
            ("null", "127.0.0.1:3000", false),
            ("file://", "127.0.0.1:3000", false),
            ("", "127.0.0.1:3000", false),
        ] {
            assert_eq!(self::may(&origins(), origin, &to(None, host)), expected, "{origin} to {host}");
        }
        assert!(origins().may_connect(&HeaderMap::new(), &Sender::default()).is_ok(), "no browser");
        assert!(!may(&origins(), "https://chat.example.com", &Sender::default()), "no host");
    }

    #[test]
    fn a_scheme_that_a_proxy_tells_has_to_be_the_pages() {
        for (scheme, origin, same) in [
            (None, "https://chat.example.com", true),
            (Some("https"), "https://chat.example.com", true),
            (Some("http"), "https://chat.example.com", false),
            (Some("https"), "http://chat.example.com", false),
        ] {
            assert_eq!(may(&origins(), origin, &to(scheme, "chat.example.com")), same, "{origin} by {scheme:?}");
        }
    }

    #[test]
    fn pages_of_apps_and_files_may_connect_when_they_are_named() {
        let apps = ["capacitor://localhost", "ionic://localhost", "file://", "null", "tauri://Localhost:7/"];
        let allowed = Origins::new(&apps.map(str::to_owned)).unwrap();
        for origin in ["capacitor://localhost", "ionic://localhost", "file://", "null", "tauri://localhost:7"] {
            assert!(may(&allowed, origin, &to(None, "chat.example.com")), "{origin}");
            assert!(!may(&origins(), origin, &to(None, "localhost")), "{origin} is not named");
        }
        for origin in ["capacitor://elsewhere", "ionic://localhost.evil", "file:///etc", "Null", "tauri://localhost"] {
            assert!(!may(&allowed, origin, &to(None, "chat.example.com")), "{origin}");
        }
    }

    #[test]
    fn who_is_refused_hears_which_host_was_asked() {
        let refused = |origin: &str, sender: &Sender| origins().may_connect(&headers(origin), sender).unwrap_err();
        let plain = refused("https://evil.example", &to(None, "inside:8080"));
        assert_eq!(plain.code, ErrorCode::Forbidden);
        assert!(plain.detail.contains("Host") && plain.detail.contains("`inside:8080`"), "{}", plain.detail);
        let seen = refused("https://evil.example", &to(Some("https"), "chat.example.com"));
        assert!(seen.detail.contains("`https://chat.example.com`"), "{}", seen.detail);
        assert!(refused("https://evil.example", &Sender::default()).detail.contains("no host"));
        assert!(refused(&"x".repeat(5000), &to(None, "h")).detail.len() < 500);
    }

    #[test]
    fn a_preflight_grants_what_was_asked() {
        let mut request = headers("https://app.example.com");
        request.insert(ACCESS_CONTROL_REQUEST_HEADERS, "authorization,x-signalr-user-agent".parse().unwrap());
        let mut response = HeaderMap::new();
        origins().grant_preflight("POST", &request, &mut response);
        assert_eq!(response[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
        assert_eq!(response[ACCESS_CONTROL_ALLOW_METHODS], "POST");
        assert_eq!(response[ACCESS_CONTROL_ALLOW_HEADERS], "authorization,x-signalr-user-agent");
        assert_eq!(response[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");

        let mut response = HeaderMap::new();
        origins().grant_preflight("POST", &headers("https://evil.example"), &mut response);
        assert_eq!(response.keys().collect::<Vec<_>>(), [VARY]);
    }

    #[test]
    fn a_mistaken_origin_is_refused() {
        for bad in [
            "",
            "app.example.com",
            "https://app.example.com/path",
            "https://u@app.example.com",
            "*",
            "https://*",
            "capacitor://*",
            "capacitor://",
            "capacitor://localhost/app",
            "capacitor://u@localhost",
            "file:///index.html",
            "NULL",
            "ftp://a",
            "wss://a",
            "data:text/html,x",
            "javascript:alert(1)",
            "localhost:8080",
        ] {
            assert!(Origins::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
