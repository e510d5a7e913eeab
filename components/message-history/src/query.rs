//! Which page a query asks for.

use chat::{FieldError, Page, PageError, Refusal};
use function::path;

/// The parameters as they came, each at most once.
#[derive(Default)]
struct Given<'a> {
    after: Option<&'a str>,
    before: Option<&'a str>,
    limit: Option<&'a str>,
}

/// Reads `afterSeq`, `beforeSeq` and `limit`, and refuses what else there is: a cursor that is misspelled would read another
/// page.
///
/// # Errors
/// Returns [`ErrorCode::Invalid`](chat::ErrorCode::Invalid) with every parameter that breaks its rule.
pub(crate) fn page(query: Option<&str>) -> Result<Page, Refusal> {
    let mut errors = Vec::new();
    let mut given = Given::default();
    for (name, value) in path::parameters(query) {
        let place = match name {
            "afterSeq" => &mut given.after,
            "beforeSeq" => &mut given.before,
            "limit" => &mut given.limit,
            _ => {
                errors.push(path::unknown_parameter(name));
                continue;
            }
        };
        if place.replace(value).is_some() {
            errors.push(FieldError::new(name, "must be given once"));
        }
    }
    let mut number = |field: &str, text: Option<&str>, parse: fn(&str) -> Result<i64, PageError>| {
        let number = text.map(parse).transpose();
        number.unwrap_or_else(|error| {
            errors.push(FieldError::new(field, error));
            None
        })
    };
    let after = number("afterSeq", given.after, Page::parse_cursor);
    let before = number("beforeSeq", given.before, Page::parse_cursor);
    let limit = number("limit", given.limit, Page::parse_limit).unwrap_or(Page::USUAL);
    if after.is_some() && before.is_some() {
        errors.push(FieldError::new("beforeSeq", "must not be given together with afterSeq"));
    }
    if errors.is_empty() { Ok(Page { after, before, limit }) } else { Err(Refusal::invalid(errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_page() {
        let usual = Page { after: None, before: None, limit: 50 };
        assert_eq!(page(None), Ok(usual));
        assert_eq!(page(Some("")), Ok(usual));
        assert_eq!(page(Some("afterSeq=0&limit=200")), Ok(Page { after: Some(0), limit: 200, ..usual }));
        assert_eq!(page(Some("limit=1&beforeSeq=7")), Ok(Page { before: Some(7), limit: 1, ..usual }));
    }

    #[test]
    fn every_parameter_at_fault_is_named() {
        for (query, fields) in [
            ("afterSeq=-1", &["afterSeq"] as &[&str]),
            ("beforeSeq=1.5&limit=0", &["beforeSeq", "limit"]),
            ("afterSeq=&limit=201", &["afterSeq", "limit"]),
            ("afterSeq=%31", &["afterSeq"]),
            ("limit", &["limit"]),
            ("limit=1&limit=2", &["limit"]),
            ("afterSeq=1&beforeSeq=2", &["beforeSeq"]),
            ("access_token=x&afterseq=1", &["access_token", "afterseq"]),
            ("limit=1&=2", &[""]),
        ] {
            let refusal = page(Some(query)).unwrap_err();
            assert_eq!(refusal.errors.iter().map(|error| &error.field).collect::<Vec<_>>(), fields, "{query}");
        }
    }
}
