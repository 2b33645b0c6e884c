//! Sets whose items are their own copies.

use pyo3::ffi;
use pyo3::prelude::*;

use super::classes::Object;
use crate::py::decode::set_layout::small_copy;
use crate::py::object::Owned;

/// A new set of the same items. `None` if memory ran out; an exception is then set.
///
/// # Safety
/// The object is exactly a set, and is held for the call.
#[inline]
pub unsafe fn copied(set: Object) -> Option<Owned> {
    // SAFETY: the caller's promise; the hashes that the set keeps are used, nothing is hashed or compared.
    unsafe {
        let py = Python::assume_attached();
        small_copy(py, set)
            .or_else(|| if ffi::PyErr_Occurred().is_null() { Owned::from_new(ffi::PySet_New(set)) } else { None })
    }
}
