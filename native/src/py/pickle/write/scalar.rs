//! Text, numbers, bytes, truth values and None.

use pyo3::ffi;
use pyo3::prelude::*;

use super::block::{Block, Unsuited, Written, quietly};
use crate::py::copy::classes::{Class, Object};
use crate::py::int_object::as_i64;
use crate::py::object::Owned;
use crate::py::pickle::tag;

/// Each function has the contract of [`Block::value`].
impl Block<'_> {
    /// Write a scalar but for text; say whether it was one.
    #[inline(always)]
    pub(super) unsafe fn plain(&mut self, value: Object, class: Class) -> Result<bool, Unsuited> {
        // SAFETY: the caller's promise; the class says what the value is.
        unsafe {
            if class == &raw mut ffi::PyLong_Type {
                self.integer(value)?;
            } else if class == &raw mut ffi::PyFloat_Type {
                self.out.push(tag::FLOAT);
                self.out.extend_from_slice(&ffi::PyFloat_AS_DOUBLE(value).to_le_bytes());
            } else if value == ffi::Py_None() {
                self.out.push(tag::NONE);
            } else if class == &raw mut ffi::PyBool_Type {
                self.out.push(if value == ffi::Py_True() { tag::TRUE } else { tag::FALSE });
            } else if class == &raw mut ffi::PyBytes_Type {
                let size = ffi::PyBytes_Size(value) as usize;
                self.out.push(tag::BYTES);
                self.counted(std::slice::from_raw_parts(ffi::PyBytes_AsString(value).cast(), size));
            } else {
                return Ok(false);
            }
            Ok(true)
        }
    }

    #[inline(always)]
    unsafe fn integer(&mut self, value: Object) -> Written {
        // SAFETY: exactly an integer.
        unsafe {
            let Some(number) = as_i64(value) else {
                return self.long(value);
            };
            if (0..64).contains(&number) {
                self.out.push(tag::SMALL | number as u8);
            } else {
                self.out.push(tag::INTEGER);
                self.number(((number << 1) ^ (number >> 63)) as u64);
            }
            Ok(())
        }
    }

    #[cold]
    unsafe fn long(&mut self, value: Object) -> Written {
        // SAFETY: exactly an integer; its methods are its own.
        unsafe {
            let py = Python::assume_attached();
            let value = Bound::from_borrowed_ptr(py, value);
            let bytes = || -> PyResult<Vec<u8>> {
                let bits: usize = value.call_method0("bit_length")?.extract()?;
                let options = pyo3::types::PyDict::new(py);
                options.set_item("signed", true)?;
                value.call_method("to_bytes", (bits / 8 + 1, "little"), Some(&options))?.extract()
            };
            let bytes = quietly(bytes())?;
            self.out.push(tag::LONG);
            self.counted(&bytes);
            Ok(())
        }
    }

    /// Write text; what something else refers to is kept.
    #[inline(always)]
    pub(super) unsafe fn text(&mut self, value: Object, references: ffi::Py_ssize_t) -> Written {
        // SAFETY: exactly a string.
        unsafe {
            let is_kept = ffi::Py_REFCNT(value) > references && ffi::PyUnicode_GET_LENGTH(value) > 1;
            if is_kept && self.refer(value) {
                return Ok(());
            }
            self.new_text(value, is_kept)?;
            if is_kept {
                self.keep(value);
            }
            Ok(())
        }
    }

    pub(super) unsafe fn new_text(&mut self, value: Object, is_kept: bool) -> Written {
        // SAFETY: exactly a string. The UTF-8 of other than ASCII is made anew: a string keeps what it is asked for.
        unsafe {
            if ffi::PyUnicode_IS_COMPACT_ASCII(value) != 0 {
                let size = ffi::PyUnicode_GET_LENGTH(value) as usize;
                self.utf8(std::slice::from_raw_parts(ffi::PyUnicode_DATA(value).cast(), size), is_kept);
                return Ok(());
            }
            let Some(bytes) = Owned::from_new(ffi::PyUnicode_AsUTF8String(value)) else {
                ffi::PyErr_Clear();
                return Err(Unsuited);
            };
            let size = ffi::PyBytes_Size(bytes.as_ptr()) as usize;
            self.utf8(std::slice::from_raw_parts(ffi::PyBytes_AsString(bytes.as_ptr()).cast(), size), is_kept);
            Ok(())
        }
    }

    #[inline(always)]
    fn utf8(&mut self, bytes: &[u8], is_kept: bool) {
        if !is_kept && bytes.len() < 64 {
            self.out.push(tag::SHORT | bytes.len() as u8);
            self.out.extend_from_slice(bytes);
        } else {
            self.out.push(if is_kept { tag::KEPT_TEXT } else { tag::TEXT });
            self.counted(bytes);
        }
    }
}
