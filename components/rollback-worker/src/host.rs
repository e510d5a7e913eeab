//! The synchronous functions of the host, and who calls.

mod clock;
mod database;
mod ring;
mod route;
mod shift;
mod variable;
mod wire;
