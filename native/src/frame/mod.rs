//! The sealed frame: its header and its check, without any knowledge of Python.
//!
//! `pydantic_serialization/frame.py` has the layout, `envelope.py` the rules. What is not valid here gives `None`: the
//! implementation in Python then says what is wrong.

pub mod header;
pub mod tag;
