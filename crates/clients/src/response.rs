//! What is answered.

use std::fmt;

/// An answer, made by [`Request::answer`](crate::Request::answer). Its body may hold a secret that the other side has just
/// made, so it is shown by nothing here; what the readers of the modules return is fit to be stored unless it is a
/// [`Secret`](crate::Secret).
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The address of the next page, as the `Link` header has it (RFC 8288).
    #[must_use]
    pub(crate) fn next_link(&self) -> Option<&str> {
        let links = self.headers.iter().filter(|(name, _)| name == "link").flat_map(|(_, value)| value.split(','));
        links.filter_map(|link| link.split_once('>')).find_map(|(address, parameters)| {
            let next = parameters.split(';').any(|parameter| {
                matches!(parameter.trim().split_once('='), Some(("rel", value)) if value.trim_matches('"') == "next")
            });
            if next { address.trim().strip_prefix('<') } else { None }
        })
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

#[cfg(test)]
impl Response {
    /// An answer to nothing in particular.
    pub(crate) fn for_test(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { status, headers, body: body.as_bytes().to_vec() }
    }

    /// An answer with a JSON body.
    pub(crate) fn of_json(status: u16, body: &serde_json::Value) -> Self {
        Self::for_test(status, &[], &body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_one_that_says_so() {
        let links = r#"</a?x=1>; rel="prev", </b?y=2>; rel="next""#;
        assert_eq!(Response::for_test(200, &[("link", links)], "").next_link(), Some("/b?y=2"));
        assert_eq!(Response::for_test(200, &[("link", "</b>; rel=next")], "").next_link(), Some("/b"));
        assert_eq!(Response::for_test(200, &[("link", "</b>; rel=\"last\"")], "").next_link(), None);
    }

    #[test]
    fn a_body_of_another_shape_is_not_repeated() {
        let answer = Response::for_test(200, &[], r#"{"token": "canary"}"#);
        let error = answer.json::<std::collections::BTreeMap<String, u32>>().unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
