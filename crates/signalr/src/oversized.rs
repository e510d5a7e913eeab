//! A message that is too large to be held, read as it goes by.

use std::borrow::Cow;

/// As much of a property's name or value as is looked at. No name is longer, and no client names invocations at such length.
const TOKEN: usize = 1024;

/// Reads of a message, piece by piece, what is needed to refuse it by itself: whether it is an invocation, and which. Its
/// properties come in any order, so all of it is gone through, and nothing else of it kept.
///
/// It follows strings and brackets and checks no more than that: what it lets through is refused anyhow.
#[derive(Debug, Default)]
pub(crate) struct Oversized {
    size: usize,
    /// How many brackets are open, of either kind: the message's own properties stand at one.
    depth: usize,
    /// Whether a string is open, and then whether its next character is escaped.
    text: Option<bool>,
    /// Whether the object has begun; what follows its end, or comes before it, makes it no message.
    begun: bool,
    broken: bool,
    /// What has been read since the last colon or comma of the message's own properties.
    token: Vec<u8>,
    name: Name,
    kind: Vec<u8>,
    invocation_id: Vec<u8>,
}

/// The property whose value comes.
#[derive(Clone, Copy, Debug, Default)]
enum Name {
    Type,
    InvocationId,
    #[default]
    Other,
}

impl Oversized {
    /// Reads the next piece of the message, none of which is its separator.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        self.size += bytes.len();
        loop {
            if self.text == Some(false) && self.depth != 1 {
                // The text itself, most likely, which is most of the message.
                let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(bytes.len());
                bytes = bytes.get(end..).unwrap_or_default();
            }
            let Some((byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            self.take(*byte);
        }
    }

    /// How many bytes were read.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Whether it can't become a message any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// What the invocation is called, once all was read; `None` for what is no invocation, or one that nobody waits for.
    pub(crate) fn invocation_id(&self) -> Option<String> {
        let whole = self.begun && !self.broken && self.depth == 0;
        let invokes = matches!(self.kind.as_slice(), b"1" | b"4");
        if whole && invokes { serde_json::from_slice(&self.invocation_id).ok() } else { None }
    }

    fn take(&mut self, byte: u8) {
        if let Some(escaped) = self.text {
            self.keep(byte);
            self.text = match byte {
                _ if escaped => Some(false),
                b'\\' => Some(true),
                b'"' => None,
                _ => Some(false),
            };
            return;
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'{' if self.depth == 0 && !self.begun => {
                self.begun = true;
                self.depth = 1;
            }
            _ if self.depth == 0 => self.broken = true,
            b'"' => {
                self.keep(byte);
                self.text = Some(false);
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                if self.depth == 1 {
                    self.note();
                }
                self.depth -= 1;
            }
            b':' if self.depth == 1 => self.call(),
            b',' if self.depth == 1 => self.note(),
            _ => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.token.len() < TOKEN {
            self.token.push(byte);
        }
    }

    /// A property's name has ended.
    fn call(&mut self) {
        // One that was cut has no closing quote, and so no meaning.
        self.name = match serde_json::from_slice::<Cow<'_, str>>(&self.token).as_deref() {
            Ok("type") => Name::Type,
            Ok("invocationId") => Name::InvocationId,
            _ => Name::Other,
        };
        self.token.clear();
    }

    /// A property's value has ended. Of two equal names the last counts, as in messages that are read whole.
    fn note(&mut self) {
        let value = std::mem::take(&mut self.token);
        match self.name {
            Name::Type => self.kind = value,
            Name::InvocationId => self.invocation_id = value,
            Name::Other => {}
        }
        self.name = Name::Other;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::HubMessage;

    fn read(json: &str) -> Oversized {
        let mut oversized = Oversized::default();
        oversized.read(json.as_bytes());
        oversized
    }

    #[test]
    fn an_invocation_is_called_by_its_id_wherever_that_stands() {
        for json in [
            r#"{"type":1,"invocationId":"7","target":"M","arguments":["x"]}"#,
            // As the official client writes it.
            r#"{"arguments":["a",{"body":"x\\\"}]"}],"invocationId":"7","target":"M","type":1}"#,
            " { \"type\" : 4 ,\r\n\t\"invocationId\" : \"7\" , \"arguments\" : [ { \"type\" : 6 } ] } ",
            r#"{"invocationId":"no","t\u0079pe":1,"invocationId":"\u0037"}"#,
            r#"{"type":1,"invocationId":"7","headers":{"invocationId":"no","type":"6"},"x":null}"#,
        ] {
            assert_eq!(read(json).invocation_id().as_deref(), Some("7"), "{json}");
        }
    }

    #[test]
    fn what_is_no_invocation_or_has_no_id_is_nothing() {
        for json in [
            "",
            "{}",
            "[1]",
            r#"{"type":1,"target":"M","arguments":[]}"#,
            r#"{"type":1,"invocationId":7}"#,
            r#"{"type":1,"invocationId":null}"#,
            r#"{"type":1,"invocationId":{}}"#,
            r#"{"type":"1","invocationId":"7"}"#,
            r#"{"type":3,"invocationId":"7"}"#,
            r#"{"invocationId":"7"}"#,
            r#"{"type":1,"invocationId":"7""#,
            r#"{"type":1,"invocationId":"7"}x"#,
            r#"{"type":1,"invocationId":"7"}{}"#,
            r#"x{"type":1,"invocationId":"7"}"#,
            r#"{"type":1,"invocationId":"\ud800"}"#,
            r#"{"Type":1,"InvocationId":"7"}"#,
        ] {
            assert_eq!(read(json).invocation_id(), None, "{json}");
        }
        assert!(read("x").is_broken() && read("{}{").is_broken() && !read(" {").is_broken());
    }

    #[test]
    fn nothing_is_kept_but_the_two() {
        let long = "x".repeat(1_000_000);
        let json = format!(r#"{{"{long}":1,"type":1,"{long}":"{long}","invocationId":"7","a":{long},"b":["{long}"]}}"#);
        let oversized = read(&json);
        assert_eq!(oversized.invocation_id().as_deref(), Some("7"));
        assert!(
            oversized.token.capacity() + oversized.kind.capacity() + oversized.invocation_id.capacity() < 4 * TOKEN
        );
        assert_eq!(read(&format!(r#"{{"type":1,"invocationId":"{long}"}}"#)).invocation_id(), None);
        let deep = format!(r#"{{"type":1,"invocationId":"7","a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&deep).invocation_id().as_deref(), Some("7"));
    }

    proptest! {
        /// However it is cut, and whatever it says: the same answer as when it is read whole.
        #[test]
        fn it_reads_what_a_whole_message_says(
            kind in prop::sample::select(vec!["1", "4", "2", "null", "\"1\"", "{}"]),
            id in prop::sample::select(vec!["\"7\"", "\"\\\"\"", "\"\"", "7", "null", "[\"7\"]"]),
            argument in any::<String>(),
            order in any::<bool>(),
            cuts in prop::collection::vec(1..9usize, 0..40),
        ) {
            let argument = serde_json::to_string(&argument).unwrap();
            let (first, last) = if order { (kind, id) } else { (id, kind) };
            let (one, two) = if order { ("type", "invocationId") } else { ("invocationId", "type") };
            let json = format!(r#"{{"{one}":{first},"target":"M","arguments":[{argument},{{"a":{argument}}}],"{two}":{last}}}"#);
            let mut oversized = Oversized::default();
            let mut rest = json.as_bytes();
            for cut in cuts {
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                oversized.read(piece);
                rest = more;
            }
            oversized.read(rest);
            prop_assert_eq!(oversized.size(), json.len());
            let whole = match HubMessage::parse(json.as_bytes()) {
                Ok(HubMessage::Invocation(it)) => it.invocation_id.map(Cow::into_owned),
                Ok(HubMessage::StreamInvocation(it)) => Some(it.invocation_id.into_owned()),
                _ => None,
            };
            prop_assert_eq!(oversized.invocation_id(), whole);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut oversized = Oversized::default();
            oversized.read(&bytes);
            let _ = oversized.invocation_id();
        }
    }
}
