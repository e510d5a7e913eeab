//! The hubline command.

fn main() {}
