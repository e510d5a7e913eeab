//! Headers as the interfaces of `hubline:functions` have them: names and values.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Reads what a component says.
///
/// # Errors
/// A name or a value is not what HTTP has there.
pub(crate) fn read(list: Vec<(String, Vec<u8>)>) -> Result<HeaderMap, http::Error> {
    let mut headers = HeaderMap::with_capacity(list.len());
    for (name, value) in list {
        headers.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::try_from(value)?);
    }
    Ok(headers)
}

/// Says them to a component.
pub(crate) fn list(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}
