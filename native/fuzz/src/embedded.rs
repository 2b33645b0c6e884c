//! Python in this process, with the core built in, so that it is under the same sanitizer and counted in the coverage.

use std::ffi::CStr;

// The module's function is in the core's library, which has to be linked for that.
use _core as _;
use pyo3::ffi;

unsafe extern "C" {
    fn PyInit__core() -> *mut ffi::PyObject;
}

const NAME: &CStr = c"pydantic_serialization._native._core";

/// Let Python find the core in this process. To be called before Python is started.
pub fn offer_the_core() {
    // SAFETY: Python is not running; the name is never freed, the function is the one that an extension module exports.
    let failed = unsafe { ffi::PyImport_AppendInittab(NAME.as_ptr(), Some(PyInit__core)) };
    assert_eq!(failed, 0, "Python has no room for another module");
}
