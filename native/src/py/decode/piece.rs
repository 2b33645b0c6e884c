//! Parts that Pydantic reads: a validator of its own for just that part is given the part's text.

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;

use super::draft::Span;
use super::node::Piece;
use super::reader::{Call, Miss, Read, Reader};
use crate::py::object::Owned;
use crate::py::stack;
use crate::source::Source;

impl<'p, 't, S: Source<'t>> Reader<'p, 't, S> {
    /// Read a part that runs no code of the user's. What Pydantic says of it is dropped if it is no value: it will be
    /// asked for the whole document then.
    pub(super) fn piece(&mut self, piece: &'p Piece) -> Read<Owned> {
        let Span { start, end } = self.piece_span()?;
        if stack::remaining() < self.plan.part_stack {
            return Err(Miss::Unknown);
        }
        let text = self.cursor.json(start, end).ok_or(Miss::Unknown)?;
        validate(piece, &text, self.call).ok_or_else(|| {
            // SAFETY: the validator raised, so an exception is set.
            self.is_interrupted = unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_Exception) == 0 };
            if self.is_interrupted { Miss::Unknown } else { super::reader::out_of_memory() }
        })
    }

    /// Skip a part that Pydantic can read from its JSON text.
    pub(super) fn piece_span(&mut self) -> Read<Span> {
        self.every_value_counts()?;
        let levels = self.levels;
        Ok(self.spanned(|reader| reader.cursor.skip_value(levels).ok_or(Miss::Unknown))?.1)
    }
}

/// Let the part's validator read its text. `None` if it raised.
pub(super) fn validate(piece: &Piece, text: &[u8], call: Call) -> Option<Owned> {
    // SAFETY: pointer and length are of one slice.
    let text = unsafe {
        Owned::from_new(ffi::PyBytes_FromStringAndSize(text.as_ptr().cast(), text.len() as ffi::Py_ssize_t))?
    };
    self::call(&piece.validate, &text, call)
}

/// Call a method of a validator with what the caller gave. `None` if it raised.
pub(super) fn call(validate: &Py<PyAny>, value: &Owned, call: Call) -> Option<Owned> {
    // SAFETY: the GIL is held; validator, value and arguments are alive for the call.
    unsafe {
        let py = Python::assume_attached();
        let strict = if call.strict.is_null() { ffi::Py_None() } else { call.strict };
        let arguments = [value.as_ptr(), strict, call.context];
        let (first, second) = (intern!(py, "strict").as_ptr(), intern!(py, "context").as_ptr());
        let names = Owned::from_new(ffi::PyTuple_Pack(2, first, second))?;
        Owned::from_new(ffi::PyObject_Vectorcall(validate.as_ptr(), arguments.as_ptr(), 1, names.as_ptr()))
    }
}
