//! `spin:variables`, and its elder `fermyon:spin/variables`: what the manifest gives a component to know.

use wasmtime::component::{Accessor, HasSelf};

use crate::bindings::{synchronous_variables, variables};
use crate::scope::Scope;
use crate::state::State;

/// Why there is no value.
enum Missing {
    Undefined(String),
    InvalidName(String),
}

fn value(scope: &Scope, name: &str) -> Result<String, Missing> {
    if let Some(value) = scope.variables.get(name) {
        return Ok(value.clone());
    }
    let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    Err(match valid {
        true => Missing::Undefined(format!("no variable for {:?}.{name:?}", scope.name)),
        false => Missing::InvalidName(format!("{name:?} is not in lower_snake_case")),
    })
}

impl variables::Host for State {}

impl<T: Send> variables::HostWithStore<T> for HasSelf<State> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, variables::Error>> {
        let scope = accessor.with(|mut access| access.get().scope.clone());
        Ok(value(&scope, &name).map_err(|missing| match missing {
            Missing::Undefined(text) => variables::Error::Undefined(text),
            Missing::InvalidName(text) => variables::Error::InvalidName(text),
        }))
    }
}

/// The clock's call may not wait for an asynchronous import, so it asks here.
impl synchronous_variables::Host for State {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, synchronous_variables::Error>> {
        Ok(value(&self.scope, &name).map_err(|missing| match missing {
            Missing::Undefined(text) => synchronous_variables::Error::Undefined(text),
            Missing::InvalidName(text) => synchronous_variables::Error::InvalidName(text),
        }))
    }
}
