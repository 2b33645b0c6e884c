//! MessagePack: its bytes, without any knowledge of Python.
//!
//! <https://github.com/msgpack/msgpack/blob/master/spec.md>

pub mod write;
