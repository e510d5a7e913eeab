//! What of the functions the outside may reach, and how.

use percent_encoding::percent_decode_str;

/// Whether a path is one of the internal routes, however it is spelled.
///
/// They check a key themselves. That the public listener has none of them is a second wall.
pub fn is_internal(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let mut depth = Vec::new();
    for part in decoded.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(depth.pop()),
            part => depth.push(part.to_ascii_lowercase()),
        }
    }
    depth.first().is_some_and(|first| first == "internal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_routes_are_known_in_any_spelling() {
        for path in [
            "/internal",
            "/internal/join",
            "//internal/join",
            "/./internal",
            "/x/../internal/join",
            "/%69nternal/join",
            "/INTERNAL/join",
            "/%2Finternal",
            "/\\internal",
        ] {
            assert!(is_internal(path), "{path}");
        }
    }

    #[test]
    fn other_routes_are_not() {
        for path in ["/", "/v1/service-requests/internal", "/internals", "/internal.html", "/v1/internal"] {
            assert!(!is_internal(path), "{path}");
        }
    }
}
