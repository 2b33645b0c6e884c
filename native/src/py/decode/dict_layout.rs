//! Filling in the values of a dictionary where they lie in memory.
//!
//! That is tried once, on a real dictionary, before it is relied upon; where anything looks different, values are stored
//! through the public interface.

use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::py::dict_object::{Dict, STRING_KEYS, is_expected};
use crate::py::object::Owned;

#[repr(C)]
struct Entry {
    key: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
}

/// The entries of one dictionary, in the order of insertion.
pub struct Entries(*mut Entry);

impl Entries {
    /// The entries of a dictionary that has so many of them, all with string keys.
    ///
    /// # Safety
    /// `dict` is a dictionary, and the layout is as [`is_known`] found it.
    #[inline]
    pub unsafe fn of(dict: *mut ffi::PyObject, count: usize) -> Option<Self> {
        // SAFETY: said above.
        unsafe {
            let dict = dict.cast::<Dict>();
            let keys = (*dict).keys;
            let fits = (*dict).values.is_null()
                && (*keys).kind == STRING_KEYS
                && (*keys).entries as usize == count
                && (*dict).used as usize == count;
            fits.then(|| {
                let indices = (&raw mut (*keys).indices).cast::<u8>();
                Self(indices.add(1 << (*keys).log2_index_bytes).cast::<Entry>())
            })
        }
    }

    /// Put a value in the place of another.
    ///
    /// # Safety
    /// `index` is below the number of entries, and the dictionary is alive and seen by nobody else.
    #[inline]
    pub unsafe fn replace(&self, index: usize, value: Owned) {
        // SAFETY: said above; the old value is released after it is out of reach.
        unsafe {
            let place = &raw mut (*self.0.add(index)).value;
            let old = place.read();
            place.write(value.into_ptr());
            ffi::Py_DECREF(old);
        }
    }
}

static KNOWN: OnceLock<bool> = OnceLock::new();

/// Say whether this interpreter lays dictionaries out as it is assumed here.
pub fn is_known(py: Python<'_>) -> bool {
    *KNOWN.get_or_init(|| {
        is_expected(py) && [1, 5, 6, 11, 40, 200].into_iter().all(|count| probe(py, count).unwrap_or(false))
    })
}

fn probe(py: Python<'_>, count: usize) -> PyResult<bool> {
    let template = PyDict::new(py);
    for number in 0..count {
        template.set_item(format!("key {number}"), py.None())?;
    }
    let copy = template.copy()?;
    // SAFETY: a dictionary of this probe's own. Before anything is followed or written, what can be seen from outside
    // (the number of entries) has to be where it is expected.
    let entries = unsafe {
        let dict = copy.as_ptr().cast::<Dict>();
        if (*dict).used as usize != count || (*dict).keys.is_null() {
            return Ok(false);
        }
        match Entries::of(copy.as_ptr(), count) {
            Some(entries) => entries,
            None => return Ok(false),
        }
    };
    for (index, (key, value)) in template.iter().enumerate() {
        // SAFETY: within the entries; only compared.
        let (found_key, found_value) = unsafe {
            let entry = entries.0.add(index);
            ((*entry).key, (*entry).value)
        };
        if found_key != key.as_ptr() || found_value != value.as_ptr() {
            return Ok(false);
        }
    }
    for index in 0..count {
        let number = index.into_pyobject(py)?;
        // SAFETY: the entries were just found to be where they are expected.
        unsafe { entries.replace(index, Owned::from_borrowed(number.as_ptr())) };
    }
    for (index, (key, value)) in copy.iter().enumerate() {
        let right = key.to_string() == format!("key {index}") && value.extract::<usize>()? == index;
        if !right || copy.get_item(&key)?.is_none_or(|found| !found.is(&value)) {
            return Ok(false);
        }
    }
    copy.set_item("one more", 1)?;
    Ok(copy.len() == count + 1 && template.iter().all(|(_, value)| value.is_none()))
}
