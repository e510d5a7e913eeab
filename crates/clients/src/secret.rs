//! Texts that are shown nowhere.

use std::{collections::BTreeSet, fmt};

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
        // Whole texts are taken out of a text, and a whole one is put in: what is left is a text.
        String::from_utf8(self.bytes(text.as_bytes().to_vec())).unwrap_or_else(|_| BLANK.to_owned())
    }

    /// The bytes without the secrets.
    #[must_use]
    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let starts: BTreeSet<u8> = self.0.iter().filter_map(|secret| secret.bytes().next()).collect();
        let may_start: Vec<bool> = (0..=u8::MAX).map(|byte| starts.contains(&byte)).collect();
        let may_start = |byte: u8| may_start.get(usize::from(byte)).copied().unwrap_or_default();
        let mut clean: Option<Vec<u8>> = None;
        let (mut rest, mut kept) = (bytes.as_slice(), 0);
        // One walk for all of them: an archive is large, and an address has many parts.
        while let Some(byte) = rest.get(kept) {
            let here = rest.get(kept..).unwrap_or_default();
            let found =
                may_start(*byte).then(|| self.0.iter().find(|secret| here.starts_with(secret.as_bytes()))).flatten();
            let Some(secret) = found else {
                kept += 1;
                continue;
            };
            let out = clean.get_or_insert_default();
            out.extend_from_slice(rest.get(..kept).unwrap_or_default());
            out.extend_from_slice(BLANK.as_bytes());
            rest = here.get(secret.len()..).unwrap_or_default();
            kept = 0;
        }
        let Some(mut out) = clean else { return bytes };
        out.extend_from_slice(rest);
        out
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redaction")
    }
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
        assert_eq!(redaction.text("canarycanarü canarycanary "), "[redacted]canarü [redacted][redacted] ");
        assert_eq!(Redaction::default().text("canary"), "canary");
    }
}
