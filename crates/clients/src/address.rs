//! Addresses: how they are put together, and whose they are.

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for itself in a URL: RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as it stands in a part of a path or in a query.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A path of several parts: each is escaped, the slashes between them are not.
pub(crate) fn escaped_path(text: &str) -> String {
    text.split('/').map(escaped).collect::<Vec<_>>().join("/")
}

/// Names and values as they stand in a query or a form.
pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pair = |(name, value)| format!("{}={}", escaped(name), escaped(value));
    pairs.into_iter().map(pair).collect::<Vec<_>>().join("&")
}

/// A base and a path below it.
pub(crate) fn under(base: &str, path: &str) -> String {
    format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'))
}

/// The origin of an address, such as `https://example.org:8443`: in lower case, without the port that its scheme implies.
/// None for what is no address of ours to call: without a host, with a name and password in it, or with another scheme.
#[must_use]
pub fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?;
    let authority = uri.authority()?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    let implied = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let host = authority.host().to_ascii_lowercase();
    Some(match authority.port_u16() {
        Some(port) if port != implied => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

/// Whether an origin is among those that may be called.
pub(crate) fn is_among(origins: &[&str], origin: &str) -> bool {
    origins.iter().any(|known| self::origin(known).as_deref() == Some(origin))
}

/// What an answer refers to, seen from where it came from, when that is at the same origin; a path alone is.
pub(crate) fn at_same_origin(base: &str, reference: &str) -> Option<String> {
    let own = origin(base)?;
    if reference.starts_with('/') && !reference.starts_with("//") {
        return Some(format!("{own}{reference}")).filter(|url| origin(url).is_some());
    }
    (origin(reference)? == own).then(|| reference.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_without_what_makes_no_difference() {
        assert_eq!(origin("HTTPS://Example.org:443/a?b").as_deref(), Some("https://example.org"));
        assert_eq!(origin("http://127.0.0.1:9090").as_deref(), Some("http://127.0.0.1:9090"));
        for bad in ["", "/a", "example.org", "ftp://example.org", "https://a@example.org/", "https:///a", "file:///etc"]
        {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_those_named_may_be_called() {
        let among = |known: &str, url: &str| is_among(&[known], &origin(url).unwrap());
        assert!(among("https://store.example.org/", "https://STORE.example.org:443/a"));
        for (known, url) in [
            ("https://store.example.org", "http://store.example.org/"),
            ("https://store.example.org", "https://a.store.example.org/"),
            ("https://store.example.org", "https://store.example.org:8443/"),
            ("https://store.example.org", "https://store.example.org.evil.com/"),
            ("https://*.example.org", "https://store.example.org/"),
            ("*", "https://evil.com/"),
        ] {
            assert!(!among(known, url), "{known} {url}");
        }
    }

    #[test]
    fn a_reference_stays_where_it_came_from() {
        let base = "https://example.org/api";
        assert_eq!(at_same_origin(base, "/next?a=b").as_deref(), Some("https://example.org/next?a=b"));
        assert_eq!(at_same_origin(base, "https://EXAMPLE.org/x").as_deref(), Some("https://EXAMPLE.org/x"));
        for bad in ["//evil.org/x", "https://evil.org/", "http://example.org/", "https://example.org@evil.org/", "next"]
        {
            assert_eq!(at_same_origin(base, bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_put_in_does_not_break_out() {
        assert_eq!(escaped_path("team/or ders/../x?y"), "team/or%20ders/../x%3Fy");
        assert_eq!(pairs([("q", "a&b=c"), ("t", "1+1")]), "q=a%26b%3Dc&t=1%2B1");
    }
}
