//! How the keys of an issuer age.

use std::time::Duration;

/// Why keys can't age like that.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AgesError {
    /// A time that is none.
    #[error("{0} must be a time such as 90s, 5m, 24h or 7d, and not nothing")]
    Age(&'static str),
    /// Keys would be given up before they are asked for again.
    #[error("jwks_stale must not be shorter than jwks_refresh")]
    Order,
}

/// How old the keys of an issuer may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ages {
    /// From then on they are asked for again.
    pub refresh: Duration,
    /// From then on they are not used any more. An issuer that is away withdraws no key, and yet at some time nobody can
    /// vouch for what it said.
    pub stale: Duration,
}

impl Default for Ages {
    fn default() -> Self {
        Self { refresh: Duration::from_secs(300), stale: Duration::from_secs(24 * 3_600) }
    }
}

impl Ages {
    /// Reads the settings `jwks_refresh` and `jwks_stale`: a whole number and s, m, h or d.
    ///
    /// # Errors
    /// Returns [`AgesError`] for what is no time, and for keys that would be given up before they are asked for again.
    pub(crate) fn parse(refresh: Option<&str>, stale: Option<&str>) -> Result<Self, AgesError> {
        let usual = Self::default();
        let refresh = read(refresh, usual.refresh).ok_or(AgesError::Age("jwks_refresh"))?;
        let stale = read(stale, usual.stale).ok_or(AgesError::Age("jwks_stale"))?;
        if stale < refresh { Err(AgesError::Order) } else { Ok(Self { refresh, stale }) }
    }
}

fn read(setting: Option<&str>, usual: Duration) -> Option<Duration> {
    let Some(text) = setting else { return Some(usual) };
    let unit: u64 = match text.chars().next_back()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number = text.get(..text.len() - 1).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    let seconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (1..=MOST).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// Ten years: beyond it somebody has mistaken the unit.
const MOST: u64 = 10 * 366 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_times_with_a_unit() {
        assert_eq!(Ages::parse(None, None).unwrap(), Ages::default());
        let ages = Ages::parse(Some("90s"), Some("7d")).unwrap();
        assert_eq!((ages.refresh.as_secs(), ages.stale.as_secs()), (90, 7 * 86_400));
        assert!(Ages::parse(Some("2h"), Some("2h")).is_ok());
        for wrong in ["5", "m", "0s", "-1s", "+1s", "1.5h", "1w", "1 h", "99999999999999999999d", "99999d", "1\u{e4}"] {
            assert!(matches!(Ages::parse(Some(wrong), None), Err(AgesError::Age("jwks_refresh"))), "{wrong}");
            assert!(matches!(Ages::parse(None, Some(wrong)), Err(AgesError::Age("jwks_stale"))), "{wrong}");
        }
        assert!(matches!(Ages::parse(Some("2h"), Some("1h")), Err(AgesError::Order)));
        assert!(matches!(Ages::parse(None, Some("299s")), Err(AgesError::Order)));
    }
}
