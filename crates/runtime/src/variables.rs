//! `spin:variables`: what the manifest gives a component to know.

use wasmtime::component::{Accessor, HasSelf};

use crate::bindings::variables::{Error, Host, HostWithStore};
use crate::state::State;

impl Host for State {}

impl<T: Send> HostWithStore<T> for HasSelf<State> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, Error>> {
        let scope = accessor.with(|mut access| access.get().scope.clone());
        if let Some(value) = scope.variables.get(&name) {
            return Ok(Ok(value.clone()));
        }
        let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        Ok(Err(match valid {
            true => Error::Undefined(format!("no variable for {:?}.{name:?}", scope.name)),
            false => Error::InvalidName(format!("{name:?} is not in lower_snake_case")),
        }))
    }
}
