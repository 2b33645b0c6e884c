//! The function that copies a model.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::classes::{Classes, Kind, Object};
use super::memo::Memo;
use super::walk::{Known, Stop, Walk};
use crate::py::decode::instance;
use crate::py::function::{Arguments, Callable};

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct Copier {
    known: Known,
    fallback: Py<PyAny>,
}

#[pymethods]
impl Copier {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.known.classes.kind_of())?;
        visit.call(&self.known.deepcopy)?;
        visit.call(&self.fallback)
    }
}

impl Copier {
    pub fn new(
        py: Python<'_>,
        kind_of: Bound<'_, PyAny>,
        deepcopy: Bound<'_, PyAny>,
        fallback: Bound<'_, PyAny>,
        keeps_identity: bool,
    ) -> PyResult<Self> {
        let known = Known {
            classes: Classes::new(kind_of.unbind()),
            slots: instance::slots(py)?,
            deepcopy: deepcopy.unbind(),
            undefined: py.import("pydantic_core")?.getattr("PydanticUndefined")?.unbind(),
            reducers: py.import("copyreg")?.getattr("dispatch_table")?.cast_into()?.unbind(),
            keeps_identity,
        };
        Ok(Self { known, fallback: fallback.unbind() })
    }
}

impl Callable for Copier {
    const FUNCTION: &'static CStr = c"copy_model";

    fn call(&self, _py: Python<'_>, arguments: Arguments) -> Object {
        let Some(model) = arguments.only() else {
            return arguments.forward(&self.fallback);
        };
        // SAFETY: the caller of the function holds the model.
        unsafe {
            let verdict = self.known.classes.of(pyo3::ffi::Py_TYPE(model));
            if !matches!(verdict.kind, Kind::Model | Kind::RootModel) || !verdict.copies_as_usual {
                return arguments.forward(&self.fallback);
            }
            match Walk::new(&self.known, Memo::sparse()).root(model, verdict.kind) {
                Ok(copy) => copy.into_ptr(),
                Err(Stop::Failed) => std::ptr::null_mut(),
                Err(Stop::Unknown) if !self.known.keeps_identity => arguments.forward(&self.fallback),
                // No code of the user's has run: once more, with Python's help.
                Err(Stop::Unknown) => {
                    let Some(memo) = Memo::full() else {
                        return std::ptr::null_mut();
                    };
                    match Walk::new(&self.known, memo).root(model, verdict.kind) {
                        Ok(copy) => copy.into_ptr(),
                        Err(Stop::Failed) => std::ptr::null_mut(),
                        Err(Stop::Unknown) => arguments.forward(&self.fallback),
                    }
                }
            }
        }
    }
}
