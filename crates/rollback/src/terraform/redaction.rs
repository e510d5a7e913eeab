//! Values of a plan as they may be shown.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What stands in the place of a sensitive value.
pub const SENSITIVE: &str = "(sensitive)";

/// What stands in the place of a value that is not known before the apply.
pub const UNKNOWN: &str = "(known after apply)";

/// Parts of names whose values are not shown even where Terraform does not call them sensitive: providers forget it, and
/// Terraform's own `terraform_data` has no way to say it.
const TELLING: [&str; 11] = [
    "access_key",
    "api_key",
    "apikey",
    "connection_string",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
];

/// A value with everything sensitive replaced. `sensitive` is Terraform's own word on it: `true`, or a value of the same
/// shape with `true` in the places.
pub(super) fn redact(value: &Value, sensitive: &Value) -> Value {
    match (value, sensitive) {
        (Value::Null, _) => Value::Null,
        (_, Value::Bool(true)) => SENSITIVE.into(),
        (Value::Object(members), _) => members
            .iter()
            .map(|(name, member)| {
                let hidden = !is_empty(member) && is_telling(name);
                let shown = if hidden { SENSITIVE.into() } else { redact(member, at(sensitive, name)) };
                (name.clone(), shown)
            })
            .collect::<Map<_, _>>()
            .into(),
        (Value::Array(items), _) => {
            // A set has no places: if any of its items is sensitive, Terraform marks it in some place or other.
            let marks = sensitive.as_array().filter(|marks| marks.len() == items.len());
            let any = sensitive.as_array().is_some_and(|marks| marks.iter().any(says_true));
            items
                .iter()
                .enumerate()
                .map(|(index, item)| match marks.and_then(|marks| marks.get(index)) {
                    Some(mark) => redact(item, mark),
                    None if any => SENSITIVE.into(),
                    None => redact(item, &Value::Null),
                })
                .collect()
        }
        (Value::String(text), _) if has_password(text) => SENSITIVE.into(),
        _ => value.clone(),
    }
}

/// How long a sensitive text must be at least to be looked for in others: shorter ones are parts of too much.
const DISTINCT: usize = 6;

/// What Terraform calls sensitive in one place, to be hidden in every other: what a provider makes of a sensitive value, such as
/// the output of a `terraform_data`, Terraform does not mark.
#[derive(Debug, Default)]
pub(super) struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Notes what is sensitive of a value.
    pub(super) fn note(&mut self, value: &Value, sensitive: &Value) {
        match (value, sensitive) {
            (Value::String(text), Value::Bool(true)) if text.chars().count() >= DISTINCT => {
                self.0.insert(text.clone());
            }
            (Value::Object(members), Value::Bool(true)) => members.values().for_each(|it| self.note(it, sensitive)),
            (Value::Array(items), Value::Bool(true)) => items.iter().for_each(|it| self.note(it, sensitive)),
            (Value::Object(members), _) => members.iter().for_each(|(name, it)| self.note(it, at(sensitive, name))),
            (Value::Array(items), Value::Array(marks)) if items.len() == marks.len() => {
                items.iter().zip(marks).for_each(|(it, mark)| self.note(it, mark));
            }
            // The places of a set are unknown.
            (Value::Array(items), marks) if says_true(marks) => {
                items.iter().for_each(|it| self.note(it, &Value::Bool(true)));
            }
            _ => {}
        }
    }

    /// A value without them.
    pub(super) fn hide(&self, value: Value) -> Value {
        match value {
            Value::String(text) if self.0.iter().any(|secret| text.contains(secret)) => SENSITIVE.into(),
            Value::Object(members) => {
                members.into_iter().map(|(name, member)| (name, self.hide(member))).collect::<Map<_, _>>().into()
            }
            Value::Array(items) => items.into_iter().map(|item| self.hide(item)).collect(),
            value => value,
        }
    }
}

/// A value with what is not known yet put into its places.
pub(super) fn with_unknown(value: Value, unknown: &Value) -> Value {
    match (value, unknown) {
        (_, Value::Bool(true)) => UNKNOWN.into(),
        (Value::Object(mut members), Value::Object(unknown)) => {
            for (name, mark) in unknown.iter().filter(|(_, mark)| says_true(mark)) {
                let member = members.remove(name).unwrap_or(Value::Null);
                let member = if member == SENSITIVE { member } else { with_unknown(member, mark) };
                members.insert(name.clone(), member);
            }
            members.into()
        }
        (Value::Null, unknown) if says_true(unknown) => UNKNOWN.into(),
        (value, _) => value,
    }
}

fn at<'a>(sensitive: &'a Value, name: &str) -> &'a Value {
    sensitive.get(name).unwrap_or(&Value::Null)
}

/// Whether there is a `true` anywhere in it.
fn says_true(mark: &Value) -> bool {
    match mark {
        Value::Bool(mark) => *mark,
        Value::Array(marks) => marks.iter().any(says_true),
        Value::Object(marks) => marks.values().any(says_true),
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_)) || value == ""
}

fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TELLING.iter().any(|part| name.contains(part))
}

/// Whether the text is an address with a password in it, like `postgres://user:password@host/`, or a list of settings with
/// one, like `Server=host;Password=…`.
fn has_password(text: &str) -> bool {
    let in_address = text.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    let mut settings = text.split([';', ' ', '&']).filter_map(|setting| setting.split_once('='));
    in_address || settings.any(|(name, value)| !value.is_empty() && is_telling(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CANARY: &str = "canary-4711";

    #[test]
    fn what_terraform_calls_sensitive_is_replaced_at_every_depth() {
        let value = json!({"a": CANARY, "b": {"c": [CANARY, "shown"], "d": 1}, "e": "shown"});
        let sensitive = json!({"a": true, "b": {"c": [true, false]}});
        let redacted = redact(&value, &sensitive);
        assert_eq!(redacted, json!({"a": SENSITIVE, "b": {"c": [SENSITIVE, "shown"], "d": 1}, "e": "shown"}));
        assert_eq!(redact(&value, &json!(true)), SENSITIVE);
        assert_eq!(redact(&Value::Null, &json!(true)), Value::Null);
    }

    #[test]
    fn what_is_sensitive_in_one_place_is_hidden_in_every_other() {
        let mut secrets = Secrets::default();
        let value = json!({"input": CANARY, "short": "abc", "set": ["of-a-set", "x"], "open": "shown"});
        secrets.note(&value, &json!({"input": true, "short": true, "set": [true]}));
        secrets.note(&json!({"deep": [{"a": "far-down"}]}), &json!({"deep": true}));
        let shown = secrets.hide(json!({
            "output": CANARY, "address": [format!("https://{CANARY}.example/")], "n": 1,
            "others": ["of-a-set", "far-down", "shown", "abc"],
        }));
        let hidden = json!({
            "output": SENSITIVE, "address": [SENSITIVE], "n": 1, "others": [SENSITIVE, SENSITIVE, "shown", "abc"],
        });
        assert_eq!(shown, hidden);
    }

    #[test]
    fn a_set_whose_places_do_not_fit_is_replaced_whole() {
        assert_eq!(redact(&json!([CANARY, "b"]), &json!([true])), json!([SENSITIVE, SENSITIVE]));
        assert_eq!(redact(&json!(["a", "b"]), &json!([])), json!(["a", "b"]));
    }

    #[test]
    fn what_tells_by_its_name_or_shape_is_replaced_without_a_mark() {
        let value = json!({
            "adminPassword": CANARY,
            "input": {"DB_CONNECTION_STRING": CANARY, "client_secret": {"value": CANARY}},
            "url": format!("postgres://app:{CANARY}@db/orders"),
            "settings": format!("Server=db;Password={CANARY}"),
        });
        let redacted = redact(&value, &json!({})).to_string();
        assert!(!redacted.contains("canary"), "{redacted}");
    }

    #[test]
    fn what_tells_nothing_is_shown() {
        let value = json!({"url": "https://example.org/a?b=c@d:e", "password": null, "has_secret": true, "n": 1.5});
        assert_eq!(redact(&value, &json!(false)), value);
    }

    #[test]
    fn what_is_not_known_yet_is_said_so() {
        let after = json!({"a": 1, "s": SENSITIVE});
        let unknown = json!({"a": false, "id": true, "list": [true], "s": true, "b": {"c": false}});
        assert_eq!(with_unknown(after, &unknown), json!({"a": 1, "id": UNKNOWN, "list": UNKNOWN, "s": SENSITIVE}));
        assert_eq!(with_unknown(Value::Null, &json!(true)), UNKNOWN);
        assert_eq!(with_unknown(Value::Null, &json!({})), Value::Null);
    }
}
