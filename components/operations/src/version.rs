//! The version that a command is about, and that an answer shows.

use function::Answer;
use http::{HeaderMap, HeaderValue, header};
use rollback::Version;

use crate::refused::Refused;

/// The version that whoever commands has seen: `If-Match: "7"`.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<Version>, Refused> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|text| text.parse().ok());
    let number = number.ok_or_else(|| Refused::invalid("If-Match", "must be a version in quotes, such as \"7\""))?;
    Ok(Some(Version::new(number)))
}

/// The same answer with the version that a command can name.
pub(crate) fn with_version(answer: Answer, version: Option<Version>) -> Answer {
    match (answer, version.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok())) {
        (Answer::Own(mut response), Some(value)) => {
            response.headers_mut().insert(header::ETAG, value);
            Answer::Own(response)
        }
        (answer, _) => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_version_is_quoted() {
        assert_eq!(expected(&HeaderMap::new()).unwrap(), None);
        assert_eq!(expected(&headers("if-match", "*")).unwrap(), None);
        assert_eq!(expected(&headers("if-match", "\"7\"")).unwrap(), Some(Version::new(7)));
        for bad in ["7", "\"x\"", "W/\"7\"", "", "\"-1\""] {
            assert!(expected(&headers("if-match", bad)).is_err(), "{bad}");
        }
    }
}
