//! Values with variables in them: `{{ name }}`.

use std::collections::BTreeMap;

/// A text with named holes, and the line that it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub line: usize,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

impl Template {
    /// Reads a text as Spin does: there is no way to write a literal `{{`.
    pub fn parse(text: &str, line: usize) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, expression) = match rest.split_once("{{") {
                Some((literal, after)) => (literal, Some(after)),
                None => (rest, None),
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let Some(after) = expression else { break };
            let (name, after) = after.split_once("}}").ok_or("`{{` without `}}`")?;
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = after;
        }
        Ok(Self { line, parts })
    }

    /// The variables that it needs.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The text with each variable in its place.
    ///
    /// Which variables exist was checked when the manifest was read; one that is missing all the same is empty.
    pub fn fill(&self, values: &BTreeMap<String, String>) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.as_str(),
                Part::Variable(name) => values.get(name).map_or("", String::as_str),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let values = [("a", "1"), ("b", "{{ a }}")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Template::parse(text, 1).unwrap().fill(&BTreeMap::from(values))
    }

    #[test]
    fn fills_each_hole_once() {
        for (text, expected) in [
            ("", ""),
            ("plain } text }}", "plain } text }}"),
            ("{{a}}", "1"),
            ("x {{  a  }}{{ a }} y", "x 11 y"),
            ("{{ b }}", "{{ a }}"),
        ] {
            assert_eq!(filled(text), expected, "{text}");
        }
    }

    #[test]
    fn names_what_it_needs() {
        let template = Template::parse("{{ a }}:{{ b }}", 1).unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn refuses_an_open_hole() {
        assert_eq!(Template::parse("{{ a }} {{ b", 1).unwrap_err(), "`{{` without `}}`");
    }
}
