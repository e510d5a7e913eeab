//! WebSocket frames, as a client sees them ([RFC 6455, section 5](https://www.rfc-editor.org/rfc/rfc6455#section-5)).
//!
//! Written by hand because the generator shares the machine with what it measures: a frame costs a copy and nothing else.

use anyhow::{Result, bail};
use bytes::{Buf, BufMut, BytesMut};

/// No message of the contract comes near this; a longer one means that the stream is not what it seems.
const LONGEST: usize = 16 << 20;

/// What a frame asks of the client, besides its text.
#[derive(Debug, PartialEq, Eq)]
pub enum Control {
    /// Nothing: it was text.
    None,
    /// A pong with the same payload.
    Ping(BytesMut),
    /// The server closes, for the reason given.
    Close(String),
}

/// Appends a text frame to `out`, masked with `mask`.
pub fn encode_text(text: &[u8], mask: u32, out: &mut BytesMut) {
    encode(0x1, text, mask, out);
}

/// Appends the answer to a ping to `out`.
pub fn encode_pong(payload: &[u8], mask: u32, out: &mut BytesMut) {
    encode(0xA, payload, mask, out);
}

fn encode(opcode: u8, payload: &[u8], mask: u32, out: &mut BytesMut) {
    out.reserve(payload.len() + 14);
    out.put_u8(0x80 | opcode);
    match payload.len() {
        short @ 0..=125 => out.put_u8(0x80 | short as u8),
        medium @ 126..=0xFFFF => {
            out.put_u8(0x80 | 126);
            out.put_u16(medium as u16);
        }
        long => {
            out.put_u8(0x80 | 127);
            out.put_u64(long as u64);
        }
    }
    out.put_u32(mask);
    let mut words = payload.chunks_exact(4);
    for word in &mut words {
        let word = word.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        out.put_u32(word ^ mask);
    }
    for (byte, mask) in words.remainder().iter().zip(mask.to_be_bytes()) {
        out.put_u8(byte ^ mask);
    }
}

/// Takes one frame off `incoming` and appends its text to `text`; `None` until the whole frame is there.
///
/// Whether a message was cut into several frames does not matter here: hub messages carry their own terminator.
///
/// # Errors
/// A frame that no server may send.
pub fn decode(incoming: &mut BytesMut, text: &mut Vec<u8>) -> Result<Option<Control>> {
    let mut header = incoming.as_ref();
    let (Ok(first), Ok(second)) = (header.try_get_u8(), header.try_get_u8()) else { return Ok(None) };
    if second & 0x80 != 0 {
        bail!("the server masked a frame");
    }
    let length = match second {
        126 => header.try_get_u16().map(usize::from),
        127 => header.try_get_u64().map(|length| usize::try_from(length).unwrap_or(usize::MAX)),
        short => Ok(usize::from(short)),
    };
    let Ok(length) = length else { return Ok(None) };
    if length > LONGEST {
        bail!("the server sent a frame of {length} bytes");
    }
    if header.len() < length {
        return Ok(None);
    }
    let header_length = incoming.len() - header.len();
    incoming.advance(header_length);
    let mut payload = incoming.split_to(length);
    Ok(Some(match first & 0x0F {
        0x0 | 0x1 => {
            text.extend_from_slice(&payload);
            Control::None
        }
        0x8 => {
            let code = payload.try_get_u16().map_or_else(|_| "no code".to_owned(), |code| code.to_string());
            Control::Close(format!("{code} {}", String::from_utf8_lossy(&payload)).trim_end().to_owned())
        }
        0x9 => Control::Ping(payload),
        0xA => Control::None,
        other => bail!("the server sent a frame of the unexpected kind {other}"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sent_frame_is_masked() {
        // The example of RFC 6455, section 5.7.
        let mut out = BytesMut::new();
        encode_text(b"Hello", 0x37fa_213d, &mut out);
        assert_eq!(out.as_ref(), [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, second) in [(125, 0x80 | 125), (126, 0x80 | 126), (65_535, 0x80 | 126), (65_536, 0x80 | 127)] {
            let mut out = BytesMut::new();
            encode_text(&vec![b'x'; length], 0, &mut out);
            assert_eq!(out[1], second, "{length}");
        }
    }

    #[test]
    fn a_frame_arrives_in_any_pieces() {
        let whole = b"\x01\x03abc\x80\x02de\x89\x01p\x88\x05\x03\xe8bye";
        let (mut incoming, mut text, mut seen) = (BytesMut::new(), Vec::new(), Vec::new());
        for byte in whole {
            incoming.put_u8(*byte);
            seen.extend(decode(&mut incoming, &mut text).unwrap());
        }
        assert_eq!(text, b"abcde");
        assert_eq!(
            seen,
            [
                Control::None,
                Control::None,
                Control::Ping(BytesMut::from(&b"p"[..])),
                Control::Close("1000 bye".to_owned())
            ]
        );
    }

    #[test]
    fn a_masked_or_huge_frame_is_refused() {
        for bad in [&b"\x81\x80\0\0\0\0"[..], b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", b"\x83\x00"] {
            assert!(decode(&mut BytesMut::from(bad), &mut Vec::new()).is_err());
        }
    }
}
