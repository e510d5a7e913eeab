//! What a query asks for.

use std::str::FromStr;

use function::path;
use rollback::{Environment, IncidentId, IncidentState};
use store::operations::Filter;

use crate::refused::Refused;

/// The incidents that are asked for: `state` (one, or several with commas between them), `environment`, `before`, `limit`.
pub(crate) fn incidents(query: Option<&str>) -> Result<Filter, Refused> {
    path::only_parameters(query, &["state", "environment", "before", "limit"])?;
    let states = one(query, "state")?.filter(|text| !text.is_empty()).map(states).transpose()?;
    Ok(Filter {
        states,
        environment: parsed::<Environment>(query, "environment")?,
        before: parsed::<IncidentId>(query, "before")?,
        most: limit(query, 200)?,
    })
}

/// The part of the audit log that is asked for: `after`, `limit`.
pub(crate) fn audit(query: Option<&str>) -> Result<(u64, i64), Refused> {
    path::only_parameters(query, &["after", "limit"])?;
    let after = parsed::<u64>(query, "after")?.unwrap_or(0);
    if i64::try_from(after).is_err() {
        return Err(Refused::invalid("after", "must be a number of a record"));
    }
    Ok((after, limit(query, 1_000)?))
}

fn states(text: String) -> Result<Vec<IncidentState>, Refused> {
    text.split(',').map(|word| word.parse().map_err(|error| Refused::invalid("state", error))).collect()
}

fn limit(query: Option<&str>, most: i64) -> Result<i64, Refused> {
    match parsed::<i64>(query, "limit")? {
        None => Ok(most.min(100)),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Refused::invalid("limit", format!("must be from 1 to {most}"))),
    }
}

fn parsed<T: FromStr>(query: Option<&str>, name: &str) -> Result<Option<T>, Refused> {
    let parse = |text: String| text.parse().map_err(|_| Refused::invalid(name, "is not what it must be"));
    one(query, name)?.map(parse).transpose()
}

/// The value of a parameter that may be given once. Commas may come escaped; nothing else that is asked for needs it.
fn one(query: Option<&str>, name: &str) -> Result<Option<String>, Refused> {
    let mut values = path::parameters(query).filter(|(given, _)| *given == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Refused::invalid(name, "must be given once")),
        (value, None) => Ok(value.map(|value| value.replace("%2C", ",").replace("%2c", ","))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_incidents() {
        let all = incidents(None).unwrap();
        assert_eq!((all.states, all.environment, all.before, all.most), (None, None, None, 100));
        let some = incidents(Some("state=open%2Cblocked&environment=staging&limit=5")).unwrap();
        assert_eq!(some.states, Some(vec![IncidentState::Open, IncidentState::Blocked]));
        assert_eq!((some.environment, some.most), (Some(Environment::Staging), 5));
        for bad in [
            "state=shut",
            "state=open,",
            "environment=test",
            "before=x",
            "limit=0",
            "limit=201",
            "limit=",
            "state=open&state=open",
            "stat=open",
        ] {
            assert!(incidents(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_query_names_a_part_of_the_log() {
        assert_eq!(audit(None).unwrap(), (0, 100));
        assert_eq!(audit(Some("after=7&limit=1000")).unwrap(), (7, 1_000));
        for bad in ["after=-1", "after=x", "after=9223372036854775808", "limit=1001"] {
            assert!(audit(Some(bad)).is_err(), "{bad}");
        }
    }
}
