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
}
