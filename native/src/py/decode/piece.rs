//! Parts that Pydantic reads: a validator of its own for just that part is given the part's text.

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;

use super::node::Piece;
use super::reader::{Call, Miss, Read, Reader};
use crate::py::object::Owned;

impl<'p> Reader<'p, '_> {
    /// Read a part that runs no code of the user's. What Pydantic says of it is dropped if it is no value: it will be
    /// asked for the whole document then.
    pub(super) fn piece(&mut self, piece: &'p Piece) -> Read<Owned> {
        self.cursor.peek();
        let start = self.cursor.position();
        self.cursor.skip_value(self.levels).ok_or(Miss::Unknown)?;
        let text = self.cursor.slice(start, self.cursor.position());
        validate(piece, text, self.call).ok_or_else(super::reader::out_of_memory)
    }
}

/// Call the part's validator. `None` if it raised.
pub(super) fn validate(piece: &Piece, text: &[u8], call: Call) -> Option<Owned> {
    // SAFETY: the GIL is held; validator, text and arguments are alive for the call.
    unsafe {
        let py = Python::assume_attached();
        let text =
            Owned::from_new(ffi::PyBytes_FromStringAndSize(text.as_ptr().cast(), text.len() as ffi::Py_ssize_t))?;
        let strict = if call.strict.is_null() { ffi::Py_None() } else { call.strict };
        let arguments = [text.as_ptr(), strict, call.context];
        let names = [intern!(py, "strict").as_ptr(), intern!(py, "context").as_ptr()];
        let keywords = Owned::from_new(ffi::PyTuple_Pack(2, names[0], names[1]))?;
        let result = ffi::PyObject_Vectorcall(piece.validate.as_ptr(), arguments.as_ptr(), 1, keywords.as_ptr());
        Owned::from_new(result)
    }
}
