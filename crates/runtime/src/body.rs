//! Waiting for all of a body.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use wasmtime_wasi_http::{Error, WasiBody};

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Incomplete {
    /// It is longer than it may be.
    #[error("the body is too long")]
    TooLong,
    /// Whoever wrote it broke off.
    #[error("the body breaks off: {0}")]
    Broken(String),
}

/// Reads a body of at most so many bytes.
///
/// One whose headers say how long it is has ended when that is there. To hear so from the guest as well would take it one
/// more turn, and whoever asked would wait for that.
pub(crate) async fn whole(headers: &HeaderMap, body: WasiBody, most: usize) -> Result<Bytes, Incomplete> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut body = pin!(Limited::new(body, most));
    let mut pieces = Pieces::default();
    while announced.is_none_or(|length| pieces.length() < length)
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => Incomplete::Broken(error.to_string()),
            Err(error) if error.is::<LengthLimitError>() => Incomplete::TooLong,
            Err(error) => Incomplete::Broken(error.to_string()),
        })?;
        if let Ok(piece) = frame.into_data() {
            pieces.push(piece);
        }
    }
    Ok(pieces.joined())
}

/// What has been read. Most bodies come in one piece, which is then not copied.
#[derive(Default)]
enum Pieces {
    #[default]
    None,
    One(Bytes),
    More(BytesMut),
}

impl Pieces {
    fn length(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(piece) => piece.len(),
            Self::More(pieces) => pieces.len(),
        }
    }

    fn push(&mut self, piece: Bytes) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(piece),
            Self::One(first) => {
                let mut pieces = BytesMut::from(first);
                pieces.extend_from_slice(&piece);
                Self::More(pieces)
            }
            Self::More(mut pieces) => {
                pieces.extend_from_slice(&piece);
                Self::More(pieces)
            }
        };
    }

    fn joined(self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::One(piece) => piece,
            Self::More(pieces) => pieces.freeze(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream::{self, StreamExt};
    use http::HeaderValue;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    /// A body of these pieces, which then neither ends nor goes on.
    fn unended(pieces: &'static [&'static str]) -> WasiBody {
        let frames = stream::iter(pieces).map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
        StreamBody::new(frames.chain(stream::pending())).boxed_unsync()
    }

    /// A body of these pieces.
    fn ended(pieces: &'static [&'static str]) -> WasiBody {
        let frames = stream::iter(pieces).map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
        StreamBody::new(frames).boxed_unsync()
    }

    fn announcing(length: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static(length))])
    }

    #[tokio::test]
    async fn a_body_ends_where_it_says_or_where_it_does() {
        let none = HeaderMap::new();
        assert_eq!(whole(&none, ended(&[]), 9).await.unwrap(), "");
        assert_eq!(whole(&none, ended(&["one"]), 9).await.unwrap(), "one");
        assert_eq!(whole(&none, ended(&["one", "two", "six"]), 9).await.unwrap(), "onetwosix");
        for (length, pieces, text) in [("3", &["one"][..], "one"), ("6", &["one", "two"], "onetwo"), ("0", &[], "")] {
            assert_eq!(whole(&announcing(length), unended(pieces), 9).await.unwrap(), text);
        }
        let waits = tokio::time::timeout(Duration::from_millis(20), async {
            whole(&announcing("4"), unended(&["one"]), 9).await.map(drop)
        });
        assert!(waits.await.is_err(), "a byte is missing");
    }

    #[tokio::test]
    async fn a_long_or_broken_body_is_none() {
        let long = whole(&HeaderMap::new(), ended(&["one", "two"]), 5).await;
        assert!(matches!(long, Err(Incomplete::TooLong)));
        let frames = stream::iter([Ok(Frame::data(Bytes::from_static(b"one"))), Err(Error::ConnectionTerminated)]);
        let broken = whole(&announcing("6"), StreamBody::new(frames).boxed_unsync(), 9).await;
        assert!(matches!(broken, Err(Incomplete::Broken(_))));
    }
}
