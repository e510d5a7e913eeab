//! What a path and a query say.

use chat::{FieldError, Refusal, ServiceRequestId};

/// The segments of a path, from the first slash on.
///
/// Nothing is decoded: no name that may stand in a path needs an escape, so an escaped one is another name.
#[must_use]
pub fn segments(path: &str) -> Vec<&str> {
    path.split('/').skip(1).collect()
}

/// The service request that a segment names.
///
/// # Errors
/// Returns [`ErrorCode::Invalid`](chat::ErrorCode::Invalid) for a text that can't be the name of one.
pub fn service_request_id(segment: &str) -> Result<ServiceRequestId, Refusal> {
    ServiceRequestId::parse(segment).map_err(|error| Refusal::invalid(vec![FieldError::new("id", error)]))
}

/// The parameters of a query, name and value, in their order, nothing decoded.
pub fn parameters(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Refuses every parameter, for an address that has none.
///
/// # Errors
/// Returns [`ErrorCode::Invalid`](chat::ErrorCode::Invalid) with every such parameter.
pub fn no_parameters(query: Option<&str>) -> Result<(), Refusal> {
    only_parameters(query, &[])
}

/// Refuses the parameters that have another name than these: one that is misspelled would ask for something else.
///
/// # Errors
/// Returns [`ErrorCode::Invalid`](chat::ErrorCode::Invalid) with every such parameter.
pub fn only_parameters(query: Option<&str>, names: &[&str]) -> Result<(), Refusal> {
    let unknown = parameters(query).filter(|(name, _)| !names.contains(name));
    let errors: Vec<FieldError> = unknown.map(|(name, _)| unknown_parameter(name)).collect();
    if errors.is_empty() { Ok(()) } else { Err(Refusal::invalid(errors)) }
}

/// What is wrong with a parameter that an address doesn't know.
#[must_use]
pub fn unknown_parameter(name: &str) -> FieldError {
    FieldError::new(name, "is no parameter of this address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_segments() {
        assert_eq!(segments("/v1/service-requests/a"), ["v1", "service-requests", "a"]);
        assert_eq!(segments("/v1//"), ["v1", "", ""]);
        assert_eq!(segments("/"), [""]);
        assert!(segments("").is_empty());
    }

    #[test]
    fn a_name_in_a_path_keeps_its_rule() {
        assert_eq!(service_request_id("a-1").unwrap().as_str(), "a-1");
        for bad in ["", "%41", "a%20b", "a+b", &"x".repeat(65)] {
            assert_eq!(service_request_id(bad).unwrap_err().errors[0].field, "id");
        }
    }

    #[test]
    fn a_query_is_its_parameters() {
        let of = |query| parameters(query).collect::<Vec<_>>();
        assert_eq!(of(Some("a=1&b&c=&=d&&a=2=3")), [("a", "1"), ("b", ""), ("c", ""), ("", "d"), ("a", "2=3")]);
        assert!(of(Some("")).is_empty() && of(None).is_empty());
    }

    #[test]
    fn an_address_without_parameters_takes_none() {
        for good in [None, Some(""), Some("&")] {
            assert_eq!(no_parameters(good), Ok(()));
        }
        let refusal = no_parameters(Some("a=1&b")).unwrap_err();
        assert_eq!(refusal.errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }
}
