//! The message-purge component.
