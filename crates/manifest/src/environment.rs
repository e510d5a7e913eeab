//! Variables from the process's environment, named as Spin names them.

use std::collections::BTreeMap;

/// What Spin's environment provider looks for.
const PREFIX: &str = "SPIN_VARIABLE_";

/// Picks `SPIN_VARIABLE_<NAME>` out of an environment: values by lower-case name.
///
/// Names that no manifest declares are harmless: one environment may serve several applications.
pub fn environment(vars: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    vars.into_iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_ascii_lowercase(), value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_carries_the_prefix() {
        let vars = [("SPIN_VARIABLE_DATABASE_URL", "postgres://h/d"), ("PATH", "/bin"), ("SPIN_VARIABLE_NODE", "")];
        let found = environment(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(found.len(), 2);
        assert_eq!(found["database_url"], "postgres://h/d");
        assert_eq!(found["node"], "");
    }
}
