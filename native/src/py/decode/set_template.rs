//! The set of the fields that were given.

use std::cell::UnsafeCell;
use std::sync::Arc;

use pyo3::ffi;
use pyo3::prelude::*;

use super::set_layout::Table;
use crate::py::object::Owned;

/// Makes `__pydantic_fields_set__` for the fields of one class.
///
/// Documents of one source tend to give the same fields, so what the last set was made of is kept: copying is much
/// cheaper than adding name after name.
pub struct SetTemplate {
    names: Vec<Py<PyAny>>,
    last: UnsafeCell<Option<(u128, Arc<Mould>)>>,
}

/// What sets of the same names are made of.
enum Mould {
    Table(Table),
    Set(Py<PyAny>),
}

// SAFETY: the cell is only touched while the GIL is held, and nothing borrows from it while anything else runs.
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
        // Making a set may run the garbage collector, and that anything at all, this very function included: the mould
        // is held by a count of its own meanwhile.
        // SAFETY: the GIL is held, and the borrow ends before anything else runs.
        let known = match unsafe { &*self.last.get() } {
            Some((bits, mould)) if *bits == given => Arc::clone(mould),
            _ => self.mould(given)?,
        };
        match &*known {
            Mould::Table(table) => table.set(),
            // SAFETY: the template is a set.
            Mould::Set(template) => unsafe { Owned::from_new(ffi::PySet_New(template.as_ptr())) },
        }
    }

    #[cold]
    fn mould(&self, given: u128) -> Option<Arc<Mould>> {
        // SAFETY: this runs within a call that holds the GIL.
        let py = unsafe { Python::assume_attached() };
        let chosen = self.names.iter().enumerate().filter(|(index, _)| given >> index & 1 == 1);
        let names: Vec<Py<PyAny>> = chosen.map(|(_, name)| name.clone_ref(py)).collect();
        let mould = Arc::new(match Table::of(py, names.iter().map(|name| name.clone_ref(py)).collect()) {
            Some(table) => Mould::Table(table),
            None => Mould::Set(pyo3::types::PySet::new(py, &names).ok()?.into_any().unbind()),
        });
        // SAFETY: the GIL is held; the old mould is dropped after the cell has its new value.
        let old = unsafe { (*self.last.get()).replace((given, Arc::clone(&mould))) };
        drop(old);
        Some(mould)
    }
}
