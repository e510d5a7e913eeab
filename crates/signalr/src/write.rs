//! Writing JSON into the caller's buffer.

use serde::Serialize;

use crate::SEPARATOR;

/// Appends a message and its separator.
pub(crate) fn message(out: &mut Vec<u8>, fields: &impl Serialize) {
    let start = out.len();
    // Writing to memory can't fail, and a value of this crate or raw JSON always has an encoding. Should a caller's own
    // type refuse to be written, half a message must not go out.
    if serde_json::to_writer(&mut *out, fields).is_err() {
        out.truncate(start);
    } else {
        out.push(SEPARATOR);
    }
}
