//! Text, numbers, bytes, truth values and None.

use pyo3::ffi;
use pyo3::prelude::*;

use super::reader::{Miss, Read, Reader, owned};
use crate::py::decode::reader::new_ascii;
use crate::py::object::Owned;
use crate::py::pickle::tag;

impl Reader<'_> {
    /// Read what is neither a container nor a model.
    #[inline]
    pub(super) fn scalar(&mut self, first: u8) -> Read<Owned> {
        // SAFETY: functions of the interpreter that make objects; the GIL is held.
        unsafe {
            match first {
                tag::SHORT..tag::UNUSED => self.take((first - tag::SHORT).into()).and_then(new_text),
                tag::SMALL..tag::SHORT => owned(ffi::PyLong_FromLong((first - tag::SMALL).into())),
                tag::NONE => Ok(Owned::from_borrowed(ffi::Py_None())),
                tag::TRUE => Ok(Owned::from_borrowed(ffi::Py_True())),
                tag::FALSE => Ok(Owned::from_borrowed(ffi::Py_False())),
                tag::INTEGER => {
                    let number = self.number()?;
                    owned(ffi::PyLong_FromLongLong((number >> 1) as i64 ^ -((number & 1) as i64)))
                }
                tag::LONG => self.long(),
                tag::FLOAT => owned(ffi::PyFloat_FromDouble(f64::from_le_bytes(self.fixed()?))),
                tag::TEXT => self.counted().and_then(new_text),
                tag::KEPT_TEXT => {
                    let text = self.counted().and_then(new_text)?;
                    self.keep(&text, true);
                    Ok(text)
                }
                tag::BYTES => {
                    let bytes = self.counted()?;
                    owned(ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), bytes.len() as ffi::Py_ssize_t))
                }
                tag::MEMBER => self.member(),
                tag::UUID => self.uuid(),
                tag::DECIMAL => self.decimal(),
                tag::DATE | tag::DATETIME | tag::TIME | tag::TIMEDELTA => self.moment(first),
                _ => Err(Miss::Malformed),
            }
        }
    }

    #[cold]
    fn long(&mut self) -> Read<Owned> {
        let bytes = self.counted()?;
        // SAFETY: the GIL is held.
        let py = unsafe { Python::assume_attached() };
        let number = || -> PyResult<Bound<'_, PyAny>> {
            let options = pyo3::types::PyDict::new(py);
            options.set_item("signed", true)?;
            let bytes = pyo3::types::PyBytes::new(py, bytes);
            py.get_type::<pyo3::types::PyInt>().call_method("from_bytes", (bytes, "little"), Some(&options))
        };
        match number() {
            // SAFETY: a reference that is given away.
            Ok(number) => unsafe { owned(number.into_ptr()) },
            Err(error) => {
                error.restore(py);
                Err(Miss::Raised)
            }
        }
    }
}

#[inline]
pub(super) fn new_text(bytes: &[u8]) -> Read<Owned> {
    if bytes.is_ascii() {
        return new_ascii(bytes).ok_or(Miss::Raised);
    }
    // SAFETY: so many bytes are there.
    let text = unsafe {
        let size = bytes.len() as ffi::Py_ssize_t;
        Owned::from_new(ffi::PyUnicode_DecodeUTF8(bytes.as_ptr().cast(), size, std::ptr::null()))
    };
    text.ok_or_else(|| {
        // SAFETY: the GIL is held.
        unsafe {
            let is_text = ffi::PyErr_ExceptionMatches(ffi::PyExc_UnicodeDecodeError) == 0;
            if is_text {
                return Miss::Raised;
            }
            ffi::PyErr_Clear();
        }
        Miss::Malformed
    })
}
