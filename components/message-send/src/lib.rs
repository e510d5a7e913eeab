//! The message-send component.
