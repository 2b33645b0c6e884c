//! The function that Python calls to read documents of one type.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::build;
use super::draft::Draft;
use super::input::{Accepts, Input};
use super::node::Plan;
use super::reader::{Call, Reader};
use super::realise::{Realiser, Stop};
use crate::json;
use crate::memory::copied;
use crate::msgpack::{self, cursor::Binary};
use crate::py::collector::{LONG, Resting};
use crate::py::function::{Arguments, Callable, bound};
use crate::py::pause::Pauses;
use crate::py::stack;
use crate::source::{Document, Source};

/// Reads documents of one type, and hands to Pydantic what it is not certain of.
#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct Decoder {
    format: Format,
    plan: Plan,
    fallback: Py<PyAny>,
    levels: usize,
    views: bool,
    /// Documents in a row that went to Pydantic.
    declined: AtomicU32,
}

/// What documents are written in.
enum Format {
    Json,
    /// Also the key, as a JSON string, of the object that stands for bytes where Pydantic reads a part.
    Msgpack(Option<Box<[u8]>>),
}

/// After so many documents in a row that went to Pydantic, only one in so many is tried natively.
const PATIENCE: u32 = 16;

/// Bytes of the stack that the second phase takes for a level, without what it calls.
const LEVEL: usize = 2048;

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
        let Some(input) = (unsafe { Input::of(data, self.accepts()) }) else {
            return Outcome::Declined;
        };
        // Code of the user's may want to change what was passed: Pydantic has read it by then, and does not lock it.
        if self.plan.is_live(&self.plan.root) && input.is_locked() {
            let copy = copied(input.text());
            drop(input);
            return self.read_format(&copy, call, Some(pauses(py, copy.len())));
        }
        if input.is_locked() {
            // It may still be written to by another thread, so none may run: not in a pause, and not while the collector
            // calls finalizers.
            let _resting = Resting::new(py, input.text().len());
            return self.read_format(input.text(), call, None);
        }
        self.read_format(input.text(), call, Some(pauses(py, input.text().len())))
    }

    fn accepts(&self) -> Accepts {
        match self.format {
            Format::Json => Accepts { text: true, views: self.views },
            Format::Msgpack(_) => Accepts { text: false, views: self.views },
        }
    }

    #[inline]
    fn read_format(&self, data: &[u8], call: Call, pauses: Option<Pauses>) -> Outcome {
        match &self.format {
            Format::Json => self.read_from(json::cursor::Cursor::new(data), call, pauses),
            Format::Msgpack(mark) => {
                let binary = mark.as_deref().map_or(Binary::Text, Binary::Marked);
                self.read_from(msgpack::cursor::Cursor::new(data, binary), call, pauses)
            }
        }
    }

    #[inline]
    fn read_from<'t, S: Source<'t>>(&self, cursor: S, call: Call, pauses: Option<Pauses>) -> Outcome {
        let mut reader = Reader::new(&self.plan, cursor, self.levels, call);
        reader.pauses = pauses;
        if !self.plan.is_live(&self.plan.root) {
            return match reader.value(&self.plan.root) {
                Ok(value) if reader.cursor.is_at_end() => Outcome::Value(value.into_ptr()),
                _ => declined(&reader),
            };
        }
        let draft = reader.draft(&self.plan.root);
        let pauses = reader.pauses.take().unwrap_or_default().while_code_runs();
        match draft {
            // Attached anew: what is dropped on the way would be kept until somebody else is, as far as PyO3 knows.
            Ok(draft) if reader.cursor.is_at_end() && self.can_realise(reader.fewest_levels) => {
                Python::attach(|py| self.realise(py, draft, &reader.cursor, call, pauses))
            }
            _ => declined(&reader),
        }
    }

    /// Say whether the stack holds the second phase: once code of the user's has run, nothing is declined any more.
    #[inline]
    fn can_realise(&self, fewest_levels: usize) -> bool {
        stack::remaining()
            >= (self.levels - fewest_levels + stack::STRIDE) * LEVEL + self.plan.part_stack.max(stack::RESERVE)
    }

    fn realise(
        &self,
        py: Python<'_>,
        draft: Draft<'_>,
        document: &dyn Document,
        call: Call,
        pauses: Pauses,
    ) -> Outcome {
        let Ok(mut realiser) = Realiser::new(py, &self.plan, document, call, pauses) else {
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

/// What happens between the items of a document of so many bytes.
#[inline]
fn pauses(py: Python<'_>, length: usize) -> Pauses {
    if length < LONG { Pauses::default() } else { Pauses::of_collector(py, length) }
}

/// A document that is not read natively, or whose reading was interrupted.
fn declined<'t, S: Source<'t>>(reader: &Reader<'_, 't, S>) -> Outcome {
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
#[pyo3(signature = (program, fallback, *, max_depth, views, part_stack = 0))]
pub fn decoder<'py>(
    py: Python<'py>,
    program: &Bound<'py, PyTuple>,
    fallback: Py<PyAny>,
    max_depth: usize,
    views: bool,
    part_stack: usize,
) -> PyResult<Bound<'py, PyAny>> {
    bind(py, program, fallback, Format::Json, max_depth, views, part_stack)
}

/// Return a function that reads MessagePack by a program, and calls `fallback` with the same arguments where it cannot.
///
/// With `mark`, bytes stand for themselves; where Pydantic reads a part of a document as JSON, a text that begins with it
/// stands for them, and goes on in base64.
#[pyfunction]
#[pyo3(signature = (program, fallback, *, max_depth, mark, part_stack = 0))]
pub fn msgpack_decoder<'py>(
    py: Python<'py>,
    program: &Bound<'py, PyTuple>,
    fallback: Py<PyAny>,
    max_depth: usize,
    mark: Option<&str>,
    part_stack: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let opened = mark.map(|mark| msgpack::json::opened_string(mark).into());
    bind(py, program, fallback, Format::Msgpack(opened), max_depth, true, part_stack)
}

fn bind<'py>(
    py: Python<'py>,
    program: &Bound<'py, PyTuple>,
    fallback: Py<PyAny>,
    format: Format,
    levels: usize,
    views: bool,
    part_stack: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let expected_key = match format {
        Format::Json => json::source::expected_key,
        Format::Msgpack(_) => msgpack::source::expected_key,
    };
    let mut plan = build::plan(program, expected_key)?;
    plan.part_stack = part_stack;
    bound(Bound::new(py, Decoder { format, plan, fallback, levels, views, declined: AtomicU32::new(0) })?)
}
