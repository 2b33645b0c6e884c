//! Whether a value is frozen all the way down.

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::classes::{Classes, Kind, Object};
use super::instance::State;
use super::shared::is_plain_moment;
use super::walk::DEEPEST;
use crate::py::attributes::Attributes;
use crate::py::decode::instance::{self, Slots};
use crate::py::entries::{Beside, InPlace};
use crate::py::function::{Arguments, Callable};
use crate::py::object::Owned;

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct Checker {
    classes: Classes,
    slots: Slots,
}

#[pymethods]
impl Checker {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.classes.kind_of())
    }
}

impl Checker {
    pub fn new(py: Python<'_>, kind_of: Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { classes: Classes::new(kind_of.unbind()), slots: instance::slots(py)? })
    }

    /// # Safety
    /// The value is held while this runs.
    unsafe fn is_frozen(&self, value: Object, depth: usize) -> bool {
        if depth == DEEPEST {
            return false;
        }
        // SAFETY: the caller's promise; a tuple, and the state of a model, hold what is looked at.
        unsafe {
            let verdict = self.classes.of(ffi::Py_TYPE(value));
            match verdict.kind {
                Kind::Shared => true,
                Kind::Moment => is_plain_moment(&self.classes, value),
                Kind::Tuple => (0..ffi::PyTuple_GET_SIZE(value))
                    .all(|index| self.is_frozen(ffi::PyTuple_GET_ITEM(value, index), depth + 1)),
                Kind::FrozenSet => self.are_frozen(ffi::PyObject_GetIter(value), depth + 1),
                Kind::Model | Kind::RootModel if verdict.is_frozen => {
                    let state = State::of(value, self.slots);
                    let is_none =
                        |object: &Option<Owned>| object.as_ref().is_none_or(|object| object.as_ptr() == ffi::Py_None());
                    state.is_usual(verdict.kind)
                        && is_none(&state.extra)
                        && is_none(&state.private)
                        && match &state.attributes {
                            Some(Attributes::Dict(dict)) => {
                                self.are_frozen(ffi::PyDict_Values(dict.as_ptr()), depth + 1)
                            }
                            Some(Attributes::Beside) => self.are_frozen_beside(value, depth + 1),
                            None => false,
                        }
                }
                _ => false,
            }
        }
    }

    /// The same for the values beside an instance, none of which can be replaced while they are looked at.
    unsafe fn are_frozen_beside(&self, instance: Object, depth: usize) -> bool {
        // SAFETY: the caller holds the instance; each value is held while it is looked at.
        unsafe {
            let Some(mut places) = Beside::instance(instance) else { return false };
            loop {
                match places.next() {
                    Ok(Some((_, value))) if self.is_frozen(Owned::from_borrowed(value).as_ptr(), depth) => {}
                    Ok(None) => return true,
                    _ => return false,
                }
            }
        }
    }

    /// The same for all items of a list or an iterator; takes the reference.
    unsafe fn are_frozen(&self, items: Object, depth: usize) -> bool {
        // SAFETY: a new reference, or null with an exception set.
        unsafe {
            let Some(items) = Owned::from_new(items) else {
                ffi::PyErr_Clear();
                return false;
            };
            if ffi::PyList_Check(items.as_ptr()) != 0 {
                return (0..ffi::PyList_GET_SIZE(items.as_ptr()))
                    .all(|index| self.is_frozen(ffi::PyList_GET_ITEM(items.as_ptr(), index), depth));
            }
            while let Some(item) = Owned::from_new(ffi::PyIter_Next(items.as_ptr())) {
                if !self.is_frozen(item.as_ptr(), depth) {
                    return false;
                }
            }
            true
        }
    }
}

impl Callable for Checker {
    const FUNCTION: &'static CStr = c"is_deeply_frozen";

    fn call(&self, _py: Python<'_>, arguments: Arguments) -> Object {
        // SAFETY: the caller of the function holds the value.
        unsafe {
            let is_frozen = arguments.only().is_some_and(|value| self.is_frozen(value, 0));
            let answer = if is_frozen { ffi::Py_True() } else { ffi::Py_False() };
            Owned::from_borrowed(answer).into_ptr()
        }
    }
}
