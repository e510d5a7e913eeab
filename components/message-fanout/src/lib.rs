//! The message-fanout component.
