//! A component that does what the runtime's tests ask for: by HTTP, by Redis message and by the clock.
//!
//! It exists as WebAssembly only: a native linker could not name its exports.

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the generated bindings of its exports")]
mod component;
