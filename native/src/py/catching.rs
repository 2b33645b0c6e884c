//! A function that costs next to nothing as long as nothing goes wrong: an `except` block around another function.
//!
//! The same in Python is a frame for each call, which is 5 % of reading a small document.

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::function::{Arguments, Callable, bound};

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
struct Catching {
    function: Py<PyAny>,
    kind: Py<PyType>,
    handle: Py<PyAny>,
}

impl Callable for Catching {
    const FUNCTION: &'static CStr = c"call";

    #[inline]
    fn call(&self, py: Python<'_>, arguments: Arguments) -> *mut ffi::PyObject {
        let result = arguments.forward(&self.function);
        if result.is_null() { self.handled(py, arguments) } else { result }
    }
}

impl Catching {
    #[cold]
    fn handled(&self, py: Python<'_>, arguments: Arguments) -> *mut ffi::PyObject {
        match PyErr::take(py) {
            Some(error) if error.is_instance(py, self.kind.bind(py)) => {
                arguments.forward_behind(error.value(py).as_any(), &self.handle)
            }
            Some(error) => {
                error.restore(py);
                std::ptr::null_mut()
            }
            None => std::ptr::null_mut(),
        }
    }
}

#[pymethods]
impl Catching {
    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.handle)
    }
}

/// Return a function that calls `function`; where that raises a `kind`, what `handle` gives for the error and the
/// same arguments.
#[pyfunction]
fn catching(py: Python<'_>, function: Py<PyAny>, kind: Bound<'_, PyType>, handle: Py<PyAny>) -> PyResult<Py<PyAny>> {
    Ok(bound(Bound::new(py, Catching { function, kind: kind.unbind(), handle })?)?.unbind())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(catching, module)?)
}
