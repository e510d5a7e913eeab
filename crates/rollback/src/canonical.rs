//! One sequence of bytes for a value: what is hashed, signed for and compared.
//!
//! JSON without white space, members sorted by the bytes of their names, at every depth. Numbers and texts are written as
//! `serde_json` writes them. Thresholds and times are whole numbers, which no two programs write differently.

use serde::Serialize;
use serde_json::Value;

use crate::Digest;

/// A value that JSON can't hold, such as a map whose keys are no texts.
#[derive(Debug, thiserror::Error)]
#[error("the value has no canonical form")]
pub struct CanonicalError(#[from] serde_json::Error);

/// The canonical text of a value.
///
/// # Errors
/// Returns [`CanonicalError`] for a value that JSON can't hold.
pub fn text<T: Serialize>(value: &T) -> Result<String, CanonicalError> {
    let mut out = String::new();
    write(&serde_json::to_value(value)?, &mut out);
    Ok(out)
}

/// The digest of a purpose and a value's canonical text. The purpose keeps digests of different kinds of things apart,
/// even when their texts are the same.
///
/// # Errors
/// Returns [`CanonicalError`] for a value that JSON can't hold.
pub fn digest<T: Serialize>(purpose: &str, value: &T) -> Result<Digest, CanonicalError> {
    Ok(Digest::of_parts(&[purpose.as_bytes(), text(value)?.as_bytes()]))
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            // Not left to the map: another crate of the build may ask serde_json to keep the order of insertion.
            sorted.sort_by_key(|(name, _)| name.as_bytes());
            surrounded(out, '{', '}', sorted, |(name, member), out| {
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write(member, out);
            });
        }
        Value::Array(items) => surrounded(out, '[', ']', items, write),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn surrounded<I: IntoIterator>(
    out: &mut String,
    open: char,
    close: char,
    items: I,
    mut each: impl FnMut(I::Item, &mut String),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_at_every_depth_and_lists_are_not() {
        let value = json!({"b": [3, {"z": null, "a": true}], "a": "ü \"\n", "B": 1});
        assert_eq!(text(&value).unwrap(), r#"{"B":1,"a":"ü \"\n","b":[3,{"a":true,"z":null}]}"#);
        assert_eq!(text(&json!({})).unwrap(), "{}");
        assert_eq!(text(&json!([])).unwrap(), "[]");
    }

    #[test]
    fn the_text_reads_back_as_the_value() {
        let value = json!({"a": [1, 2, {"b": "c"}], "d": {"e": null}});
        assert_eq!(serde_json::from_str::<Value>(&text(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn the_purpose_is_part_of_the_digest() {
        assert_ne!(digest("preview", &1).unwrap(), digest("policy", &1).unwrap());
    }

    #[test]
    fn what_json_cannot_hold_is_an_error() {
        let map = BTreeMap::from([(vec![1], 1)]);
        assert_eq!(text(&map).unwrap_err().to_string(), "the value has no canonical form");
    }
}
