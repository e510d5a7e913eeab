//! Where a claim stands in a token.

use serde_json::{Map, Value};

/// Where a claim stands: the name of a claim, or the way to a member of one.
///
/// Issuers put what they say of a user in different places: Entra in `roles`, Auth0 in a claim whose name is an address
/// (`https://app.example/roles`), Keycloak in a member of a claim (`realm_access.roles`). So a text is read in this order:
///
/// - One that begins with `/` is a JSON Pointer of RFC 6901, for names that have dots themselves:
///   `/resource_access/hubline.api/roles`.
/// - A claim of exactly this name counts, whatever characters it has.
/// - Otherwise dots lead into objects. A text with `://` is a name and nothing else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimPath {
    /// As it was written.
    text: String,
    /// The name of a claim, unless the text was a pointer.
    name: Option<String>,
    /// The names on the way, at least one.
    steps: Vec<String>,
}

impl ClaimPath {
    /// Reads a text; `None` for one that leads nowhere.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, steps): (_, Vec<String>) = match text.strip_prefix('/') {
            Some(pointer) => (None, pointer.split('/').map(unescaped).collect::<Option<_>>()?),
            None if text.contains("://") => (None, vec![text.to_owned()]),
            None => (Some(text.to_owned()), text.split('.').map(str::to_owned).collect()),
        };
        let leads = !steps.is_empty() && steps.iter().all(|step| !step.is_empty());
        leads.then(|| Self { text: text.to_owned(), name, steps })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands there, if anything does.
    pub(crate) fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        if let Some(claim) = self.name.as_ref().and_then(|name| claims.get(name)) {
            return Some(claim);
        }
        let (last, way) = self.steps.split_last()?;
        way.iter().try_fold(claims, |object, step| object.get(step)?.as_object())?.get(last)
    }

    /// Puts something there, and makes the objects on the way. What stands in the way goes.
    pub(crate) fn put(&self, claims: &mut Map<String, Value>, value: Value) {
        let Some((last, way)) = self.steps.split_last() else { return };
        let mut object = claims;
        for step in way {
            let member = object.entry(step.clone()).or_insert(Value::Null);
            if !member.is_object() {
                *member = Value::Object(Map::new());
            }
            let Some(next) = member.as_object_mut() else { return };
            object = next;
        }
        object.insert(last.clone(), value);
    }
}

/// A step of a JSON Pointer as it is meant: `~1` is `/`, and `~0` is `~`.
fn unescaped(step: &str) -> Option<String> {
    let mut parts = step.split('~');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        plain.push(match part.chars().next()? {
            '0' => '~',
            '1' => '/',
            _ => return None,
        });
        plain.push_str(part.get(1..)?);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str, claims: Value) -> Option<Value> {
        ClaimPath::parse(path).unwrap().find(claims.as_object().unwrap()).cloned()
    }

    #[test]
    fn it_finds_what_issuers_say_where_they_say_it() {
        assert_eq!(found("roles", json!({"roles": ["a"]})), Some(json!(["a"])));
        assert_eq!(found("realm_access.roles", json!({"realm_access": {"roles": ["a"]}})), Some(json!(["a"])));
        assert_eq!(found("https://app.example/roles", json!({"https://app.example/roles": "a"})), Some(json!("a")));
        assert_eq!(found("app.example/roles", json!({"app.example/roles": "a"})), Some(json!("a")));
        let keycloak = json!({"resource_access": {"hubline.api": {"roles": ["a"]}}});
        assert_eq!(found("/resource_access/hubline.api/roles", keycloak.clone()), Some(json!(["a"])));
        assert_eq!(found("resource_access.hubline.api.roles", keycloak), None);
        assert_eq!(found("/a~1b/m~0n", json!({"a/b": {"m~n": 1}})), Some(json!(1)));
        assert_eq!(found("/a.b", json!({"a.b": 1, "a": {"b": 2}})), Some(json!(1)));
    }

    #[test]
    fn a_claim_of_exactly_this_name_comes_first() {
        assert_eq!(found("a.b", json!({"a.b": 1, "a": {"b": 2}})), Some(json!(1)));
        assert_eq!(found("a.b", json!({"a": {"b": 2}})), Some(json!(2)));
        assert_eq!(found("https://a.b/c", json!({"https://a": {"b/c": 2}})), None, "an address is a name and no way");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for claims in [json!({}), json!({"a": null}), json!({"a": "b"}), json!({"a": ["b"]}), json!({"a": {"c": 1}})] {
            assert_eq!(found("a.b", claims.clone()), None, "{claims}");
        }
    }

    #[test]
    fn what_is_put_there_is_found_there() {
        for path in ["a", "a.b", "a.c", "/x/y.z", "https://a.b/c", "role.x"] {
            let mut claims = json!({"role": "in the way"}).as_object().unwrap().clone();
            let path = ClaimPath::parse(path).unwrap();
            path.put(&mut claims, json!("v"));
            assert_eq!(path.find(&claims), Some(&json!("v")));
        }
    }

    #[test]
    fn a_way_without_a_name_leads_nowhere() {
        for bad in ["", ".", "a.", ".a", "a..b", "/", "//", "/a//b", "/a/", "/a~", "/a~2", "/~"] {
            assert_eq!(ClaimPath::parse(bad), None, "{bad}");
        }
    }
}
