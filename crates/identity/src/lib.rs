//! Tokens and roles.
