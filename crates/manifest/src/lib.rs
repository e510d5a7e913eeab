//! The Spin manifest, read strictly.
