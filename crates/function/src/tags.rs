//! Entity tags in the conditions of a request, as RFC 9110 writes them.

use chat::{FieldError, Refusal};
use http::{HeaderMap, HeaderName};

/// What a condition names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tags {
    /// `*`: whatever is there.
    Any,
    /// These, each without its quotes. The list may be empty, and is then met by nothing.
    These(Vec<Tag>),
}

/// An entity tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tag {
    /// Whether it is a weak one, which stands for what means the same.
    pub weak: bool,
    /// What is between the quotes.
    pub opaque: String,
}

impl Tags {
    /// The tags of a condition; `None` without such a header.
    ///
    /// # Errors
    /// Returns [`ErrorCode::Invalid`](chat::ErrorCode::Invalid) with the header's name for what is no list of tags: a
    /// condition that can't be read is not taken for one that holds.
    pub fn of(headers: &HeaderMap, name: &HeaderName, spelt: &'static str) -> Result<Option<Self>, Refusal> {
        let wrong = || {
            let rule = r#"must be * or entity tags in quotes, with commas between them"#;
            Refusal::invalid(vec![FieldError::new(spelt, rule)])
        };
        let mut texts = headers.get_all(name).iter().map(|value| value.to_str().map(str::trim)).peekable();
        if texts.peek().is_none() {
            return Ok(None);
        }
        let texts: Vec<_> = texts.collect::<Result<_, _>>().map_err(|_| wrong())?;
        if texts == ["*"] {
            return Ok(Some(Self::Any));
        }
        let mut tags = Vec::new();
        for text in texts {
            list(text, &mut tags).ok_or_else(wrong)?;
        }
        Ok(Some(Self::These(tags)))
    }

    /// Whether one of them, weak or not, is this one: for who has it already.
    #[must_use]
    pub fn weakly_match(&self, opaque: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|tag| tag.opaque == opaque),
        }
    }
}

/// Reads tags with commas between them; `None` for anything else. A tag may have a comma in it.
fn list(mut text: &str, tags: &mut Vec<Tag>) -> Option<()> {
    loop {
        text = text.trim_start_matches([' ', '\t', ',']);
        if text.is_empty() {
            return Some(());
        }
        let (weak, quoted) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
        let (opaque, rest) = quoted.strip_prefix('"')?.split_once('"')?;
        if opaque.contains([' ', '\t']) {
            return None;
        }
        tags.push(Tag { weak, opaque: opaque.to_owned() });
        text = rest.trim_start_matches([' ', '\t']);
        if !text.is_empty() && !text.starts_with(',') {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn read(values: &[&str]) -> Result<Option<Tags>, Refusal> {
        let headers = values.iter().map(|value| (header::IF_MATCH, HeaderValue::from_str(value).unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        Tags::of(&map, &header::IF_MATCH, "If-Match")
    }

    fn these(tags: &[(bool, &str)]) -> Tags {
        Tags::These(tags.iter().map(|(weak, opaque)| Tag { weak: *weak, opaque: (*opaque).to_owned() }).collect())
    }

    #[test]
    fn a_condition_is_a_star_or_a_list() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&["*"]).unwrap(), Some(Tags::Any));
        assert_eq!(read(&[" * "]).unwrap(), Some(Tags::Any));
        assert_eq!(read(&["\"a\""]).unwrap(), Some(these(&[(false, "a")])));
        assert_eq!(
            read(&["\"a,b\" ,W/\"\",", "\"c\""]).unwrap(),
            Some(these(&[(false, "a,b"), (true, ""), (false, "c")]))
        );
    }

    #[test]
    fn an_empty_list_is_met_by_nothing() {
        for empty in ["", " ", ",", ", ,"] {
            let tags = read(&[empty]).unwrap().unwrap();
            assert_eq!(tags, these(&[]), "{empty}");
            assert!(!tags.weakly_match(""));
        }
    }

    #[test]
    fn what_is_neither_is_refused_by_the_headers_name() {
        for bad in ["a", "\"", "\"a", "\"a\"b\"", "\"a\" \"b\"", "*, \"a\"", "w/\"a\"", "W/ \"a\"", "\"a b\""] {
            assert_eq!(read(&[bad]).unwrap_err().errors[0].field, "If-Match", "{bad}");
        }
        assert!(read(&["*", "*"]).is_err());
        let binary = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_bytes(b"\"\xff\"").unwrap())]);
        assert!(Tags::of(&binary, &header::IF_MATCH, "If-Match").is_err());
    }

    #[test]
    fn who_has_it_already_may_say_so_weakly() {
        assert!(these(&[(true, "a")]).weakly_match("a") && Tags::Any.weakly_match("a"));
        assert!(!these(&[(false, "b")]).weakly_match("a"));
    }
}
