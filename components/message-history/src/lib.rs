//! The message-history component.
