//! What is its own copy, because nothing in it can change.

use pyo3::ffi;

use super::classes::{Class, Classes, Kind, Object};
use super::walk::{Copied, DEEPEST, Stop, Walk, owned};
use crate::py::datetime::zone_of;
use crate::py::object::Owned;
use crate::py::stack;

/// Each function that takes an object wants it held while it runs.
impl Walk<'_> {
    /// Say whether a value is its own copy.
    pub(super) unsafe fn is_shared(&mut self, value: Object) -> Copied<bool> {
        // SAFETY: the caller holds the value.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if is_plain_scalar(value, class) {
                return Ok(true);
            }
            match self.known.classes.of(class).kind {
                Kind::Shared => Ok(true),
                Kind::Moment => Ok(is_plain_moment(&self.known.classes, value)),
                Kind::FrozenSet => self.deeper(|walk| walk.holds_only_shared(value)),
                Kind::Tuple => self.deeper(|walk| {
                    for index in 0..ffi::PyTuple_GET_SIZE(value) {
                        if !walk.is_shared(ffi::PyTuple_GET_ITEM(value, index))? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                }),
                _ => Ok(false),
            }
        }
    }

    fn deeper(&mut self, work: impl FnOnce(&mut Self) -> Copied<bool>) -> Copied<bool> {
        if self.depth == DEEPEST || !stack::allows(self.depth) {
            return Ok(false);
        }
        self.depth += 1;
        let outcome = work(self);
        self.depth -= 1;
        outcome
    }

    /// Say whether all items of a set are their own copies.
    pub(super) unsafe fn holds_only_shared(&mut self, set: Object) -> Copied<bool> {
        // SAFETY: a set that the caller holds; items are held while they are looked at.
        unsafe {
            let items = owned(ffi::PyObject_GetIter(set))?;
            while let Some(item) = Owned::from_new(ffi::PyIter_Next(items.as_ptr())) {
                if !self.is_shared(item.as_ptr())? {
                    return Ok(false);
                }
            }
            if ffi::PyErr_Occurred().is_null() { Ok(true) } else { Err(Stop::Failed) }
        }
    }
}

#[inline]
pub(super) unsafe fn is_plain_scalar(value: Object, class: Class) -> bool {
    // SAFETY: only addresses are compared.
    unsafe {
        class == &raw mut ffi::PyUnicode_Type
            || class == &raw mut ffi::PyLong_Type
            || class == &raw mut ffi::PyFloat_Type
            || value == ffi::Py_None()
            || class == &raw mut ffi::PyBool_Type
            || class == &raw mut ffi::PyBytes_Type
    }
}

/// Say whether the time zone of a moment cannot change.
///
/// # Safety
/// The object is exactly a `datetime` or a `time`, and alive.
pub(super) unsafe fn is_plain_moment(classes: &Classes, moment: Object) -> bool {
    // SAFETY: the caller's promise; the moment holds its zone.
    unsafe {
        let zone = zone_of(moment);
        zone == ffi::Py_None() || classes.of(ffi::Py_TYPE(zone)).kind == Kind::Shared
    }
}
