//! A secret that the parts share, and how it is exchanged.

use std::fmt;

/// A secret that the parts share, and while it is being exchanged the one before it.
///
/// Written as `new,old`. Whoever shows or signs does it with the new one, whoever checks takes both: so the parts can be started
/// again one after another, in any order, first with both and then with the new one alone.
#[derive(Clone, Eq, PartialEq)]
pub struct Secrets {
    new: String,
    old: Option<String>,
}

/// Why a text holds no secrets.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretsError {
    /// It would keep nobody out.
    #[error("the key is empty")]
    Empty,
    /// Who has three has forgotten to take one away; or it is one with commas in it.
    #[error("there are more than two keys with commas between: the new one and the old one")]
    TooMany,
}

impl Secrets {
    /// Reads a secret or two with a comma between. Spaces around them are none of them.
    ///
    /// # Errors
    /// Returns [`SecretsError`] for none, and for more than two.
    pub fn parse(text: &str) -> Result<Self, SecretsError> {
        let mut secrets = text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).map(str::to_owned);
        let read = Self { new: secrets.next().ok_or(SecretsError::Empty)?, old: secrets.next() };
        if secrets.next().is_some() { Err(SecretsError::TooMany) } else { Ok(read) }
    }

    /// The one, or the new one and then the old one.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.new.as_str()).chain(self.old.as_deref())
    }
}

impl fmt::Debug for Secrets {
    /// Shows how many there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.old.is_some() { "Secrets(…, …)" } else { "Secrets(…)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_one_or_two() {
        let all = |text| Secrets::parse(text).map(|secrets| secrets.all().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(all("new").unwrap(), ["new"]);
        assert_eq!(all("new,old").unwrap(), ["new", "old"]);
        assert_eq!(all(" new , old ,").unwrap(), ["new", "old"]);
        assert_eq!(all(",old").unwrap(), ["old"]);
        for empty in ["", ",", " ", " , "] {
            assert_eq!(all(empty), Err(SecretsError::Empty), "{empty}");
        }
        assert_eq!(all("a,b,c"), Err(SecretsError::TooMany));
        assert!(!format!("{:?}", Secrets::parse("new,old").unwrap()).contains("new"));
    }
}
