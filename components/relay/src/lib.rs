//! The relay component.
