//! The function that Python calls to read documents of one type.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::build;
use super::draft::Draft;
use super::input::Input;
use super::node::Plan;
use super::reader::{Call, Reader};
use super::realise::{Realiser, Stop};
use crate::py::function::{Arguments, Callable, bound};

/// Reads documents of one type, and hands to Pydantic what it is not certain of.
#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct Decoder {
    plan: Plan,
    fallback: Py<PyAny>,
    levels: usize,
    views: bool,
    /// Documents in a row that went to Pydantic.
    declined: AtomicU32,
}

/// After so many documents in a row that went to Pydantic, only one in so many is tried natively.
const PATIENCE: u32 = 16;

/// How a document was read.
enum Outcome {
    Value(*mut ffi::PyObject),
    /// An exception is set.
    Failed,
    Declined,
}

impl Callable for Decoder {
    const FUNCTION: &'static CStr = c"decode";

    #[inline]
    fn call(&self, py: Python<'_>, arguments: Arguments) -> *mut ffi::PyObject {
        let declined = self.declined.load(Ordering::Relaxed);
        if declined >= PATIENCE && !declined.is_multiple_of(PATIENCE) {
            self.declined.store(declined.wrapping_add(1).max(PATIENCE), Ordering::Relaxed);
            return arguments.forward(&self.fallback);
        }
        match self.read(py, arguments) {
            Outcome::Value(value) => {
                if declined != 0 {
                    self.declined.store(0, Ordering::Relaxed);
                }
                value
            }
            Outcome::Failed => std::ptr::null_mut(),
            Outcome::Declined => {
                self.declined.store(declined.wrapping_add(1), Ordering::Relaxed);
                arguments.forward(&self.fallback)
            }
        }
    }
}

impl Decoder {
    #[inline]
    fn read(&self, py: Python<'_>, arguments: Arguments) -> Outcome {
        let (Some(data), Some(call)) = (arguments.first(), options(py, arguments)) else {
            return Outcome::Declined;
        };
        // SAFETY: True lives as long as the interpreter.
        if self.plan.is_lax && call.strict == unsafe { ffi::Py_True() } {
            return Outcome::Declined;
        }
        // SAFETY: the interpreter keeps the arguments alive for the call.
        let Some(input) = (unsafe { Input::of(data, self.views) }) else {
            return Outcome::Declined;
        };
        if !self.plan.is_live(&self.plan.root) {
            let mut reader = Reader::new(&self.plan, input.text(), self.levels, call);
            return match reader.value(&self.plan.root) {
                Ok(value) if reader.cursor.is_at_end() => Outcome::Value(value.into_ptr()),
                _ => declined(&reader),
            };
        }
        // Code of the user's may want to change what was passed: Pydantic has read it by then, and does not lock it.
        let copy = input.is_locked().then(|| input.text().to_vec());
        match copy {
            Some(text) => {
                drop(input);
                self.read_live(&text, call)
            }
            None => self.read_live(input.text(), call),
        }
    }

    fn read_live(&self, text: &[u8], call: Call) -> Outcome {
        let mut reader = Reader::new(&self.plan, text, self.levels, call);
        match reader.draft(&self.plan.root) {
            // Attached anew: what is dropped on the way would be kept until somebody else is, as far as PyO3 knows.
            Ok(draft) if reader.cursor.is_at_end() => Python::attach(|py| self.realise(py, draft, text, call)),
            _ => declined(&reader),
        }
    }

    fn realise(&self, py: Python<'_>, draft: Draft<'_>, text: &[u8], call: Call) -> Outcome {
        let Ok(mut realiser) = Realiser::new(py, &self.plan, text, call) else {
            return Outcome::Declined;
        };
        match realiser.value(draft) {
            Ok(value) => Outcome::Value(value.into_ptr()),
            Err(Stop::Raised(error)) => {
                error.restore(py);
                Outcome::Failed
            }
            Err(Stop::Refused) => match realiser.error() {
                Some(error) => {
                    error.restore(py);
                    Outcome::Failed
                }
                None => Outcome::Declined,
            },
            Err(Stop::Unknown | Stop::Omitted | Stop::UseDefault) => Outcome::Declined,
        }
    }

    fn visit(&self, visit: &pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.fallback)?;
        if let Some(fail) = &self.plan.fail {
            visit.call(fail)?;
        }
        super::node::visit(&self.plan.root, visit)?;
        self.plan.definitions.iter().try_for_each(|node| super::node::visit(node, visit))
    }
}

#[pymethods]
impl Decoder {
    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.visit(&visit)
    }
}

/// A document that is not read natively, or whose reading was interrupted.
fn declined(reader: &Reader<'_, '_>) -> Outcome {
    if reader.is_interrupted { Outcome::Failed } else { Outcome::Declined }
}

/// What validators are called with; `None` where an option changes what Pydantic reads.
#[inline]
fn options(py: Python<'_>, arguments: Arguments) -> Option<Call> {
    // SAFETY: None lives as long as the interpreter.
    let mut call = Call { context: unsafe { ffi::Py_None() }, strict: std::ptr::null_mut() };
    if arguments.only().is_some() {
        return Some(call);
    }
    if arguments.positional() != 1 {
        return None;
    }
    for (name, value) in arguments.keywords() {
        // SAFETY: the names of keyword arguments are strings, interned where the caller wrote them.
        let is = |known: &Bound<'_, pyo3::types::PyString>| unsafe {
            name == known.as_ptr() || ffi::PyUnicode_Compare(name, known.as_ptr()) == 0
        };
        // SAFETY: None lives as long as the interpreter.
        let is_none = value == unsafe { ffi::Py_None() };
        if is(intern!(py, "context")) {
            call.context = value;
        } else if is(intern!(py, "strict")) {
            // Only canonical forms are read, which strict and lax mode take alike; pieces are told.
            if !is_none {
                call.strict = value;
            }
        } else if !is_none {
            return None;
        }
    }
    Some(call)
}

/// Return a function that reads JSON text by a program, and calls `fallback` with the same arguments where it cannot.
#[pyfunction]
#[pyo3(signature = (program, fallback, *, max_depth, views))]
pub fn decoder<'py>(
    py: Python<'py>,
    program: &Bound<'py, PyTuple>,
    fallback: Py<PyAny>,
    max_depth: usize,
    views: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let decoder =
        Decoder { plan: build::plan(program)?, fallback, levels: max_depth, views, declined: AtomicU32::new(0) };
    bound(Bound::new(py, decoder)?)
}
