//! What Pydantic gives for a part of a value, put into the output.

use pyo3::ffi;

use crate::json::members;
use crate::memory::Buffer;
use crate::py::int_object::as_i64;
use crate::py::object::{Owned, caught};

use super::fill::{Outcome, Unfilled};
use super::json_text::JsonText;
use super::layout::Names;
use super::node::Object;
use super::output::Output;
use super::packed::Packed;
use super::scalar::text_of;

/// A form in which Pydantic is asked for parts. `levels`: of arrays and objects, that a part may have.
pub trait Parts: Output {
    /// The method of a serializer that is called, and an argument of it beside those of the call.
    fn method(names: &Names) -> (Object, Option<(Object, Object)>);

    /// Whether a part may hold a `null` that stands for something else.
    fn may_hold_null(found: &Owned) -> bool;

    /// Write a part.
    fn push_part(&mut self, found: &Owned, levels: usize, refusals: &mut Refusals) -> Outcome;

    /// Write the members of an object, without what is around them; return how many there are.
    fn push_members(&mut self, found: &Owned, levels: usize, is_first: bool, refusals: &mut Refusals)
    -> Outcome<usize>;

    /// Write the value of the only member of an object.
    fn push_only_member(&mut self, found: &Owned, name: Object, levels: usize, refusals: &mut Refusals) -> Outcome;
}

impl Parts for JsonText {
    fn method(names: &Names) -> (Object, Option<(Object, Object)>) {
        (names.to_json, None)
    }

    fn may_hold_null(found: &Owned) -> bool {
        text_in(found).is_ok_and(|text| memchr::memmem::find(text, b"null").is_some())
    }

    fn push_part(&mut self, found: &Owned, levels: usize, _: &mut Refusals) -> Outcome {
        self.push_json(text_in(found)?, levels)
    }

    fn push_members(&mut self, found: &Owned, levels: usize, is_first: bool, _: &mut Refusals) -> Outcome<usize> {
        let text = text_in(found)?;
        let inner = text.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).ok_or(Unfilled::Whole)?;
        if members::depth(text) > levels {
            return Err(Unfilled::Whole);
        }
        if inner.is_empty() {
            return Ok(0);
        }
        self.next(is_first);
        self.bytes().extend_from_slice(inner);
        Ok(1)
    }

    fn push_only_member(&mut self, found: &Owned, name: Object, levels: usize, _: &mut Refusals) -> Outcome {
        let mut prefix = Self::default();
        prefix.begin_dict(1);
        // SAFETY: the name is a string of the program's.
        let (name, wide) = unsafe { text_of(name) }.ok_or(Unfilled::Whole)?;
        prefix.push_text(name, wide);
        prefix.colon();
        // None where it was left out.
        let inner = text_in(found)?.strip_prefix(prefix.bytes().as_slice()).and_then(|rest| rest.strip_suffix(b"}"));
        self.push_json(inner.ok_or(Unfilled::Whole)?, levels)
    }
}

impl JsonText {
    fn push_json(&mut self, text: &[u8], levels: usize) -> Outcome {
        if members::depth(text) > levels {
            return Err(Unfilled::Whole);
        }
        self.bytes().extend_from_slice(text);
        Ok(())
    }
}

/// The text that Pydantic has written.
pub fn text_in(found: &Owned) -> Outcome<&[u8]> {
    // SAFETY: bytes do not change while they are held.
    unsafe {
        if ffi::PyBytes_CheckExact(found.as_ptr()) == 0 {
            return Err(Unfilled::Whole);
        }
        let data = ffi::PyBytes_AS_STRING(found.as_ptr()).cast::<u8>();
        Ok(std::slice::from_raw_parts(data, ffi::PyBytes_Size(found.as_ptr()) as usize))
    }
}

impl Parts for Packed {
    fn method(names: &Names) -> (Object, Option<(Object, Object)>) {
        (names.to_python, Some((names.mode, names.json)))
    }

    fn may_hold_null(found: &Owned) -> bool {
        // SAFETY: the object is held.
        unsafe { ffi::PyUnicode_CheckExact(found.as_ptr()) == 0 }
    }

    fn push_part(&mut self, found: &Owned, levels: usize, refusals: &mut Refusals) -> Outcome {
        // SAFETY: the object is held.
        unsafe { self.push_tree(found.as_ptr(), levels, refusals) }
    }

    fn push_members(&mut self, found: &Owned, levels: usize, _: bool, refusals: &mut Refusals) -> Outcome<usize> {
        // SAFETY: the object is held.
        unsafe {
            if ffi::PyDict_CheckExact(found.as_ptr()) == 0 || levels == 0 {
                return Err(Unfilled::Whole);
            }
            self.push_pairs(found.as_ptr(), levels - 1, refusals)?;
            Ok(ffi::PyDict_Size(found.as_ptr()) as usize)
        }
    }

    fn push_only_member(&mut self, found: &Owned, name: Object, levels: usize, refusals: &mut Refusals) -> Outcome {
        // SAFETY: the object is held, and so is what stands in it; the name is a string of the program's.
        unsafe {
            if ffi::PyDict_CheckExact(found.as_ptr()) == 0 {
                return Err(Unfilled::Whole);
            }
            let value = ffi::PyDict_GetItemWithError(found.as_ptr(), name);
            if value.is_null() {
                ffi::PyErr_Clear();
                return Err(Unfilled::Whole); // left out
            }
            self.push_tree(value, levels, refusals)
        }
    }
}

/// Each takes an object that is held by the caller.
impl Packed {
    /// Write a tree of plain values: made by Pydantic for this call, so nobody changes it.
    unsafe fn push_tree(&mut self, value: Object, levels: usize, refusals: &mut Refusals) -> Outcome {
        // SAFETY: the tree is held; the type of each value is checked before it is read.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if value == ffi::Py_None() {
                self.push_null();
            } else if class == &raw mut ffi::PyUnicode_Type {
                let Some((text, wide)) = text_of(value) else {
                    return refusals.pack(self.bytes(), value);
                };
                self.push_text(text, wide);
            } else if class == &raw mut ffi::PyBool_Type {
                self.push_bool(value == ffi::Py_True());
            } else if class == &raw mut ffi::PyLong_Type {
                let Some(number) = as_i64(value) else {
                    return refusals.pack(self.bytes(), value);
                };
                self.push_int(number);
            } else if class == &raw mut ffi::PyFloat_Type {
                self.push_float(ffi::PyFloat_AS_DOUBLE(value), false);
            } else if class == &raw mut ffi::PyList_Type {
                let levels = levels.checked_sub(1).ok_or(Unfilled::Whole)?;
                let length = ffi::PyList_GET_SIZE(value);
                self.begin_array(length as usize);
                for index in 0..length {
                    self.push_tree(ffi::PyList_GET_ITEM(value, index), levels, refusals)?;
                }
            } else if class == &raw mut ffi::PyDict_Type {
                let levels = levels.checked_sub(1).ok_or(Unfilled::Whole)?;
                self.begin_dict(ffi::PyDict_Size(value) as usize);
                self.push_pairs(value, levels, refusals)?;
            } else {
                return refusals.pack(self.bytes(), value);
            }
        }
        Ok(())
    }

    unsafe fn push_pairs(&mut self, dict: Object, levels: usize, refusals: &mut Refusals) -> Outcome {
        let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the caller holds the dict, which nobody changes; the key is a string where it is read as one.
        unsafe {
            while ffi::PyDict_Next(dict, &raw mut at, &raw mut key, &raw mut value) != 0 {
                if ffi::PyUnicode_CheckExact(key) == 0 {
                    return Err(Unfilled::Whole);
                }
                match text_of(key) {
                    Some((text, wide)) => self.push_text(text, wide),
                    None => refusals.pack(self.bytes(), key)?,
                }
                self.push_tree(value, levels, refusals)?;
            }
        }
        Ok(())
    }
}

/// Values for which there are no bytes: known once everything has been asked for, as without this core.
pub struct Refusals {
    pack: Object,
    first: Option<Owned>,
}

impl Refusals {
    pub fn new(pack: Object) -> Self {
        Self { pack, first: None }
    }

    /// Write one value by the library behind; keep its error for later.
    ///
    /// # Safety
    /// The value is held.
    #[cold]
    unsafe fn pack(&mut self, out: &mut Buffer, value: Object) -> Outcome {
        // SAFETY: the function belongs to the program, the value is held by the caller; an error is set where none is given.
        unsafe {
            if let Some(packed) = Owned::from_new(ffi::PyObject_CallOneArg(self.pack, value)) {
                out.extend_from_slice(text_in(&packed)?);
                return Ok(());
            }
            let error = caught();
            self.first = self.first.take().or(error);
        }
        Ok(())
    }

    /// Raise the first error that was kept.
    pub fn raise(&mut self) -> Outcome {
        let Some(error) = self.first.take() else {
            return Ok(());
        };
        // SAFETY: the error is an exception.
        unsafe { ffi::PyErr_SetObject(ffi::Py_TYPE(error.as_ptr()).cast(), error.as_ptr()) };
        Err(Unfilled::Raised)
    }
}
