//! The header `Forwarded` of RFC 7239.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::FORWARDED;

/// What one proxy says of the request that it got.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Hop {
    /// From whom; none when it is hidden or can't be read.
    pub(super) address: Option<IpAddr>,
    /// By which scheme, in lower case.
    pub(super) scheme: Option<String>,
    /// For which host, with the port if one was written.
    pub(super) host: Option<String>,
}

/// The elements of the header, over all its lines, the client's proxy first.
pub(super) fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let lines = headers.get_all(FORWARDED).iter().map(|value| value.to_str().unwrap_or_default());
    lines.flat_map(|line| split(line, ',').into_iter().map(element)).collect()
}

fn element(text: &str) -> Hop {
    let mut hop = Hop::default();
    for pair in split(text, ';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = unquoted(value.trim());
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.address = node(&value),
            "proto" => hop.scheme = Some(value.to_ascii_lowercase()),
            "host" => hop.host = Some(value).filter(|host| !host.is_empty()),
            _ => {}
        }
    }
    hop
}

/// An address with or without a port, an IPv6 one in brackets or bare, as proxies write it.
pub(super) fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// Cuts a text at a separator that stands in no quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut rest, mut quoted, mut escaped, mut at) = (text, false, false, 0);
    while let Some(letter) = rest.get(at..).and_then(|tail| tail.chars().next()) {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == separator && !quoted => {
                let (part, tail) = rest.split_at(at);
                parts.push(part);
                rest = tail.get(letter.len_utf8()..).unwrap_or_default();
                at = 0;
                continue;
            }
            _ => {}
        }
        at += letter.len_utf8();
    }
    parts.push(rest);
    parts
}

/// A value without its quotes and what escapes letters in them.
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut letters = inner.chars();
    let mut text = String::with_capacity(inner.len());
    while let Some(letter) = letters.next() {
        text.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<Hop> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        forwarded(&headers)
    }

    fn hop(address: &str, scheme: &str, host: &str) -> Hop {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Hop { address: address.parse().ok(), scheme: some(scheme), host: some(host) }
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        assert_eq!(read(&["for=\"_gazonk\""]), [hop("", "", "")]);
        assert_eq!(read(&["For=\"[2001:db8:cafe::17]:4711\""]), [hop("2001:db8:cafe::17", "", "")]);
        assert_eq!(read(&["for=192.0.2.60;proto=http;by=203.0.113.43"]), [hop("192.0.2.60", "http", "")]);
        let two = [hop("192.0.2.43", "", ""), hop("198.51.100.17", "", "")];
        assert_eq!(read(&["for=192.0.2.43, for=198.51.100.17"]), two);
        assert_eq!(read(&["for=192.0.2.43", "for=198.51.100.17"]), two);
        assert_eq!(
            read(&["for=192.0.2.1; host=\"a.example:8443\" ;PROTO=HTTPS"]),
            [hop("192.0.2.1", "https", "a.example:8443")]
        );
    }

    #[test]
    fn what_is_broken_says_nothing() {
        for bad in [
            "",
            ",",
            ";",
            "for",
            "for=",
            "for=unknown",
            "for=\"",
            "for=\"1.2.3.4",
            "for=1.2.3.4.5",
            "=;=,=",
            "for=\"\\",
        ] {
            assert!(read(&[bad]).iter().all(|hop| hop.address.is_none() && hop.host.is_none()), "{bad}");
        }
    }

    #[test]
    fn a_separator_in_quotes_separates_nothing() {
        assert_eq!(read(&["host=\"a,b;c\\\"d\";for=192.0.2.1"]), [hop("192.0.2.1", "", "a,b;c\"d")]);
    }

    #[test]
    fn an_address_is_read_in_every_form() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(node(text), Some(address.parse().unwrap()), "{text}");
        }
        for bad in ["", "unknown", "_hidden", "host.example", "192.0.2.1:x", "[::1", "1.2.3"] {
            assert_eq!(node(bad), None, "{bad}");
        }
    }
}
