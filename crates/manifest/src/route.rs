//! Routes of HTTP triggers, matched as Spin matches them.

use std::fmt;

/// A path with holes: `/v1/things/:id` takes one segment, `/static/...` the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    segments: Vec<Segment>,
    rest: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Named(String),
}

/// What a path put into a route's holes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures<'p> {
    /// The named segments, as they stand in the path.
    pub named: Vec<(String, &'p str)>,
    /// What `/...` took, with its leading slash; empty for other routes.
    pub rest: &'p str,
}

impl Route {
    /// Reads a route.
    ///
    /// # Errors
    /// A route that does not begin with `/`, or has `...` elsewhere than as its last segment, or a name twice or empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix('/').ok_or_else(|| format!("route `{text}` does not begin with `/`"))?;
        let mut segments = Vec::new();
        let mut rest = false;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if rest {
                return Err(format!("route `{text}` goes on after `...`"));
            }
            match part.strip_prefix(':') {
                _ if part == "..." => rest = true,
                Some(name) if name.is_empty() || !name.chars().all(is_name) => {
                    return Err(format!("route `{text}` has a segment with no valid name"));
                }
                Some(name) if segments.contains(&Segment::Named(name.to_owned())) => {
                    return Err(format!("route `{text}` has `:{name}` twice"));
                }
                Some(name) => segments.push(Segment::Named(name.to_owned())),
                None if part.contains(['*', '?', '#']) => {
                    return Err(format!("route `{text}` has a character that no path segment has"));
                }
                None => segments.push(Segment::Literal(part.to_owned())),
            }
        }
        Ok(Self { segments, rest })
    }

    /// Compares a path with the route, segment by segment; a slash at the end makes no difference.
    #[must_use]
    pub fn captures<'p>(&self, path: &'p str) -> Option<Captures<'p>> {
        let mut left = path.trim_end_matches('/');
        let mut named = Vec::new();
        for segment in &self.segments {
            let after = left.strip_prefix('/')?;
            let (part, after) = after.split_at(after.find('/').unwrap_or(after.len()));
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Named(name) if !part.is_empty() => named.push((name.clone(), part)),
                Segment::Literal(_) | Segment::Named(_) => return None,
            }
            left = after;
        }
        if self.rest {
            return Some(Captures { named, rest: left });
        }
        left.is_empty().then_some(Captures { named, rest: "" })
    }

    /// Sorts routes so that the first that matches is the most specific one: literal before named before rest,
    /// decided at the first segment that differs.
    #[must_use]
    pub fn specificity(&self) -> Vec<u8> {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Named(_) => 1,
        };
        self.segments.iter().map(rank).chain(self.rest.then_some(2)).collect()
    }

    /// Whether two routes match exactly the same paths.
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        self.rest == other.rest
            && self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(|pair| match pair {
                (Segment::Literal(one), Segment::Literal(two)) => one == two,
                (Segment::Named(_), Segment::Named(_)) => true,
                _ => false,
            })
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Named(name) => write!(f, "/:{name}")?,
            }
        }
        match (self.rest, self.segments.is_empty()) {
            (true, _) => f.write_str("/..."),
            (false, true) => f.write_str("/"),
            (false, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best<'r>(routes: &[&'r str], path: &str) -> Option<&'r str> {
        let mut parsed: Vec<_> = routes.iter().map(|text| (Route::parse(text).unwrap(), *text)).collect();
        parsed.sort_by_key(|(route, _)| route.specificity());
        parsed.into_iter().find(|(route, _)| route.captures(path).is_some()).map(|(_, text)| text)
    }

    #[test]
    fn the_most_specific_route_wins() {
        let routes = ["/...", "/v1/things/:id", "/v1/things/:id/parts", "/v1/things/all", "/v1/...", "/v1"];
        for (path, expected) in [
            ("/", "/..."),
            ("/index.html", "/..."),
            ("/v1", "/v1"),
            ("/v1/", "/v1"),
            ("/v1/other", "/v1/..."),
            ("/v1/things", "/v1/..."),
            ("/v1/things/7", "/v1/things/:id"),
            ("/v1/things/7/", "/v1/things/:id"),
            ("/v1/things/all", "/v1/things/all"),
            ("/v1/things/7/parts", "/v1/things/:id/parts"),
            ("/v1/things/7/parts/8", "/v1/..."),
            ("/v1/things//parts", "/v1/..."),
        ] {
            assert_eq!(best(&routes, path), Some(expected), "{path}");
        }
        assert_eq!(best(&["/a", "/b/:c"], "/c"), None);
        assert_eq!(best(&["/a", "/b/:c"], "/b/"), None);
    }

    #[test]
    fn captures_what_the_holes_took() {
        let route = Route::parse("/v1/:kind/:id/...").unwrap();
        let captures = route.captures("/v1/things/a%2Fb/x/y").unwrap();
        assert_eq!(captures.named, [("kind".to_owned(), "things"), ("id".to_owned(), "a%2Fb")]);
        assert_eq!(captures.rest, "/x/y");
        assert_eq!(route.captures("/v1/things/7").unwrap().rest, "");
    }

    #[test]
    fn refuses_what_is_no_route() {
        for text in ["", "v1", "/.../x", "/:", "/:a/:a", "/:a b", "/*", "/a?b"] {
            assert!(Route::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shows_itself() {
        for text in ["/", "/...", "/a/:b", "/a/..."] {
            assert_eq!(Route::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn knows_its_like() {
        let like = |one, two| Route::parse(one).unwrap().equivalent(&Route::parse(two).unwrap());
        assert!(like("/a/:b", "/a/:c/"));
        assert!(!like("/a/:b", "/a/..."));
        assert!(!like("/a/b", "/a/c"));
    }
}
