//! What the labels of an alert say.

use std::collections::BTreeMap;

use crate::Environment;

/// Labels or annotations, by name.
pub type Labels = BTreeMap<String, String>;

/// Whether the alert is one that opens incidents.
#[must_use]
pub fn is_critical(labels: &Labels) -> bool {
    labels.get("severity").is_some_and(|severity| severity.eq_ignore_ascii_case("critical"))
}

/// Where the alert is from: the label `environment` or `env`.
///
/// Without one, or with a word that is neither production's nor staging's, it is production: an incident too many is
/// dismissed in a minute, and one too few is not seen.
#[must_use]
pub fn environment(labels: &Labels) -> Environment {
    let label = labels.get("environment").or_else(|| labels.get("env")).map_or("", String::as_str);
    if ["staging", "stage", "stg"].iter().any(|word| label.eq_ignore_ascii_case(word)) {
        Environment::Staging
    } else {
        Environment::Production
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_not_surely_staging_is_production() {
        for (pairs, expected) in [
            (&[("environment", "staging")][..], Environment::Staging),
            (&[("env", "Stage")], Environment::Staging),
            (&[("environment", "production"), ("env", "staging")], Environment::Production),
            (&[("environment", "prod-eu")], Environment::Production),
            (&[("env", "")], Environment::Production),
            (&[], Environment::Production),
        ] {
            assert_eq!(environment(&labels(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn critical_is_a_word_of_its_own() {
        assert!(is_critical(&labels(&[("severity", "critical")])));
        assert!(is_critical(&labels(&[("severity", "Critical")])));
        assert!(!is_critical(&labels(&[("severity", "noncritical")])));
        assert!(!is_critical(&labels(&[])));
    }
}
