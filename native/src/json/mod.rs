//! JSON text: writing and reading it, without any knowledge of Python.

pub mod cursor;
pub mod temporal_read;
pub mod unescape;
