//! Exact built-in objects: which one it is, and what is in it.

use pyo3::ffi;

use crate::memory::push;
use crate::py::decode::reader::{Read, out_of_memory};
use crate::py::int_object;
use crate::py::object::Owned;

/// What a Python object is, if it is exactly that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    None,
    Bool,
    Int,
    Float,
    Str,
    List,
    Dict,
    Other,
}

pub(super) fn kind_of(object: &Owned) -> Kind {
    let pointer = object.as_ptr();
    // SAFETY: the object is alive.
    unsafe {
        if ffi::PyUnicode_CheckExact(pointer) != 0 {
            Kind::Str
        } else if ffi::PyLong_CheckExact(pointer) != 0 {
            Kind::Int
        } else if pointer == ffi::Py_None() {
            Kind::None
        } else if ffi::PyDict_CheckExact(pointer) != 0 {
            Kind::Dict
        } else if ffi::PyList_CheckExact(pointer) != 0 {
            Kind::List
        } else if ffi::PyBool_Check(pointer) != 0 {
            Kind::Bool
        } else if ffi::PyFloat_CheckExact(pointer) != 0 {
            Kind::Float
        } else {
            Kind::Other
        }
    }
}

/// The same object, once more.
pub(super) fn same(object: &Owned) -> Owned {
    // SAFETY: the object is alive.
    unsafe { Owned::from_borrowed(object.as_ptr()) }
}

/// The UTF-8 of a string.
pub(super) fn utf8(object: &Owned) -> Read<&[u8]> {
    let mut length = 0;
    // SAFETY: a string, whose text lives as long as it does.
    unsafe {
        let data = ffi::PyUnicode_AsUTF8AndSize(object.as_ptr(), &raw mut length);
        if data.is_null() {
            return Err(out_of_memory()); // half a surrogate pair
        }
        Ok(std::slice::from_raw_parts(data.cast(), length as usize))
    }
}

/// The items of a list as they are now; a list may change while something else runs.
pub(super) fn items_of(list: &Owned) -> Vec<Owned> {
    // SAFETY: a list; every item is taken a reference of before anything else runs.
    unsafe {
        let size = ffi::PyList_GET_SIZE(list.as_ptr());
        (0..size).map(|index| Owned::from_borrowed(ffi::PyList_GET_ITEM(list.as_ptr(), index))).collect()
    }
}

/// The members of a dictionary as they are now.
pub(super) fn members_of(dict: &Owned) -> Vec<(Owned, Owned)> {
    let mut members = Vec::new();
    // SAFETY: a dictionary; references are taken before anything else runs.
    unsafe {
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0 {
            push(&mut members, (Owned::from_borrowed(key), Owned::from_borrowed(value)));
        }
    }
    members
}

/// The value of an exact `int`, if it fits 64 bits.
pub(super) fn as_i64(object: &Owned) -> Option<i64> {
    // SAFETY: an int.
    unsafe { int_object::as_i64(object.as_ptr()) }
}
