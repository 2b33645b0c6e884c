//! Texts, numbers, bytes and other values without parts.

use pyo3::ffi;
use pyo3::prelude::*;

use crate::json::escape::{base64_length, push_base64, push_hex};
use crate::json::number::InfNan;
use crate::py::int_object::as_i64;
use crate::py::object::{Owned, forget};

use super::json_text::constant;
use super::node::{BytesMode, Class, Enum, Object, SubType};
use super::output::Output;
use super::state::{Outcome, State, Stop};

/// The UTF-8 of a string, borrowed from it; `None` for lone surrogates, which have none.
///
/// # Safety
/// The value is a live string, and stays so while the text is used.
#[inline]
pub unsafe fn text_of<'a>(value: Object) -> Option<(&'a [u8], bool)> {
    // SAFETY: a compact ASCII string holds its characters behind its header; other strings keep the UTF-8 that they are
    // asked for as long as they live.
    unsafe {
        if ffi::PyUnicode_IS_COMPACT_ASCII(value) != 0 {
            let data = value.cast::<ffi::PyASCIIObject>().add(1).cast::<u8>();
            return Some((std::slice::from_raw_parts(data, ffi::PyUnicode_GET_LENGTH(value) as usize), false));
        }
        let mut length = 0;
        let data = ffi::PyUnicode_AsUTF8AndSize(value, &raw mut length);
        if data.is_null() {
            forget();
            return None;
        }
        let text = std::slice::from_raw_parts(data.cast::<u8>(), length as usize);
        Some((text, !text.is_ascii()))
    }
}

/// Digits and sign of an integer that are surely read back.
const MOST_DIGITS: usize = 4300;

/// Each has the contract of [`State::encode`].
impl<O: Output> State<'_, O> {
    #[inline]
    pub unsafe fn encode_str<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive, and no Python code runs here.
        unsafe {
            if ffi::PyUnicode_CheckExact(value) != 0 || (STRICT && ffi::PyUnicode_Check(value) != 0) {
                return self.push_text(value);
            }
            self.encode_str_like::<STRICT>(value)
        }
    }

    #[cold]
    #[inline(never)]
    unsafe fn encode_str_like<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: as above.
        unsafe {
            if ffi::PyUnicode_Check(value) != 0 {
                return self.push_text(value);
            }
            if value == ffi::Py_None() {
                return self.null();
            }
            Err(self.refuse::<STRICT>(value))
        }
    }

    /// Write a string or an instance of a class below `str`.
    #[inline]
    pub unsafe fn push_text(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is a live string.
        let (text, wide) = unsafe { text_of(value) }.ok_or(Stop::Decline)?;
        self.out.push_text(text, wide);
        Ok(())
    }

    #[inline]
    pub unsafe fn encode_int<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive, and no Python code runs here.
        unsafe {
            if ffi::PyLong_CheckExact(value) != 0 {
                return self.push_int(value);
            }
            if value == ffi::Py_None() {
                return self.null();
            }
            Err(self.refuse::<STRICT>(value))
        }
    }

    /// Write an exact `int` of any size.
    #[inline]
    pub unsafe fn push_int(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is a live int.
        unsafe {
            let Some(number) = as_i64(value) else {
                return self.push_big_int(value);
            };
            self.out.push_int(number);
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    unsafe fn push_big_int(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is a live int; the text is used while its owner lives.
        unsafe {
            let Some(text) = Owned::from_new(ffi::PyObject_Str(value)) else {
                ffi::PyErr_Clear(); // more digits than Python turns into text
                return Err(Stop::Decline);
            };
            let (text, _) = text_of(text.as_ptr()).ok_or(Stop::Decline)?;
            if text.len() > MOST_DIGITS {
                return Err(Stop::Decline);
            }
            if self.out.push_large_int(text) { Ok(()) } else { Err(Stop::Decline) }
        }
    }

    #[inline]
    pub unsafe fn encode_float<const STRICT: bool>(&mut self, mode: InfNan, value: Object) -> Outcome {
        // SAFETY: the value is alive, and no Python code runs here.
        unsafe {
            if ffi::PyFloat_CheckExact(value) != 0 {
                // What a union gives is turned into text by the outermost configuration.
                let mode = if STRICT && !O::IS_COUNTED { self.program.modes.inf_nan } else { mode };
                return self.push_float(mode, ffi::PyFloat_AS_DOUBLE(value));
            }
            if value == ffi::Py_None() {
                return self.null();
            }
            if !STRICT && ffi::PyLong_CheckExact(value) != 0 {
                let number = as_i64(value).ok_or(Stop::Decline)?;
                return self.push_float(mode, number as f64);
            }
            Err(self.refuse::<STRICT>(value))
        }
    }

    #[inline]
    pub fn push_float(&mut self, mode: InfNan, value: f64) -> Outcome {
        if value.is_finite() {
            self.out.push_float(value, self.program.exponent_sign);
            return Ok(());
        }
        match mode {
            InfNan::Null => self.out.push_null(),
            InfNan::Constants => self.out.push_infinite(value),
            InfNan::Strings => self.out.push_ascii(constant(value)),
            InfNan::Unknown => return Err(Stop::Decline),
        }
        Ok(())
    }

    #[inline]
    pub unsafe fn encode_bool<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the singletons live as long as the interpreter.
        unsafe {
            if value == ffi::Py_True() {
                self.out.push_bool(true);
            } else if value == ffi::Py_False() {
                self.out.push_bool(false);
            } else if value == ffi::Py_None() {
                self.out.push_null();
            } else {
                return Err(self.refuse::<STRICT>(value));
            }
        }
        Ok(())
    }

    pub unsafe fn encode_bytes<const STRICT: bool>(&mut self, mode: BytesMode, value: Object) -> Outcome {
        // SAFETY: the value is alive, and no Python code runs here; the buffer of bytes does not change.
        unsafe {
            if ffi::PyBytes_CheckExact(value) == 0 {
                if value == ffi::Py_None() {
                    return self.null();
                }
                return Err(self.refuse::<STRICT>(value));
            }
            let length = ffi::PyBytes_Size(value) as usize;
            let bytes = std::slice::from_raw_parts(ffi::PyBytes_AS_STRING(value).cast::<u8>(), length);
            match mode {
                BytesMode::Utf8 => {
                    std::str::from_utf8(bytes).map_err(|_| Stop::Decline)?;
                    self.out.push_text(bytes, !bytes.is_ascii());
                }
                BytesMode::Base64 => self.out.push_plain(base64_length(length), |out| push_base64(out, bytes)),
                BytesMode::Hex => self.out.push_plain(length * 2, |out| push_hex(out, bytes)),
                BytesMode::Binary => {
                    if !self.out.push_binary(bytes) {
                        return Err(Stop::Decline);
                    }
                }
                BytesMode::Unknown => return Err(Stop::Decline),
            }
        }
        Ok(())
    }

    pub unsafe fn encode_uuid<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive; the slot belongs to exactly this class; no Python code runs here.
        unsafe {
            if ffi::Py_TYPE(value) != self.program.support.uuid {
                if value == ffi::Py_None() {
                    return self.null();
                }
                return Err(self.refuse::<STRICT>(value));
            }
            let number = self.program.support.uuid_int.read(value);
            if number.is_null() || ffi::PyLong_CheckExact(number) == 0 {
                return Err(Stop::Decline);
            }
            let py = Python::assume_attached();
            match Bound::from_borrowed_ptr(py, number).extract() {
                Ok(number) => self.push_uuid(number),
                Err(error) => {
                    // Attached anew: PyO3 keeps what is dropped outside.
                    Python::attach(|_| drop::<PyErr>(error));
                    return Err(Stop::Decline);
                }
            }
        }
        Ok(())
    }

    fn push_uuid(&mut self, number: u128) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"00000000-0000-0000-0000-000000000000";
        let mut at = 0;
        for byte in number.to_be_bytes() {
            if matches!(at, 8 | 13 | 18 | 23) {
                at += 1;
            }
            text[at] = HEX[(byte >> 4) as usize];
            text[at + 1] = HEX[(byte & 15) as usize];
            at += 2;
        }
        self.out.push_ascii(&text);
    }

    pub unsafe fn encode_decimal<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive.
        unsafe {
            if ffi::Py_TYPE(value) != self.program.support.decimal {
                if value == ffi::Py_None() {
                    return self.null();
                }
                return Err(self.refuse::<STRICT>(value));
            }
            self.push_str_of(value)
        }
    }

    pub unsafe fn encode_url<const STRICT: bool>(&mut self, class: Class, value: Object) -> Outcome {
        // SAFETY: the value is alive.
        unsafe {
            if ffi::Py_TYPE(value) == class {
                return self.push_str_of(value);
            }
            if value == ffi::Py_None() {
                return self.null();
            }
            Err(self.refuse::<STRICT>(value))
        }
    }

    /// Write the `str()` of a value whose class is known to run none of the user's code for it.
    pub unsafe fn push_str_of(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive and held while its text is made; the text is used while its owner lives.
        unsafe {
            let _held = Self::hold(value);
            let Some(text) = Owned::from_new(ffi::PyObject_Str(value)) else {
                ffi::PyErr_Clear();
                return Err(Stop::Decline);
            };
            self.push_text(text.as_ptr())
        }
    }

    pub unsafe fn encode_enum<const STRICT: bool>(&mut self, node: &Enum, value: Object) -> Outcome {
        // SAFETY: the value is alive, and no Python code runs here.
        unsafe {
            if ffi::Py_TYPE(value) != node.class {
                if value == ffi::Py_None() {
                    return self.null();
                }
                return Err(self.refuse::<STRICT>(value));
            }
        }
        if let Some(member) = node.members.iter().find(|member| member.object == value) {
            self.out.push_piece(&member.value);
            return Ok(());
        }
        // Several flags at once, or a value that is not a constant.
        // SAFETY: the value is alive; its value is held while it is written.
        unsafe {
            let inner = self.value_of(value)?;
            let inner = inner.as_ptr();
            match node.sub_type {
                SubType::Int if ffi::PyLong_CheckExact(inner) != 0 => self.push_int(inner),
                SubType::Str if ffi::PyUnicode_CheckExact(inner) != 0 => self.push_text(inner),
                SubType::Any => self.encode_any::<STRICT>(inner),
                _ => Err(Stop::Decline),
            }
        }
    }
}
