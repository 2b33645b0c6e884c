//! The `__dict__` of an instance, made by copying a dictionary that already has all keys.
//!
//! Copying a dictionary and overwriting its values costs less than half of adding keys one by one.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::dict_layout::{self, Entries};
use crate::py::object::Owned;

/// A dictionary with all keys of a class, in order.
pub struct DictTemplate {
    names: Vec<Py<PyAny>>,
    template: Py<PyDict>,
    is_known: bool,
}

/// A copy of a template, being filled.
pub struct Filling {
    dict: Owned,
    entries: Option<Entries>,
    holds_containers: bool,
}

impl DictTemplate {
    /// For these keys.
    pub fn new(py: Python<'_>, names: &[Py<PyAny>]) -> PyResult<Self> {
        let template = PyDict::new(py);
        for name in names {
            template.set_item(name, py.None())?;
        }
        Ok(Self {
            is_known: dict_layout::is_known(py),
            names: names.iter().map(|name| name.clone_ref(py)).collect(),
            template: template.unbind(),
        })
    }

    /// Start a new dictionary. `None` if memory ran out.
    #[inline]
    pub fn start(&self) -> Option<Filling> {
        // SAFETY: the template is a dictionary that nobody else has.
        let dict = unsafe { Owned::from_new(ffi::PyDict_Copy(self.template.as_ptr()))? };
        let entries = if self.is_known {
            // SAFETY: the layout was probed, and the copy has been seen by nobody.
            unsafe { Entries::of(dict.as_ptr(), self.names.len()) }
        } else {
            None
        };
        Some(Filling { dict, entries, holds_containers: false })
    }

    /// Put the value of the key with this number. `None` if memory ran out.
    #[inline]
    pub fn put(&self, filling: &mut Filling, index: usize, value: Owned) -> Option<()> {
        // SAFETY: value and dictionary are alive.
        unsafe {
            filling.holds_containers |=
                ffi::PyType_HasFeature(ffi::Py_TYPE(value.as_ptr()), ffi::Py_TPFLAGS_HAVE_GC) != 0;
            if let Some(entries) = &filling.entries {
                entries.replace(index, value);
                return Some(());
            }
            let name = self.names.get(index)?;
            (ffi::PyDict_SetItem(filling.dict.as_ptr(), name.as_ptr(), value.as_ptr()) == 0).then_some(())
        }
    }

    /// Finish: all keys have their values.
    #[inline]
    pub fn finish(&self, filling: Filling) -> Owned {
        let dict = filling.dict;
        if filling.holds_containers && filling.entries.is_some() {
            // SAFETY: a dictionary that holds containers must be known to the collector; the copy of a template of
            // `None`s is not, and storing into its entries bypasses what would have told it.
            unsafe {
                if ffi::PyObject_GC_IsTracked(dict.as_ptr()) == 0 {
                    ffi::PyObject_GC_Track(dict.as_ptr().cast());
                }
            }
        }
        dict
    }
}
