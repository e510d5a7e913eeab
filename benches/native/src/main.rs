//! The native comparison server.

fn main() {}
