//! What a client sends on a WebSocket, taken apart without I/O.

use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::text::Text;

/// The most bytes that a ping, a pong or a close may carry.
const CONTROL: u64 = 125;

/// What a client sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// A piece of a message. Where messages begin and end means nothing to the hub, so it isn't said.
    Piece(Bytes),
    /// A ping, which wants these bytes back.
    Ping(Bytes),
    /// A sign of life that says nothing.
    Sign,
    /// The client is about to go.
    Close,
}

/// A rule of WebSockets that a client has broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Violation {
    /// A frame that may not come, or not here.
    #[error("{0}")]
    Frame(&'static str),
    /// A text that is none.
    #[error("a text must be UTF-8")]
    Text,
    /// A message that is larger than any.
    #[error("a message must not be larger than {most} bytes")]
    TooLarge {
        /// The most bytes of a message.
        most: u64,
    },
}

/// Takes frames apart. A message is handed on as it comes and never held, so its length costs no memory.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// The frame whose payload is coming.
    frame: Option<Frame>,
    /// The message that is coming, and how long it is as far as its frames have said.
    message: Option<(Data, u64)>,
    text: Text,
    /// The most bytes of a message.
    most: u64,
}

#[derive(Debug)]
struct Frame {
    left: u64,
    /// The mask from the next byte on.
    mask: [u8; 4],
    ends_message: bool,
}

impl Incoming {
    /// Takes messages of up to so many bytes.
    pub(crate) fn new(most: u64) -> Self {
        Self { frame: None, message: None, text: Text::default(), most }
    }

    /// How many bytes of the present frame have yet to come.
    pub(crate) fn left(&self) -> u64 {
        self.frame.as_ref().map_or(0, |frame| frame.left)
    }

    /// Takes what comes next out of what has arrived; `None` when more must arrive first.
    ///
    /// # Errors
    /// Returns the rule that is broken. Nothing can be taken after that.
    pub(crate) fn next(&mut self, arrived: &mut BytesMut) -> Result<Option<Heard>, Violation> {
        if self.frame.is_some() {
            return self.piece(arrived);
        }
        let mut cursor = Cursor::new(arrived.as_ref());
        let header = FrameHeader::parse(&mut cursor).map_err(|_| Violation::Frame("there is no such frame"))?;
        let Some((header, length)) = header else { return Ok(None) };
        let size = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let FrameHeader { is_final, rsv1, rsv2, rsv3, opcode, mask } = header;
        if rsv1 || rsv2 || rsv3 {
            return Err(Violation::Frame("no extension was agreed"));
        }
        let mask = mask.ok_or(Violation::Frame("a client masks its frames"))?;
        match opcode {
            OpCode::Control(_) if !is_final => Err(Violation::Frame("a control frame comes whole")),
            OpCode::Control(_) if length > CONTROL => Err(Violation::Frame("a control frame has at most 125 bytes")),
            OpCode::Control(control) => Self::control(control, mask, size, length, arrived),
            OpCode::Data(data) => {
                self.begin(data, length)?;
                arrived.advance(size);
                self.frame = Some(Frame { left: length, mask, ends_message: is_final });
                self.piece(arrived)
            }
        }
    }

    /// A data frame begins, and perhaps a message.
    fn begin(&mut self, data: Data, length: u64) -> Result<(), Violation> {
        // The sign of a length is always plus.
        if i64::try_from(length).is_err() {
            return Err(Violation::Frame("there is no such length"));
        }
        let (kind, before) = match (data, self.message) {
            (Data::Continue, Some(message)) => message,
            (Data::Continue, None) => return Err(Violation::Frame("there is no message to continue")),
            (_, Some(_)) => return Err(Violation::Frame("the message before has not ended")),
            (kind, None) => (kind, 0),
        };
        let so_far = before.saturating_add(length);
        if so_far > self.most {
            return Err(Violation::TooLarge { most: self.most });
        }
        self.message = Some((kind, so_far));
        Ok(())
    }

    /// Takes as much of the present frame as has arrived.
    fn piece(&mut self, arrived: &mut BytesMut) -> Result<Option<Heard>, Violation> {
        let Some(frame) = &mut self.frame else { return Ok(None) };
        if arrived.is_empty() && frame.left > 0 {
            return Ok(None);
        }
        let length = usize::try_from(frame.left).unwrap_or(usize::MAX).min(arrived.len());
        let mut piece = arrived.split_to(length);
        unmask(&mut piece, frame.mask);
        frame.mask.rotate_left(length % 4);
        frame.left -= length as u64;
        let (ends_frame, ends_message) = (frame.left == 0, frame.left == 0 && frame.ends_message);
        if matches!(self.message, Some((Data::Text, _))) {
            let goes_on = self.text.goes_on(&piece);
            if !goes_on || ends_message && !self.text.is_whole() {
                return Err(Violation::Text);
            }
        }
        if ends_frame {
            self.frame = None;
        }
        if ends_message {
            self.message = None;
        }
        Ok(Some(if piece.is_empty() { Heard::Sign } else { Heard::Piece(piece.freeze()) }))
    }

    /// Takes a control frame, once all of it is there.
    fn control(
        control: Control,
        mask: [u8; 4],
        size: usize,
        length: u64,
        arrived: &mut BytesMut,
    ) -> Result<Option<Heard>, Violation> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if arrived.len() < size.saturating_add(length) {
            return Ok(None);
        }
        arrived.advance(size);
        let mut payload = arrived.split_to(length);
        unmask(&mut payload, mask);
        match control {
            Control::Ping => Ok(Some(Heard::Ping(payload.freeze()))),
            Control::Close => goodbye(&payload).map(Some),
            _ => Ok(Some(Heard::Sign)),
        }
    }
}

/// Checks what a client says as it goes: nothing, or a code that clients may use, and a reason.
fn goodbye(payload: &[u8]) -> Result<Heard, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(Heard::Close) } else { Err(Violation::Frame("a code has two bytes")) };
    };
    match u16::from_be_bytes(*code) {
        1000..=1003 | 1007..=1014 | 3000..=4999 if std::str::from_utf8(reason).is_ok() => Ok(Heard::Close),
        1000..=1003 | 1007..=1014 | 3000..=4999 => Err(Violation::Text),
        _ => Err(Violation::Frame("there is no such code")),
    }
}

/// Takes the mask off. Eight bytes at once, since all that arrives goes through here.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ twice).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MASK: [u8; 4] = [0x12, 0x00, 0xff, 0x81];

    /// A masked frame of a client: `first` has the flags and the opcode.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut wire = match u16::try_from(payload.len()) {
            Ok(length @ ..126) => vec![first, 0x80 | u8::try_from(length).unwrap()],
            Ok(length) => [&[first, 0x80 | 126][..], &length.to_be_bytes()].concat(),
            Err(_) => [&[first, 0x80 | 127][..], &(payload.len() as u64).to_be_bytes()].concat(),
        };
        wire.extend(MASK);
        wire.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
        wire
    }

    /// All that is heard when so many bytes arrive at once; pieces of messages as one.
    fn hear(wire: &[u8], at_once: usize) -> Result<(Vec<u8>, Vec<Heard>), Violation> {
        let (mut incoming, mut arrived) = (Incoming::new(1_000_000), BytesMut::new());
        let (mut data, mut others) = (Vec::new(), Vec::new());
        for chunk in wire.chunks(at_once) {
            arrived.extend_from_slice(chunk);
            while let Some(heard) = incoming.next(&mut arrived)? {
                match heard {
                    Heard::Piece(piece) => data.extend_from_slice(&piece),
                    Heard::Sign => {}
                    other => others.push(other),
                }
            }
        }
        assert_eq!(incoming.left() + arrived.len() as u64, 0, "nothing is left");
        Ok((data, others))
    }

    #[test]
    fn messages_come_in_frames_with_others_between() {
        let wire = [
            frame(0x81, "häh".as_bytes()),
            frame(0x01, "a€".as_bytes().split_at(2).0),
            frame(0x89, b"there?"),
            frame(0x00, b""),
            frame(0x8a, b"yes"),
            frame(0x80, "a€".as_bytes().split_at(2).1),
            frame(0x82, b"\xff"),
            frame(0x82, b""),
            frame(0x88, b"\x03\xe8bye"),
        ]
        .concat();
        for at_once in [1, 2, 3, 7, 1000] {
            let (data, others) = hear(&wire, at_once).unwrap();
            assert_eq!(data, ["häha€".as_bytes(), b"\xff"].concat());
            assert_eq!(others, [Heard::Ping(Bytes::from_static(b"there?")), Heard::Close]);
        }
    }

    #[test]
    fn every_rule_that_is_broken_has_its_code() {
        let long = |length: u64| [&[0x81, 0xff][..], &length.to_be_bytes(), &MASK].concat();
        let unmasked = vec![0x81, 0x01, b'x'];
        for wire in [
            frame(0xc1, b"x"),
            frame(0xa1, b"x"),
            frame(0x91, b"x"),
            frame(0x83, b"x"),
            frame(0x8b, b"x"),
            unmasked,
            frame(0x80, b"x"),
            frame(0x00, b"x"),
            [frame(0x01, b"x"), frame(0x81, b"y")].concat(),
            [frame(0x01, b"x"), frame(0x02, b"y")].concat(),
            frame(0x09, b"x"),
            frame(0x89, &[b'x'; 126]),
            frame(0x88, b"\x03"),
            frame(0x88, b"\x03\xe7"),
            frame(0x88, b"\x03\xed"),
            frame(0x88, b"\x03\xee"),
            frame(0x88, b"\x13\x88"),
            long(1 << 63),
        ] {
            assert!(matches!(hear(&wire, 1000), Err(Violation::Frame(_))), "{wire:x?}");
        }
        for wire in [
            frame(0x81, b"\xff\xfe\x1e"),
            frame(0x81, b"{}\x1e\xe2\x82"),
            [frame(0x01, b"\xe2"), frame(0x80, b"x")].concat(),
            frame(0x88, b"\x03\xe8\xff"),
        ] {
            assert_eq!(hear(&wire, 1000), Err(Violation::Text), "{wire:x?}");
        }
        let too_large = Err(Violation::TooLarge { most: 1_000_000 });
        assert_eq!(hear(&long(1_000_001), 1000), too_large);
        assert_eq!(hear(&long(i64::MAX as u64), 1000), too_large);
        let in_two = [frame(0x01, &[b'x'; 600_000]), frame(0x80, &[b'x'; 600_000])].concat();
        assert_eq!(hear(&in_two, 1000), too_large);
        for good in [&b""[..], b"\x03\xe8", b"\x03\xf6", b"\x0f\xa0", b"\x0b\xb8\xc3\xa4"] {
            assert_eq!(hear(&frame(0x88, good), 1000), Ok((Vec::new(), vec![Heard::Close])), "{good:x?}");
        }
    }

    proptest! {
        /// However messages are cut into frames, and frames into packets: what was sent is heard.
        #[test]
        fn what_is_sent_is_heard(
            messages in prop::collection::vec(prop::collection::vec(".{0,40}", 1..4), 1..5),
            pad in prop::sample::select(vec![0usize, 120, 200, 70_000]),
            at_once in 1..200usize,
        ) {
            let (mut wire, mut sent) = (Vec::new(), Vec::new());
            for message in &messages {
                for (place, part) in message.iter().enumerate() {
                    let payload = format!("{part}{}", " ".repeat(pad));
                    let opcode = u8::from(place == 0);
                    let last = if place + 1 == message.len() { 0x80 } else { 0 };
                    wire.extend(frame(last | opcode, payload.as_bytes()));
                    sent.extend_from_slice(payload.as_bytes());
                }
            }
            prop_assert_eq!(hear(&wire, at_once), Ok((sent, Vec::new())));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut incoming = Incoming::new(100);
            let mut arrived = BytesMut::from(bytes.as_slice());
            while let Ok(Some(_)) = incoming.next(&mut arrived) {}
        }
    }
}
