//! Variables of repositories and environments, which can be read back: the revision of a secret that can't.

use serde::Deserialize;
use serde_json::json;

use super::{GitHub, GithubError, SecretPlace, read, rejection};
use crate::{Method, Request, Response, address};

/// What came of writing a variable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VariableWrite {
    /// It has the value.
    Written,
    /// There is no such variable: it must be created.
    Missing,
}

impl GitHub {
    /// Writes a variable that is there. Read the answer with [`read_variable_write`].
    #[must_use]
    pub fn write_variable(&self, place: SecretPlace<'_>, name: &str, value: &str) -> Request {
        let path = format!("{}/{}", place.path("variables"), address::escaped(name));
        self.of(Method::Patch, place.repository, &path).json(&json!({"name": name, "value": value}))
    }

    /// Creates a variable. Read the answer with [`read_variable_creation`].
    #[must_use]
    pub fn create_variable(&self, place: SecretPlace<'_>, name: &str, value: &str) -> Request {
        self.of(Method::Post, place.repository, &place.path("variables")).json(&json!({"name": name, "value": value}))
    }

    /// Reads a variable. Read the answer with [`read_variable`].
    #[must_use]
    pub fn variable(&self, place: SecretPlace<'_>, name: &str) -> Request {
        self.of(Method::Get, place.repository, &format!("{}/{}", place.path("variables"), address::escaped(name)))
    }
}

/// Reads the answer to [`GitHub::write_variable`].
///
/// # Errors
/// Returns [`GithubError`].
pub fn read_variable_write(response: &Response) -> Result<VariableWrite, GithubError> {
    match response.status {
        204 => Ok(VariableWrite::Written),
        404 => Ok(VariableWrite::Missing),
        _ => Err(rejection(response).into()),
    }
}

/// Reads the answer to [`GitHub::create_variable`].
///
/// # Errors
/// Returns [`GithubError`]. A conflict means that it has been created meanwhile: write it.
pub fn read_variable_creation(response: &Response) -> Result<(), GithubError> {
    if response.status == 201 { Ok(()) } else { Err(rejection(response).into()) }
}

/// Reads the answer to [`GitHub::variable`]: its value, none when there is no such variable.
///
/// # Errors
/// Returns [`GithubError`].
pub fn read_variable(response: &Response) -> Result<Option<String>, GithubError> {
    #[derive(Deserialize)]
    struct Found {
        value: String,
    }
    if response.status == 404 {
        return Ok(None);
    }
    Ok(Some(read::<Found>(response, 200)?.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, github::tests::github};

    #[test]
    fn it_is_written_created_and_read_back() {
        let place = SecretPlace { repository: "team/deploy", environment: None };
        let write = github().write_variable(place, "DB_CONNECTION_REV", "r1");
        assert_eq!(
            write.subject(),
            "PATCH https://api.github.com/repos/team/deploy/actions/variables/DB_CONNECTION_REV"
        );
        let empty = |status| Response::for_test(status, &[], "{}");
        assert_eq!(read_variable_write(&empty(204)), Ok(VariableWrite::Written));
        assert_eq!(read_variable_write(&empty(404)), Ok(VariableWrite::Missing));
        assert_eq!(read_variable_creation(&empty(201)), Ok(()));
        assert_eq!(read_variable_creation(&empty(409)).unwrap_err().code(), "conflict");
        let found = Response::of_json(200, &json!({"name": "DB_CONNECTION_REV", "value": "r1"}));
        assert_eq!(read_variable(&found), Ok(Some("r1".to_owned())));
        assert_eq!(read_variable(&empty(404)), Ok(None));
    }
}
