//! The conversation component.
