//! Whether a text that comes in pieces is UTF-8.

use std::str;

/// The longest character in bytes.
const CHARACTER: usize = 4;

/// Follows a text whose pieces may end in the middle of a character.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// What has come of a character that is not whole yet.
    begun: [u8; CHARACTER],
    length: usize,
}

impl Text {
    /// Takes the next piece; whether the text can still be UTF-8.
    pub(crate) fn goes_on(&mut self, mut piece: &[u8]) -> bool {
        while self.length > 0
            && let Some((byte, rest)) = piece.split_first()
        {
            let Some(place) = self.begun.get_mut(self.length) else { return false };
            *place = *byte;
            self.length += 1;
            piece = rest;
            match str::from_utf8(self.begun.get(..self.length).unwrap_or_default()) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        let Err(error) = str::from_utf8(piece) else { return true };
        let cut = piece.get(error.valid_up_to()..).unwrap_or_default();
        let (None, Some(begun)) = (error.error_len(), self.begun.get_mut(..cut.len())) else { return false };
        begun.copy_from_slice(cut);
        self.length = cut.len();
        true
    }

    /// Whether the text may end here.
    pub(crate) fn is_whole(&self) -> bool {
        self.length == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether pieces of this length, one after the other, are a text.
    fn is_text(bytes: &[u8], length: usize) -> bool {
        let mut text = Text::default();
        bytes.chunks(length).all(|piece| text.goes_on(piece)) && text.is_whole()
    }

    #[test]
    fn a_character_may_come_in_pieces() {
        for length in 1..9 {
            assert!(is_text("aä€👩‍🔧".as_bytes(), length));
            assert!(!is_text(b"\xe2\x82", length), "not whole");
            assert!(!is_text(b"a\xe2\x82b", length));
            assert!(!is_text(b"\xed\xa0\x80", length), "half a surrogate pair");
            assert!(!is_text(b"\xff", length));
        }
    }

    #[test]
    fn what_can_not_become_a_text_is_refused_at_once() {
        let mut text = Text::default();
        assert!(text.goes_on(b"\xf0") && text.goes_on(b"") && !text.goes_on(b"\x80"));
    }

    proptest! {
        #[test]
        fn it_says_what_the_standard_library_says(
            bytes in prop_oneof![
                any::<String>().prop_map(String::into_bytes),
                prop::collection::vec(prop::sample::select(vec![0x41u8, 0x80, 0xc3, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0xed, 0xa0]), 0..12),
            ],
            length in 1..6usize,
        ) {
            prop_assert_eq!(is_text(&bytes, length), str::from_utf8(&bytes).is_ok());
        }
    }
}
