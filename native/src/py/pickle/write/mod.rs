//! Values to a block: the function that Python calls.
//!
//! [`block`] is what has been written so far, [`value`] the walk from value to value; a file for each kind of value.

mod block;
mod container;
mod leaf;
mod model;
mod scalar;
mod shape;
mod temporal;
mod value;

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use self::block::Block;
use super::known::Known;
use crate::py::copy::classes::Object;
use crate::py::function::{Arguments, Callable};
use crate::py::object::Owned;

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct Writer {
    known: Known,
}

#[pymethods]
impl Writer {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.known.classes.kind_of())
    }
}

impl Writer {
    pub fn new(py: Python<'_>, kind_of: Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { known: Known::new(py, kind_of)? })
    }
}

impl Callable for Writer {
    const FUNCTION: &'static CStr = c"write_block";

    fn call(&self, _py: Python<'_>, arguments: Arguments) -> Object {
        // SAFETY: the caller of the function holds the value; results are given away.
        unsafe {
            let nothing = || Owned::from_borrowed(ffi::Py_None()).into_ptr();
            let Some(value) = arguments.only() else {
                return nothing();
            };
            let mut block = Block::new(&self.known);
            // Something else may refer to the outermost value, too: no reference is known.
            if block.value(value, 0).is_err() || block.shapes.is_empty() {
                return nothing();
            }
            block.result().map_or(std::ptr::null_mut(), Owned::into_ptr)
        }
    }
}
