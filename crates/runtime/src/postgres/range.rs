//! Ranges between the guest's types and the server's binary form.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::IsNull;

use crate::bindings::postgres::RangeBoundKind;

type Failure = Box<dyn Error + Sync + Send>;
type Bound<T> = Option<(T, RangeBoundKind)>;

/// The guest's form: a bound that is missing is infinite.
pub(super) type Bounds<T> = (Bound<T>, Bound<T>);

// The server's flags.
const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

/// Reads the server's form.
///
/// The guest's form has no empty range; one is refused rather than shown as the infinite one.
pub(super) fn decode<T>(raw: &[u8], value: impl Fn(&[u8]) -> Result<T, Failure>) -> Result<Bounds<T>, Failure> {
    let (flags, rest) = raw.split_first().ok_or("invalid range")?;
    if flags & EMPTY != 0 {
        return Err("Spin has no value for an empty range".into());
    }
    let kind = |flag| if flags & flag != 0 { RangeBoundKind::Inclusive } else { RangeBoundKind::Exclusive };
    let mut rest = rest;
    let mut next = |infinite, inclusive| {
        if flags & infinite != 0 {
            return Ok(None);
        }
        let (length, after) = rest.split_first_chunk().ok_or("invalid range")?;
        let length = usize::try_from(i32::from_be_bytes(*length))?;
        let (raw, after) = after.split_at_checked(length).ok_or("invalid range")?;
        rest = after;
        Ok::<_, Failure>(Some((value(raw)?, kind(inclusive))))
    };
    Ok((next(LOWER_INFINITE, LOWER_INCLUSIVE)?, next(UPPER_INFINITE, UPPER_INCLUSIVE)?))
}

/// Writes the server's form.
pub(super) fn encode<T>(
    (lower, upper): &Bounds<T>,
    out: &mut BytesMut,
    value: impl Fn(&T, &mut BytesMut) -> Result<(), Failure>,
) -> Result<IsNull, Failure> {
    let flag = |bound: &Bound<T>, inclusive, infinite| match bound {
        None => infinite,
        Some((_, RangeBoundKind::Inclusive)) => inclusive,
        Some((_, RangeBoundKind::Exclusive)) => 0,
    };
    out.put_u8(flag(lower, LOWER_INCLUSIVE, LOWER_INFINITE) | flag(upper, UPPER_INCLUSIVE, UPPER_INFINITE));
    for (bound, _) in [lower, upper].into_iter().flatten() {
        let mut raw = BytesMut::new();
        value(bound, &mut raw)?;
        out.put_i32(i32::try_from(raw.len())?);
        out.put_slice(&raw);
    }
    Ok(IsNull::No)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(bounds: Bounds<i32>) -> Bounds<i32> {
        let mut out = BytesMut::new();
        encode(&bounds, &mut out, |value, out| {
            out.put_i32(*value);
            Ok(())
        })
        .unwrap();
        decode(&out, |raw| Ok(i32::from_be_bytes(raw.try_into()?))).unwrap()
    }

    #[test]
    fn keeps_its_bounds() {
        use RangeBoundKind::{Exclusive, Inclusive};
        let table: [Bounds<i32>; 4] = [
            (None, None),
            (Some((1, Inclusive)), Some((5, Exclusive))),
            (None, Some((-5, Inclusive))),
            (Some((7, Exclusive)), None),
        ];
        for bounds in table {
            let back = there_and_back(bounds);
            assert_eq!(format!("{back:?}"), format!("{bounds:?}"));
        }
    }

    #[test]
    fn refuses_what_is_cut_short() {
        let read = |raw: &[u8]| decode(raw, |raw| Ok(raw.len()));
        assert!(read(&[]).is_err());
        assert!(read(&[EMPTY]).is_err());
        assert!(read(&[0, 0, 0]).is_err());
        assert!(read(&[0, 0, 0, 0, 9, 1]).is_err());
    }
}
