//! JSON text: writing and reading it, without any knowledge of Python.

pub mod binary_text;
pub mod cursor;
pub mod escape;
pub mod measure;
pub mod members;
pub mod number;
pub mod raw_number;
pub mod source;
pub mod temporal_read;
pub mod temporal_text;
pub mod unescape;
