//! MessagePack: writing and reading it, without any knowledge of Python.
//!
//! <https://github.com/msgpack/msgpack/blob/master/spec.md>

pub mod cursor;
pub mod json;
pub mod measure;
pub mod source;
pub mod write;
