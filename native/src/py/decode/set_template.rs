//! The set of the fields that were given.

use std::cell::UnsafeCell;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::py::object::Owned;

/// Makes `__pydantic_fields_set__` for the fields of one class.
///
/// Documents of one source tend to give the same fields, so the last set is kept: copying a set is much cheaper than
/// adding name after name.
pub struct SetTemplate {
    names: Vec<Py<PyAny>>,
    last: UnsafeCell<Option<(u128, Owned)>>,
}

// SAFETY: the cell is only touched while the GIL is held, and no Python code runs between reading and writing it.
unsafe impl Sync for SetTemplate {}
// SAFETY: as above; it is dropped with its class's program, under the GIL.
unsafe impl Send for SetTemplate {}

impl SetTemplate {
    /// For fields with these names.
    pub fn new(names: Vec<Py<PyAny>>) -> Self {
        Self { names, last: UnsafeCell::new(None) }
    }

    /// Return a new set of the names whose bits are set. `None` if memory ran out.
    #[inline]
    pub fn of(&self, given: u128) -> Option<Owned> {
        // SAFETY: the GIL is held. Making a set may run the garbage collector, and that anything at all, this very
        // function included: so nothing borrows from the cell while a set is made.
        unsafe {
            let known = match &*self.last.get() {
                Some((bits, template)) if *bits == given => Some(Owned::from_borrowed(template.as_ptr())),
                _ => None,
            };
            if let Some(template) = known {
                return Owned::from_new(ffi::PySet_New(template.as_ptr()));
            }
            let made = Owned::from_new(ffi::PySet_New(std::ptr::null_mut()))?;
            for (index, name) in self.names.iter().enumerate() {
                if given >> index & 1 == 1 && ffi::PySet_Add(made.as_ptr(), name.as_ptr()) < 0 {
                    return None;
                }
            }
            let copy = Owned::from_new(ffi::PySet_New(made.as_ptr()))?;
            let old = (*self.last.get()).replace((given, made));
            drop(old);
            Some(copy)
        }
    }
}
