//! Smoke tests: a request as a user would make it, what must come back, and what takes away what it has made.
//!
//! A template is configuration: `{"name", "method", "path", "body"?, "expect": {"status": […], "body"?}, "cleanup"?:
//! {"method", "path"}}`. In its texts `{key}` stands for a key that is the same whenever this test of this validation is
//! run, so that a repetition finds or replaces what the first one made, and `{answer:/pointer}` for a member of the answer.

use clients::{Method, Request, Secret};
use rollback::validation::Smoke;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    desk::{Desk, Halt},
    fact::{Item, Topic},
    settings::Template,
};

/// What is put on record of the answer to a test.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Made {
    status: u16,
    /// Whether it is what must come back.
    right: bool,
    /// The address that takes away what was made, where there is one.
    cleanup: Option<String>,
}

/// Runs one test as far as it has not been run, and says what it came to.
///
/// # Errors
/// Returns [`Halt`] where it breaks off.
pub fn run(desk: &Desk<'_>, topic: &Topic, key: &str, base: &str, template: &Template) -> Result<Smoke, Halt> {
    let token = desk.place.credentials.smoke.clone();
    let (own, key_text) = (template.clone(), key.to_owned());
    let made: Option<Made> = desk.ask(
        &topic.fact(Item::Made),
        || {
            let path = filled(&template.path, key, &Value::Null).unwrap_or_default();
            let mut request = request(base, template.method, &path, token.as_ref()).header("idempotency-key", key);
            if let Some(body) = &template.body {
                request = request.json(&filled_value(body, key));
            }
            Ok(request)
        },
        move |response| {
            let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            let expected = own.expect.body.as_ref().is_none_or(|part| contains(&body, &filled_value(part, &key_text)));
            let right = own.expect.status.contains(&response.status) && expected;
            let cleanup = own.cleanup.as_ref().and_then(|cleanup| filled(&cleanup.path, &key_text, &body));
            Ok(Some(Made { status: response.status, right, cleanup }))
        },
    )?;
    let Some(made) = made else { return Ok(Smoke::Silent) };
    let cleaned = match (&template.cleanup, &made.cleanup) {
        (None, _) => true,
        // What was not made is not there.
        (Some(_), None) => !made.right,
        (Some(cleanup), Some(path)) => {
            let cleaned: Option<bool> = desk.ask(
                &topic.fact(Item::Cleaned),
                || Ok(request(base, cleanup.method, path, token.as_ref())),
                |response| Ok(Some(matches!(response.status, 200..=299 | 404 | 410))),
            )?;
            cleaned == Some(true)
        }
    };
    Ok(match (made.right, cleaned) {
        (false, _) => Smoke::Wrong,
        (true, true) => Smoke::Right,
        (true, false) => Smoke::Littered,
    })
}

fn request(base: &str, method: crate::settings::Verb, path: &str, token: Option<&Secret>) -> Request {
    let url = format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'));
    Request::new(Method::from(method), url).header("x-hubline-synthetic", "true").maybe_bearer(token)
}

/// A text with its places filled; none when the answer lacks what goes into one.
fn filled(text: &str, key: &str, answer: &Value) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, after) = after.split_once('}')?;
        match name.strip_prefix("answer:") {
            Some(pointer) => match answer.pointer(pointer)? {
                Value::String(text) => out.push_str(text),
                Value::Number(number) => out.push_str(&number.to_string()),
                _ => return None,
            },
            None if name == "key" => out.push_str(key),
            None => return None,
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn filled_value(value: &Value, key: &str) -> Value {
    match value {
        Value::String(text) => text.replace("{key}", key).into(),
        Value::Array(items) => items.iter().map(|item| filled_value(item, key)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), filled_value(member, key))).collect()
        }
        other => other.clone(),
    }
}

/// Whether a value has everything that another one says.
fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(members), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| members.get(name).is_some_and(|member| contains(member, wanted)))
        }
        (value, part) => value == part,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_filled_or_it_is_said_that_they_cannot_be() {
        let answer = json!({"id": 7, "user": {"name": "a"}});
        assert_eq!(filled("/u/{key}/{answer:/id}", "k", &answer).as_deref(), Some("/u/k/7"));
        assert_eq!(filled("/{answer:/user/name}", "k", &answer).as_deref(), Some("/a"));
        for bad in ["/{answer:/nothing}", "/{answer:/user}", "/{unknown}", "/{key"] {
            assert_eq!(filled(bad, "k", &answer), None, "{bad}");
        }
        assert_eq!(filled_value(&json!({"a": ["{key}@x", 1]}), "k"), json!({"a": ["k@x", 1]}));
    }

    #[test]
    fn what_must_come_back_is_part_of_what_comes() {
        let answer = json!({"id": "x", "status": "open", "nested": {"a": 1, "b": 2}});
        assert!(contains(&answer, &json!({"status": "open", "nested": {"a": 1}})));
        assert!(!contains(&answer, &json!({"status": "closed"})));
        assert!(!contains(&answer, &json!({"missing": null})));
    }
}
