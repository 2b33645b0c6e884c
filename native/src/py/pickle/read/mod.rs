//! A block to values: the function that Python calls.
//!
//! [`reader`] takes a block apart and goes from value to value; a file for each kind of value.

mod container;
mod leaf;
mod model;
mod reader;
mod scalar;
mod shape;
mod temporal;

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use self::reader::{Miss, Reader};
use super::known::{Known, as_class};
use super::tag;
use crate::py::collector::{LONG, Resting};
use crate::py::copy::classes::{Kind, Object};
use crate::py::function::{Arguments, Callable};

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct BlockReader {
    known: Known,
    fallback: Py<PyAny>,
    refuse: Py<PyAny>,
}

#[pymethods]
impl BlockReader {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.known.classes.kind_of())?;
        visit.call(&self.fallback)?;
        visit.call(&self.refuse)
    }
}

impl BlockReader {
    pub fn new(
        py: Python<'_>,
        kind_of: Bound<'_, PyAny>,
        fallback: Bound<'_, PyAny>,
        refuse: Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        Ok(Self { known: Known::new(py, kind_of)?, fallback: fallback.unbind(), refuse: refuse.unbind() })
    }

    /// The kinds of the classes; `None` if one of them has a say in how its instances are made.
    unsafe fn kinds(&self, classes: Object) -> Option<Vec<(Object, Kind)>> {
        // SAFETY: exactly a tuple, which the caller holds.
        unsafe {
            (0..ffi::PyTuple_GET_SIZE(classes))
                .map(|index| {
                    let class = ffi::PyTuple_GET_ITEM(classes, index);
                    let kind = self.known.classes.of(as_class(class)?).kind;
                    matches!(kind, Kind::Model | Kind::RootModel | Kind::Enum).then_some((class, kind))
                })
                .collect()
        }
    }
}

impl Callable for BlockReader {
    const FUNCTION: &'static CStr = c"read_block";

    fn call(&self, py: Python<'_>, arguments: Arguments) -> Object {
        // SAFETY: the caller of the function holds its arguments; bytes do not change.
        unsafe {
            let (Some(block), 2) = (arguments.first(), arguments.positional()) else {
                return arguments.forward(&self.fallback);
            };
            let Some(classes) = arguments.without_first().only() else {
                return arguments.forward(&self.fallback);
            };
            if ffi::PyBytes_CheckExact(block) == 0 || ffi::PyTuple_CheckExact(classes) == 0 {
                return arguments.forward(&self.fallback);
            }
            let data: &[u8] =
                std::slice::from_raw_parts(ffi::PyBytes_AsString(block).cast(), ffi::PyBytes_Size(block) as usize);
            let Some(kinds) = self.kinds(classes).filter(|_| data.first() == Some(&tag::VERSION)) else {
                return arguments.forward(&self.fallback);
            };
            let mut reader = Reader::new(&self.known, data, kinds);
            let resting = (data.len() >= LONG).then(|| Resting::new(py, data.len()));
            let value = reader.value();
            drop(resting);
            match value {
                Ok(value) if reader.is_at_end() => value.into_ptr(),
                Ok(_) | Err(Miss::Malformed) => ffi::PyObject_CallNoArgs(self.refuse.as_ptr()),
                Err(Miss::Raised) => std::ptr::null_mut(),
            }
        }
    }
}
