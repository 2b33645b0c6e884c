//! How the interpreter keeps a dict in memory: what [`entries`] walks over and [`decode::dict_layout`] fills.
//!
//! CPython keeps a dict whose keys are all strings in the same way in 3.11 to 3.13 (`Include/internal/pycore_dict.h`):
//! behind the head of its table stand the hash indices, then pairs of key and value. Both users try that out on a real
//! dict before they rely on it.
//!
//! [`entries`]: super::entries
//! [`decode::dict_layout`]: super::decode::dict_layout

use pyo3::ffi;
use pyo3::prelude::*;

/// A dict, as the interpreter keeps it.
#[repr(C)]
pub struct Dict {
    head: ffi::PyObject,
    pub used: ffi::Py_ssize_t,
    version: u64,
    pub keys: *mut Keys,
    pub values: *mut std::ffi::c_void,
}

/// The table of a dict.
#[repr(C)]
pub struct Keys {
    pub references: ffi::Py_ssize_t,
    pub log2_size: u8,
    pub log2_index_bytes: u8,
    pub kind: u8,
    version: u32,
    pub usable: ffi::Py_ssize_t,
    pub entries: ffi::Py_ssize_t,
    pub indices: [u8; 0],
}

/// The first entry of a table whose keys are all strings, each a key and something else: behind the indices.
///
/// # Safety
/// The table is alive.
#[inline(always)]
pub unsafe fn entries_of(keys: *mut Keys) -> *mut [*mut ffi::PyObject; 2] {
    // SAFETY: said above.
    unsafe { (&raw mut (*keys).indices).cast::<u8>().add(1 << (*keys).log2_index_bytes).cast() }
}

/// The kind of a table whose keys are all strings.
pub const STRING_KEYS: u8 = 1;

/// The kind of a table whose values are kept by instances, or by dicts made of them.
pub const SPLIT_KEYS: u8 = 2;

/// Say whether the layout is worth trying out on this interpreter.
pub fn is_expected(py: Python<'_>) -> bool {
    let version = py.version_info();
    ((3, 11)..(3, 14)).contains(&(version.major, version.minor))
}
