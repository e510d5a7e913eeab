//! The properties of a message, before anybody knows which message it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Arguments, ProtocolError};

/// The properties of a message as raw JSON. The reference takes the last of two equal ones and skips those it doesn't
/// know, so this does.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    kind: Option<&'a RawValue>,
    headers: Option<&'a RawValue>,
    invocation_id: Option<&'a RawValue>,
    target: Option<&'a RawValue>,
    arguments: Option<&'a RawValue>,
    stream_ids: Option<&'a RawValue>,
    item: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    allow_reconnect: Option<&'a RawValue>,
    sequence_id: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Name {
    Type,
    Headers,
    InvocationId,
    Target,
    Arguments,
    StreamIds,
    Item,
    Result,
    Error,
    AllowReconnect,
    SequenceId,
    #[serde(other)]
    Other,
}

impl<'a> Fields<'a> {
    pub(crate) fn read(json: &'a [u8]) -> Result<Self, ProtocolError> {
        if let Some(other) = not_object(json) {
            return Err(ProtocolError::NotObject(other));
        }
        serde_json::from_slice(json).map_err(|_| ProtocolError::NotJson)
    }

    pub(crate) fn kind(&self) -> Result<i64, ProtocolError> {
        integer("type", self.kind, "Int32")
    }

    pub(crate) fn invocation_id(&self) -> Result<Option<Cow<'a, str>>, ProtocolError> {
        text("invocationId", self.invocation_id)
    }

    pub(crate) fn required_invocation_id(&self) -> Result<Cow<'a, str>, ProtocolError> {
        self.invocation_id()?.ok_or(ProtocolError::Missing("invocationId"))
    }

    pub(crate) fn target(&self) -> Result<Cow<'a, str>, ProtocolError> {
        text("target", self.target)?.ok_or(ProtocolError::Missing("target"))
    }

    pub(crate) fn arguments(&self) -> Result<Arguments<'a>, ProtocolError> {
        let raw = self.arguments.ok_or(ProtocolError::Missing("arguments"))?;
        let wrong = ProtocolError::Type { property: "arguments", expected: "Array" };
        serde_json::from_str(raw.get()).map(Arguments::new).map_err(|_| wrong)
    }

    pub(crate) fn stream_ids(&self) -> Result<Vec<Cow<'a, str>>, ProtocolError> {
        let wrong = ProtocolError::Type { property: "streamIds", expected: "Array" };
        match self.stream_ids {
            None => Ok(Vec::new()),
            Some(raw) => {
                let ids: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong)?;
                ids.into_iter().filter_map(|id| text("streamIds", Some(id)).transpose()).collect()
            }
        }
    }

    pub(crate) fn item(&self) -> Result<&'a RawValue, ProtocolError> {
        self.item.ok_or(ProtocolError::Missing("item"))
    }

    pub(crate) fn result(&self) -> Option<&'a RawValue> {
        self.result
    }

    pub(crate) fn error(&self) -> Result<Option<Cow<'a, str>>, ProtocolError> {
        text("error", self.error)
    }

    pub(crate) fn allow_reconnect(&self) -> Result<bool, ProtocolError> {
        let wrong = ProtocolError::Type { property: "allowReconnect", expected: "Boolean" };
        self.allow_reconnect.map_or(Ok(false), |raw| serde_json::from_str(raw.get()).map_err(|_| wrong))
    }

    pub(crate) fn sequence_id(&self) -> Result<i64, ProtocolError> {
        integer("sequenceId", self.sequence_id, "Int64")
    }

    /// Headers mean nothing to this server, but malformed ones are the reference's error too.
    pub(crate) fn check_headers(&self) -> Result<(), ProtocolError> {
        let Some(raw) = self.headers else { return Ok(()) };
        let wrong = ProtocolError::Type { property: "headers", expected: "Object" };
        let headers: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong)?;
        match headers.into_iter().find(|(_, value)| !value.get().starts_with('"')) {
            Some((name, _)) => Err(ProtocolError::Header(name.into_owned())),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(name) = map.next_key()? {
                    let field = match name {
                        Name::Type => &mut fields.kind,
                        Name::Headers => &mut fields.headers,
                        Name::InvocationId => &mut fields.invocation_id,
                        Name::Target => &mut fields.target,
                        Name::Arguments => &mut fields.arguments,
                        Name::StreamIds => &mut fields.stream_ids,
                        Name::Item => &mut fields.item,
                        Name::Result => &mut fields.result,
                        Name::Error => &mut fields.error,
                        Name::AllowReconnect => &mut fields.allow_reconnect,
                        Name::SequenceId => &mut fields.sequence_id,
                        Name::Other => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *field = Some(map.next_value()?);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// The reference's name for the JSON value that stands where an object should; `None` for an object or no JSON at all.
pub(crate) fn not_object(json: &[u8]) -> Option<&'static str> {
    match json.iter().find(|byte| !byte.is_ascii_whitespace())? {
        b'[' => Some("Array"),
        b'"' => Some("String"),
        b'-' | b'0'..=b'9' => Some("Number"),
        b't' => Some("True"),
        b'f' => Some("False"),
        b'n' => Some("Null"),
        _ => None,
    }
}

fn text<'a>(property: &'static str, raw: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, ProtocolError> {
    match raw {
        None => Ok(None),
        Some(raw) if raw.get().starts_with('"') => {
            // Only a lone surrogate can fail here.
            serde_json::from_str::<Text<'a>>(raw.get()).map(|text| Some(text.0)).map_err(|_| ProtocolError::NotJson)
        }
        Some(_) => Err(ProtocolError::Type { property, expected: "String" }),
    }
}

fn integer(property: &'static str, raw: Option<&RawValue>, width: &'static str) -> Result<i64, ProtocolError> {
    let raw = raw.ok_or(ProtocolError::Missing(property))?.get();
    if !raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return Err(ProtocolError::Type { property, expected: "Number" });
    }
    let number = serde_json::from_str::<i64>(raw).map_err(|_| ProtocolError::Number(width))?;
    if width == "Int32" && i32::try_from(number).is_err() { Err(ProtocolError::Number(width)) } else { Ok(number) }
}

/// A string that is borrowed when it has no escapes; `Cow` alone would always copy.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
