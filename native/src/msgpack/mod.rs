//! MessagePack: writing and reading it, without any knowledge of Python.
//!
//! <https://github.com/msgpack/msgpack/blob/master/spec.md>

pub mod write;
