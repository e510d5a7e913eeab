//! The arguments of an invocation.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The arguments of an invocation, raw until the method that is invoked binds them.
#[derive(Clone, Debug)]
pub struct Arguments<'a> {
    values: Vec<&'a RawValue>,
}

/// Arguments that don't fit the method. The invocation fails; the connection goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BindError {
    /// Too few or too many.
    #[error("InvalidDataException: Invocation provides {given} argument(s) but target expects {expected}.")]
    Count {
        /// How many there are.
        given: usize,
        /// How many the method takes.
        expected: usize,
    },
    /// Another value than the method takes. To the reference's words it adds which.
    #[error(
        "InvalidDataException: Error binding arguments. Make sure that the types of the provided values match the types \
         of the hub method being invoked. The argument '{argument}' must be {expected}."
    )]
    Value {
        /// The argument's name, or that of one of its properties: `message.body`.
        argument: &'static str,
        /// What it must be: `a string`.
        expected: &'static str,
    },
}

impl<'a> Arguments<'a> {
    /// Arguments in order.
    #[must_use]
    pub fn new(values: Vec<&'a RawValue>) -> Self {
        Self { values }
    }

    /// The arguments as raw JSON.
    #[must_use]
    pub fn raw(&self) -> &[&'a RawValue] {
        &self.values
    }

    /// Checks that there are as many as a method takes.
    ///
    /// # Errors
    /// Returns [`BindError::Count`] with the nearest number that would do.
    pub fn expect(&self, at_least: usize, at_most: usize) -> Result<(), BindError> {
        let given = self.values.len();
        if (at_least..=at_most).contains(&given) {
            Ok(())
        } else {
            Err(BindError::Count { given, expected: given.clamp(at_least, at_most) })
        }
    }

    /// One argument as JSON; a missing one reads like `null`.
    #[must_use]
    pub fn json(&self, index: usize) -> &'a str {
        self.values.get(index).map_or("null", |raw| raw.get())
    }

    /// One argument as a value of Rust; a missing one reads like `null`. Its name and what it must be are for the error.
    ///
    /// # Errors
    /// Returns [`BindError::Value`] when it is another kind of value.
    pub fn bind<T: Deserialize<'a>>(
        &self,
        index: usize,
        argument: &'static str,
        expected: &'static str,
    ) -> Result<T, BindError> {
        serde_json::from_str(self.json(index)).map_err(|_| BindError::Value { argument, expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_arguments_may_be_null_or_missing() {
        let raw: Vec<&RawValue> = serde_json::from_str(r#"["a", null]"#).unwrap();
        let arguments = Arguments::new(raw);
        assert_eq!(arguments.expect(1, 3), Ok(()));
        assert_eq!(arguments.bind::<&str>(0, "id", "a string"), Ok("a"));
        for index in [1, 2] {
            assert_eq!(arguments.bind::<Option<i64>>(index, "seq", "a number"), Ok(None));
            assert_eq!(arguments.json(index), "null");
        }
        assert_eq!(
            arguments.bind::<i64>(0, "seq", "a number"),
            Err(BindError::Value { argument: "seq", expected: "a number" })
        );
    }

    #[test]
    fn the_count_is_named() {
        let arguments = Arguments::new(Vec::new());
        assert_eq!(
            arguments.expect(1, 3).unwrap_err().to_string(),
            "InvalidDataException: Invocation provides 0 argument(s) but target expects 1."
        );
    }
}
