//! A list as lines of JSON, each an item of one type (<https://jsonlines.org>).

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::py::function::{Arguments, Callable};

use super::json_text::JsonText;
use super::node::{Node, Object};
use super::output::Output;
use super::run::Encoder;
use super::state::{Outcome, State, Stop};

/// A function that writes the items of a list as JSON, each on a line.
#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct LinesEncoder(pub Encoder<JsonText>);

#[pymethods]
impl LinesEncoder {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(&visit)
    }
}

impl Callable for LinesEncoder {
    const FUNCTION: &'static CStr = c"encode";

    fn call(&self, py: Python<'_>, arguments: Arguments) -> Object {
        // SAFETY: the interpreter holds the arguments.
        self.0.run(py, arguments, |state, item, list| unsafe { state.encode_lines(item, list) })
    }
}

impl State<'_, JsonText> {
    /// Write the items of a list.
    ///
    /// # Safety
    /// The caller holds the list.
    unsafe fn encode_lines(&mut self, item: &Node, list: Object) -> Outcome {
        // SAFETY: each item is fetched when its turn comes, from a list that may have changed since the last one.
        unsafe {
            if ffi::PyList_CheckExact(list) == 0 {
                return Err(Stop::Decline);
            }
            let mut index = 0;
            while index < ffi::PyList_GET_SIZE(list) {
                self.encode::<false>(item, ffi::PyList_GET_ITEM(list, index))?;
                self.out.bytes().push(b'\n');
                index += 1;
                self.item_done();
            }
        }
        Ok(())
    }
}
