//! Texts that are shown nowhere.

use std::fmt;

use serde::Deserialize;

/// A text that is shown nowhere: not by [`Debug`], and there is no way to serialise it.
#[derive(Clone, Default, Deserialize, Eq, PartialEq)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What stands where a secret stood.
const BLANK: &str = "[redacted]";

/// The shortest secret that is looked for: a shorter one would also be found where it is no secret.
const SHORTEST: usize = 6;

/// Takes secrets out of what is going to be stored or shown.
///
/// It knows the texts themselves, and how they look in a URL, in JSON and in base64. What nobody has told it, it can't know.
#[derive(Clone, Default)]
pub struct Redaction(Vec<String>);

impl Redaction {
    /// Takes out these.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut redaction = Self::default();
        secrets.into_iter().for_each(|secret| redaction.add(secret));
        redaction
    }

    /// Takes out this as well.
    pub fn add(&mut self, secret: &Secret) {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let text = secret.expose();
        if text.len() < SHORTEST {
            return;
        }
        let json = serde_json::Value::from(text).to_string();
        let json = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned();
        let forms = [text.to_owned(), json, crate::address::escaped(text), BASE64_STANDARD.encode(text)];
        self.0.extend(forms);
        // The longest first: what is left of a longer secret when a shorter one is taken out of it might tell the rest.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.len()));
        self.0.dedup();
    }

    /// The text without the secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), BLANK) } else { text }
        })
    }

    /// The bytes without the secrets.
    #[must_use]
    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.0.iter().fold(bytes, |bytes, secret| without(bytes, secret.as_bytes()))
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redaction")
    }
}

fn without(bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let at = |rest: &[u8]| rest.windows(secret.len()).position(|window| window == secret);
    let Some(first) = at(&bytes) else { return bytes };
    let mut out = Vec::with_capacity(bytes.len());
    let (mut rest, mut next) = (bytes.as_slice(), Some(first));
    while let Some(position) = next {
        let (before, found) = rest.split_at(position);
        out.extend_from_slice(before);
        out.extend_from_slice(BLANK.as_bytes());
        rest = found.get(secret.len()..).unwrap_or_default();
        next = at(rest);
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::from("canary-1")), "Secret");
        assert!(!format!("{:?}", Redaction::of([&Secret::from("canary-1")])).contains("canary"));
    }

    #[test]
    fn it_is_taken_out_in_each_of_its_forms() {
        let secret = Secret::from("canary \"1\"");
        let redaction = Redaction::of([&secret, &"canary".into(), &"short".into()]);
        for text in ["canary \"1\"", "canary \\\"1\\\"", "canary%20%221%22", "Y2FuYXJ5ICIxIg=="] {
            let clean = redaction.text(&format!("a {text} b {text}"));
            assert_eq!(clean, "a [redacted] b [redacted]", "{text}");
            let clean = redaction.bytes(format!("a {text} b {text}").into_bytes());
            assert_eq!(clean, b"a [redacted] b [redacted]", "{text}");
        }
        assert_eq!(redaction.text("short and harmless"), "short and harmless");
    }
}
