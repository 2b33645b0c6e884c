//! The handler of a wrap serializer: what Pydantic's `to_python(value, mode="json")` gives.
//!
//! A value that is written as Pydantic's strictest check takes it has a text that means the same as its tree, so the
//! tree is made by reading the text. Every other value is Pydantic's.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::json::number::InfNan;
use crate::py::decode::plain_value;
use crate::py::function::{Arguments, Callable};

use super::json_text::JsonText;
use super::node::{Object, Program};
use super::options::Options;
use super::output::Output;
use super::state::State;

/// Levels that are written and read back.
const DEEPEST: usize = 200;

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct TreeEncoder {
    program: Program<JsonText>,
    fallback: Py<PyAny>,
}

// SAFETY: the pointers in the program are to objects that it holds, and are used only while the GIL is held.
unsafe impl Send for TreeEncoder {}
// SAFETY: as above; nothing of it changes.
unsafe impl Sync for TreeEncoder {}

#[pymethods]
impl TreeEncoder {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.program.anchor)?;
        visit.call(&self.fallback)
    }
}

impl TreeEncoder {
    pub fn new(mut program: Program<JsonText>, fallback: Py<PyAny>) -> Self {
        // A tree has such numbers as they are, whatever their text would be.
        program.modes.inf_nan = InfNan::Unknown;
        Self { program, fallback }
    }
}

impl Callable for TreeEncoder {
    const FUNCTION: &'static CStr = c"handler";

    fn call(&self, _py: Python<'_>, arguments: Arguments) -> Object {
        if let Some(value) = arguments.only() {
            let mut state = State::new(JsonText::default(), &self.program, Options::PLAIN, DEEPEST);
            // SAFETY: the caller of the function holds the value.
            let outcome = unsafe { state.encode::<true>(&self.program.root, value) };
            if outcome.is_ok()
                && state.holes.is_empty()
                && let Some(tree) = plain_value(state.out.bytes())
            {
                return tree.into_ptr();
            }
        }
        arguments.forward(&self.fallback)
    }
}
