//! A request for a connection.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Extensions, HeaderMap};

/// A request to negotiate or to connect: all that a hub may know of a client before it lets it in.
pub struct Request<'a> {
    parts: &'a Parts,
    query: Query,
}

/// What a client says in its query. The text itself is never logged: it may hold a token.
#[derive(Default)]
pub(crate) struct Query {
    pub(crate) id: Option<String>,
    pub(crate) access_token: Option<String>,
    pub(crate) negotiate_version: Option<String>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(parts: &'a Parts) -> Self {
        Self { parts, query: Query::read(parts.uri.query()) }
    }

    /// Its headers.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        &self.parts.headers
    }

    /// What whoever accepted it has attached.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        &self.parts.extensions
    }

    /// The bearer token: from the header, or from the query's `access_token`, as browsers must.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let header = self.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer =
            header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = bearer.map(|(_, token)| token.trim()).or(self.query.access_token.as_deref());
        token.filter(|token| !token.is_empty())
    }

    pub(crate) fn query(&self) -> &Query {
        &self.query
    }
}

impl Query {
    pub(crate) fn read(query: Option<&str>) -> Self {
        let mut read = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let place = match &*name {
                "id" => &mut read.id,
                "access_token" => &mut read.access_token,
                "negotiateVersion" => &mut read.negotiate_version,
                _ => continue,
            };
            // Of two equal names the reference makes "a,b", which is neither.
            *place = Some(match place.take() {
                Some(first) => format!("{first},{value}"),
                None => value.into_owned(),
            });
        }
        read
    }
}
