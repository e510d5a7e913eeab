//! What a statement does to the connection that runs it.

/// Whether the next statement must meet the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It leaves nothing behind: any connection will do for the next one.
    None,
    /// It opens a transaction.
    Begin,
    /// It ends one.
    End,
    /// It changes the session for good: nobody else may get this connection.
    Session,
}

/// Tells by the first words. What a called function does to its session cannot be seen from here.
pub(crate) fn effect(statement: &str) -> Effect {
    let mut words = Words { rest: statement };
    let first = words.next().unwrap_or_default();
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    if is("begin") || is("start") {
        return Effect::Begin;
    }
    if is("commit") || is("end") || is("rollback") || is("abort") {
        // `rollback to savepoint` and `commit and chain` stay within a transaction.
        let stays = words.any(|word| ["to", "chain", "prepared"].iter().any(|stay| word.eq_ignore_ascii_case(stay)));
        return if stays { Effect::None } else { Effect::End };
    }
    if is("set") {
        let local = words.next().is_some_and(|word| word.eq_ignore_ascii_case("local"));
        return if local { Effect::None } else { Effect::Session };
    }
    let session = ["reset", "listen", "unlisten", "prepare", "deallocate", "discard", "load", "declare"];
    match session.iter().any(|word| is(word)) {
        true => Effect::Session,
        false => Effect::None,
    }
}

/// The bare words of a statement, comments passed over.
struct Words<'s> {
    rest: &'s str,
}

impl<'s> Iterator for Words<'s> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        loop {
            let rest = self.rest.trim_start();
            self.rest = if let Some(comment) = rest.strip_prefix("--") {
                comment.split_once('\n').map_or("", |(_, after)| after)
            } else if let Some(comment) = rest.strip_prefix("/*") {
                comment.split_once("*/").map_or("", |(_, after)| after)
            } else {
                break;
            };
        }
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        self.rest = after;
        (!word.is_empty()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_by_the_first_words() {
        for (statement, expected) in [
            ("select 1", Effect::None),
            ("", Effect::None),
            ("  -- begin\n /* begin */ with x as (select 1) select * from x", Effect::None),
            ("begin", Effect::Begin),
            ("/* why */ START TRANSACTION isolation level serializable", Effect::Begin),
            ("commit;", Effect::End),
            ("END", Effect::End),
            ("rollback", Effect::End),
            ("rollback to savepoint a", Effect::None),
            ("commit and chain", Effect::None),
            ("set role x", Effect::Session),
            ("set local role x", Effect::None),
            ("listen c", Effect::Session),
            ("beginning", Effect::None),
            ("-- only a comment", Effect::None),
        ] {
            assert_eq!(effect(statement), expected, "{statement}");
        }
    }
}
