//! Names of people and things, each with its rule.

/// Why a text is no name of its kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct NameError {
    pub(crate) what: &'static str,
    pub(crate) rule: &'static str,
}

/// Declares a text that keeps a rule, whichever way it comes in.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the text when it keeps the rule.
            ///
            /// # Errors
            /// Returns [`NameError`](crate::NameError), which says the rule.
            pub fn parse(text: impl Into<String>) -> Result<Self, $crate::NameError> {
                let text = text.into();
                let keeps_the_rule: fn(&str) -> bool = $check;
                if keeps_the_rule(&text) {
                    Ok(Self(text))
                } else {
                    Err($crate::NameError { what: $what, rule: $rule })
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::NameError;

            fn from_str(text: &str) -> Result<Self, $crate::NameError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::NameError;

            fn try_from(text: String) -> Result<Self, $crate::NameError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

pub(crate) use names;

/// Whether the text has at most so many characters, at least one, and no control characters.
pub(crate) fn is_line(text: &str, most: usize) -> bool {
    // The count of bytes comes first: it bounds the walk over the characters.
    !text.is_empty()
        && text.len() <= most.saturating_mul(4)
        && text.chars().count() <= most
        && !text.chars().any(char::is_control)
}

/// Whether the text is made of this many bytes of the narrow alphabet of names.
fn is_token(text: &str, most: usize, more: &[u8]) -> bool {
    (1..=most).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') || more.contains(&byte))
}

/// Whether the text says something, in few enough characters to read.
fn is_prose(text: &str) -> bool {
    text.len() <= 8_000
        && text.chars().count() <= 2_000
        && !text.trim().is_empty()
        && !text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t'))
}

names! {
    /// A person: the subject of their token, 1–128 characters.
    Person, "a person", "1 to 128 characters without control characters", |text| is_line(text, 128)
}

names! {
    /// An application that is deployed by itself, as the configuration names it.
    Application, "an application", "1 to 64 of A-Z a-z 0-9 . _ -", |text| is_token(text, 64, b"")
}

names! {
    /// A repository, of images or of code.
    Repository, "a repository", "1 to 255 of A-Z a-z 0-9 . _ - /", |text| is_token(text, 255, b"/")
}

names! {
    /// A tag of an image. The registry may move it to other content: only a digest pins.
    TagName, "a tag", "1 to 128 of A-Z a-z 0-9 . _ -, not starting with . or -",
    |text| is_token(text, 128, b"") && !text.starts_with(['.', '-'])
}

names! {
    /// A commit: its whole SHA-1, 40 lowercase hexadecimal digits. An abbreviation could come to mean another commit.
    Commit, "a commit", "40 of 0-9 a-f",
    |text| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

names! {
    /// The address of a resource in a Terraform plan.
    Address, "an address", "1 to 1024 characters without control characters", |text| is_line(text, 1_024)
}

names! {
    /// The version of the runbook page that a run follows.
    RunbookVersion, "a runbook version", "1 to 64 of A-Z a-z 0-9 . _ -", |text| is_token(text, 64, b"")
}

names! {
    /// Something that an outside system named: a workflow run, the address of an operation. Never a secret.
    Reference, "a reference", "1 to 4096 characters without control characters", |text| is_line(text, 4_096)
}

names! {
    /// Why somebody did something, in their own words: 1–2,000 characters.
    Reason, "a reason", "1 to 2000 characters", is_prose
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_keeps_its_rule() {
        assert!(Person::parse("auth0|abc").is_ok());
        assert!(Person::parse("").is_err());
        assert!(Person::parse("x".repeat(129)).is_err());
        assert!(Application::parse("orders-api").is_ok());
        assert!(Application::parse("orders/api").is_err());
        assert!(Repository::parse("team/orders").is_ok());
        assert!(TagName::parse("v1.4.2-stable").is_ok());
        assert!(TagName::parse("-v1").is_err());
        assert!(Commit::parse("0123456789abcdef0123456789abcdef01234567").is_ok());
        assert!(Commit::parse("0123456789ABCDEF0123456789abcdef01234567").is_err());
        assert!(Commit::parse("0123456").is_err());
        assert!(Address::parse("module.a[\"x\"].terraform_data.b").is_ok());
        assert!(Reason::parse("p95 over 500 ms\nsince the release").is_ok());
        assert!(Reason::parse(" \n").is_err());
        assert!(Reason::parse("a\0").is_err());
    }

    #[test]
    fn json_keeps_the_rule_and_says_it() {
        let error = serde_json::from_str::<Commit>("\"main\"").unwrap_err();
        assert!(error.to_string().starts_with("a commit must be 40 of 0-9 a-f"), "{error}");
        assert_eq!(serde_json::to_value(Application::parse("orders").unwrap()).unwrap(), "orders");
    }
}
