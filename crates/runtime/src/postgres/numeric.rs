//! Decimal numbers between text and the server's binary form, without losing a digit.

use bytes::{BufMut, BytesMut};

/// Decimal digits in one digit of the server, which counts to base 10,000.
const GROUP: usize = 4;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITE: u16 = 0xD000;
const NEGATIVE_INFINITE: u16 = 0xF000;

/// The server allows this many digits after the point.
const MOST_SCALE: usize = 16_383;

/// Reads the server's form.
pub(super) fn decode(raw: &[u8]) -> Option<String> {
    let mut fields = raw.chunks_exact(2).map(|pair| <[u8; 2]>::try_from(pair).map_or(0, u16::from_be_bytes));
    let count = usize::from(fields.next()?);
    let weight = i32::from(fields.next()?.cast_signed());
    let sign = fields.next()?;
    let scale = usize::from(fields.next()?);
    let groups: Vec<u16> = fields.collect();
    match sign {
        NAN => return Some("NaN".to_owned()),
        INFINITE => return Some("Infinity".to_owned()),
        NEGATIVE_INFINITE => return Some("-Infinity".to_owned()),
        _ if groups.len() != count => return None,
        _ => {}
    }
    // The group whose last digit is worth 10,000 to the power of `place`.
    let group = |place: i32| {
        let index = usize::try_from(weight - place).ok();
        index.and_then(|index| groups.get(index)).copied().unwrap_or(0)
    };
    let mut text = String::new();
    for place in (0..=weight.max(0)).rev() {
        text.push_str(&format!("{:04}", group(place)));
    }
    let mut text = match text.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    };
    if scale > 0 {
        let places = i32::try_from(scale.div_ceil(GROUP)).ok()?;
        let fraction: String = (1..=places).map(|place| format!("{:04}", group(-place))).collect();
        text.push('.');
        text.push_str(fraction.get(..scale)?);
    }
    Some(if sign == NEGATIVE { format!("-{text}") } else { text })
}

/// Writes the server's form; nothing if the text is no number.
pub(super) fn encode(text: &str, out: &mut BytesMut) -> Option<()> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits == "NaN" {
        put(out, &[0, 0, NAN, 0]);
        return Some(());
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    if fraction.len() > MOST_SCALE {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = format!("{}{whole}", "0".repeat(whole.len().next_multiple_of(GROUP) - whole.len()));
    let padding = fraction.len().next_multiple_of(GROUP) - fraction.len();
    let padded = format!("{whole}{fraction}{}", "0".repeat(padding));
    let groups: Vec<u16> = padded
        .as_bytes()
        .chunks(GROUP)
        .map(|group| group.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0')))
        .collect();
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let significant = groups.get(leading..).unwrap_or_default();
    let trailing = significant.iter().rev().take_while(|group| **group == 0).count();
    let significant = significant.get(..significant.len() - trailing).unwrap_or_default();
    let weight = i16::try_from(whole.len() / GROUP).ok()? - 1 - i16::try_from(leading).ok()?;
    let weight = if significant.is_empty() { 0 } else { weight };
    let sign = if negative && !significant.is_empty() { NEGATIVE } else { 0 };
    let scale = u16::try_from(fraction.len()).ok()?;
    put(out, &[u16::try_from(significant.len()).ok()?, weight.cast_unsigned(), sign, scale]);
    put(out, significant);
    Some(())
}

fn put(out: &mut BytesMut, fields: &[u16]) {
    for field in fields {
        out.put_u16(*field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(text: &str) -> String {
        let mut out = BytesMut::new();
        encode(text, &mut out).unwrap();
        decode(&out).unwrap()
    }

    #[test]
    fn keeps_every_digit() {
        for text in [
            "0",
            "1",
            "-1",
            "10000",
            "9999",
            "123456789",
            "0.1",
            "0.0001",
            "0.00001",
            "-12345.67890",
            "1.50",
            "100000000",
            "NaN",
            "99999999999999999999999999999999999999.00000000000000000000000000001",
        ] {
            assert_eq!(there_and_back(text), text);
        }
    }

    #[test]
    fn reads_other_spellings() {
        assert_eq!(there_and_back("+007"), "7");
        assert_eq!(there_and_back(".5"), "0.5");
        assert_eq!(there_and_back("5."), "5");
        assert_eq!(there_and_back("-0.00"), "0.00");
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in ["", "-", ".", "1e5", "1 ", "0x1", "1.2.3", "--1"] {
            assert!(encode(text, &mut BytesMut::new()).is_none(), "{text}");
        }
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 1]), None);
    }

    #[test]
    fn knows_the_infinite() {
        assert_eq!(decode(&[0, 0, 0, 0, 0xD0, 0, 0, 0]).unwrap(), "Infinity");
        assert_eq!(decode(&[0, 0, 0, 0, 0xF0, 0, 0, 0]).unwrap(), "-Infinity");
    }
}
