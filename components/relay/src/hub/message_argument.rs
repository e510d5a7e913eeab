//! The message that a client gives `SendMessage` as an argument.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The message that a client wants to send. Its properties stay raw, to be passed on as they came.
///
/// Their names are matched without case, and the last of several counts, as at the reference.
#[derive(Debug, Default)]
pub(crate) struct MessageArgument<'a> {
    /// The sender's own name for the message, as JSON.
    pub(crate) client_message_id: Option<&'a str>,
    /// What it says, as JSON.
    pub(crate) body: Option<&'a str>,
}

/// A name that is borrowed when it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for MessageArgument<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = MessageArgument<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MessageArgument<'de>, A::Error> {
                let mut message = MessageArgument::default();
                while let Some(Name(name)) = map.next_key()? {
                    let field = if name.eq_ignore_ascii_case("body") {
                        &mut message.body
                    } else if name.eq_ignore_ascii_case("clientMessageId") {
                        &mut message.client_message_id
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    *field = Some(map.next_value::<&RawValue>()?.get());
                }
                Ok(message)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_without_case_and_the_last_counts() {
        for (json, id, body) in [
            (r#"{"clientMessageId":"i","body":"b"}"#, Some(r#""i""#), Some(r#""b""#)),
            (r#"{"BODY":"b","ClientMessageID":"i"}"#, Some(r#""i""#), Some(r#""b""#)),
            (r#"{"body":"no","Body":"b","b\u006fdy":"last"}"#, None, Some(r#""last""#)),
            (r#"{"Body":"b","body":null}"#, None, Some("null")),
            (r#"{"more":{"body":"no"},"client_message_id":"no"}"#, None, None),
            (r#"{"body":"\ud83d\ude00"}"#, None, Some(r#""\ud83d\ude00""#)),
        ] {
            let message: MessageArgument<'_> = serde_json::from_str(json).unwrap();
            assert_eq!((message.client_message_id, message.body), (id, body), "{json}");
        }
        for other in ["null", "[]", "\"x\"", "1", r#"{"\ud800":1}"#] {
            assert!(serde_json::from_str::<MessageArgument<'_>>(other).is_err(), "{other}");
        }
    }
}
