//! Runs the components of a Spin manifest in this process.
