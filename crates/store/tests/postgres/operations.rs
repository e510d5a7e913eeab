//! The database of operations.

mod alerts;
mod audit;
mod commits;
mod office;
mod privileges;
mod work;
