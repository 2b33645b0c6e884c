//! The set of the fields that were given.

use std::cell::{Cell, UnsafeCell};

use pyo3::ffi;
use pyo3::prelude::*;

use super::set_layout::Table;
use crate::py::collector::forgotten;
use crate::py::object::Owned;

/// Makes `__pydantic_fields_set__` for the fields of one class.
///
/// Documents of one source tend to give the same fields, so what the last sets were made of is kept: copying is much
/// cheaper than adding name after name.
pub struct SetTemplate {
    names: Vec<Py<PyAny>>,
    /// Only ever grows, and each mould has a place of its own: a mould that was found stays where it is.
    moulds: UnsafeCell<Vec<(u128, Box<Mould>)>>,
    recent: Cell<usize>,
}

/// So many combinations of fields are kept.
const KEPT: usize = 16;

/// What sets of the same names are made of.
enum Mould {
    Table(Table),
    Set(Owned),
}

impl Mould {
    #[inline]
    fn set(&self) -> Option<Owned> {
        let set = match self {
            Self::Table(table) => table.set(),
            // SAFETY: the template is a set.
            Self::Set(template) => unsafe { Owned::from_new(ffi::PySet_New(template.as_ptr())) },
        }?;
        forgotten(&set);
        Some(set)
    }
}

// SAFETY: the cells are only touched while the GIL is held, and nothing borrows from them while anything else runs.
unsafe impl Sync for SetTemplate {}
// SAFETY: as above; it is dropped with its class's program, under the GIL.
unsafe impl Send for SetTemplate {}

impl SetTemplate {
    /// For fields with these names.
    pub fn new(names: Vec<Py<PyAny>>) -> Self {
        Self { names, moulds: UnsafeCell::new(Vec::new()), recent: Cell::new(0) }
    }

    /// Return a new set of the names whose bits are set. `None` if memory ran out.
    #[inline]
    pub fn of(&self, given: u128) -> Option<Owned> {
        // Making a set may run the garbage collector, and that anything at all, this very function included: what is
        // borrowed from the cell meanwhile is a mould, which stays.
        // SAFETY: the GIL is held.
        let moulds = unsafe { &*self.moulds.get() };
        match moulds.get(self.recent.get()) {
            Some((bits, mould)) if *bits == given => {
                let mould: *const Mould = &raw const **mould;
                // SAFETY: moulds are never removed while the template lives.
                unsafe { (*mould).set() }
            }
            _ => self.other(given),
        }
    }

    #[cold]
    fn other(&self, given: u128) -> Option<Owned> {
        // SAFETY: the GIL is held, and the borrow ends before anything else runs.
        let found = unsafe { &*self.moulds.get() }.iter().position(|(bits, _)| *bits == given);
        if let Some(index) = found {
            self.recent.set(index);
            return self.of(given);
        }
        let mould = Box::new(self.mould(given)?);
        let set = mould.set();
        // SAFETY: as above; growing the list moves the boxes, not the moulds in them.
        let moulds = unsafe { &mut *self.moulds.get() };
        if moulds.len() < KEPT {
            self.recent.set(moulds.len());
            moulds.push((given, mould));
        }
        set
    }

    fn mould(&self, given: u128) -> Option<Mould> {
        // SAFETY: this runs within a call that holds the GIL.
        let py = unsafe { Python::assume_attached() };
        let chosen = self.names.iter().enumerate().filter(|(index, _)| given >> index & 1 == 1);
        // SAFETY: the names are alive; what is made lives as long as a mould does, which is dropped under the GIL.
        unsafe {
            let names = || chosen.clone().map(|(_, name)| Owned::from_borrowed(name.as_ptr()));
            if let Some(table) = Table::of(py, names().collect()) {
                return Some(Mould::Table(table));
            }
            let set = Owned::from_new(ffi::PySet_New(std::ptr::null_mut()))?;
            for name in names() {
                if ffi::PySet_Add(set.as_ptr(), name.as_ptr()) < 0 {
                    return None;
                }
            }
            Some(Mould::Set(set))
        }
    }
}
