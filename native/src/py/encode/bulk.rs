//! Many values in one call: a list that is the whole value, as an array or as lines (<https://jsonlines.org>).
//!
//! Only here, where nothing but the list itself is borrowed, other threads get a turn between two items.

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::py::function::{Arguments, Callable};
use crate::py::pause::Pauses;

use super::json_text::JsonText;
use super::node::{Node, Object};
use super::output::Output;
use super::run::Encoder;
use super::state::{Outcome, State, Stop};

impl<O: Output> State<'_, O> {
    /// Write the whole value.
    ///
    /// # Safety
    /// The caller holds the value.
    #[inline]
    pub unsafe fn encode_whole(&mut self, py: Python<'_>, root: &Node, value: Object) -> Outcome {
        // SAFETY: as the caller says; a list is looked at as one only if it is one.
        unsafe {
            match root {
                Node::List(item) if ffi::PyList_CheckExact(value) != 0 => self.encode_whole_list(py, item, value),
                _ => self.encode::<false>(root, value),
            }
        }
    }

    #[inline(never)]
    unsafe fn encode_whole_list(&mut self, py: Python<'_>, item: &Node, list: Object) -> Outcome {
        // SAFETY: the caller holds the list.
        unsafe {
            self.enter()?;
            let length = ffi::PyList_GET_SIZE(list);
            self.out.begin_array(length as usize);
            let mut index = 0;
            let written = self.encode_items(py, item, list, |state| {
                state.out.next(index == 0);
                index += 1;
            })?;
            if O::IS_COUNTED && written != length {
                return Err(Stop::Decline); // it has changed
            }
            self.out.end_array();
        }
        self.leave();
        Ok(())
    }

    /// Write the items of a list, and what comes before each. Returns how many there were.
    ///
    /// # Safety
    /// The caller holds the list, and nothing else is borrowed.
    unsafe fn encode_items(
        &mut self,
        py: Python<'_>,
        item: &Node,
        list: Object,
        mut before: impl FnMut(&mut Self),
    ) -> Result<isize, Stop> {
        let program = self.program;
        let item = program.resolved(item);
        let mut pauses = Pauses::default();
        let mut index = 0;
        // SAFETY: each item is fetched when its turn comes, from a list that may have changed since the last one.
        unsafe {
            while index < ffi::PyList_GET_SIZE(list) {
                before(self);
                let value = ffi::PyList_GET_ITEM(list, index);
                match item {
                    Node::Model(model) => self.encode_model::<false>(model, value)?,
                    _ => self.encode::<false>(item, value)?,
                }
                index += 1;
                pauses.item(py);
            }
        }
        Ok(index)
    }
}

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
        self.0.run(py, arguments, |state, item, list| {
            // SAFETY: the interpreter holds the arguments; a list is looked at as one only if it is one.
            unsafe {
                if ffi::PyList_CheckExact(list) == 0 {
                    return Err(Stop::Decline);
                }
                let mut is_first = true;
                state.encode_items(py, item, list, |state| {
                    if !std::mem::take(&mut is_first) {
                        state.out.bytes().push(b'\n');
                    }
                })?;
                if !is_first {
                    state.out.bytes().push(b'\n');
                }
            }
            Ok(())
        })
    }
}
