//! One call of an encoder: options, the native attempt, and Pydantic behind it.

use std::cell::Cell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::py::function::{Arguments, Callable};

use super::buffer::Buffer;
use super::holes::{self, Filled, Passed};
use super::node::{Object, Program};
use super::options::{Options, Warnings};
use super::scalar::text_of;
use super::state::State;

/// Deeper than this Pydantic's own recursion guard has a say, and a small stack is at its end.
const DEEPEST: usize = 200;
/// So many declined calls in a row, and the next ones are not tried.
const PATIENCE: u32 = 8;
/// How many calls are not tried after that.
const REST: u32 = 64;
/// So many characters have to be native for each part that Pydantic is asked for; and so many where a part may not warn.
const CHEAP: usize = 250;
const DEAR: usize = 700;
/// A buffer that has grown larger is not kept.
const KEPT: usize = 1 << 20;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct Encoder {
    program: Program,
    fallback: Py<PyAny>,
    max_depth: usize,
    text: bool,
    /// Ask for parts whether or not that is worth it.
    eager: bool,
    /// Declined calls in a row; above [`PATIENCE`] also those that were not tried.
    declined: AtomicU32,
}

// SAFETY: the pointers in the program are to objects that it holds, and are used only while the GIL is held.
unsafe impl Send for Encoder {}
// SAFETY: as above; nothing of it changes but the counter.
unsafe impl Sync for Encoder {}

#[pymethods]
impl Encoder {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.program.anchor)?;
        visit.call(&self.fallback)
    }
}

impl Encoder {
    pub fn new(program: Program, fallback: Py<PyAny>, max_depth: usize, text: bool, eager: bool) -> Self {
        Self { program, fallback, max_depth: max_depth.min(DEEPEST), text, eager, declined: AtomicU32::new(0) }
    }

    /// Whether to try natively: not while nearly every call is declined.
    #[inline]
    fn is_worth_trying(&self) -> bool {
        let declined = self.declined.load(Ordering::Relaxed);
        if declined < PATIENCE {
            return true;
        }
        self.declined.store(declined + 1, Ordering::Relaxed);
        if declined >= PATIENCE + REST {
            self.declined.store(PATIENCE, Ordering::Relaxed);
            return true;
        }
        false
    }

    #[cold]
    fn decline(&self, arguments: Arguments) -> Object {
        let declined = self.declined.load(Ordering::Relaxed);
        self.declined.store(declined.saturating_add(1), Ordering::Relaxed);
        arguments.forward(&self.fallback)
    }

    #[inline]
    fn attempt(&self, value: Object, options: Options, arguments: Arguments) -> Object {
        let out = Buffer { bytes: SPARE.take(), wide: false };
        let mut state = State::new(out, &self.program, options, self.max_depth);
        // SAFETY: the caller of the function holds the value.
        let outcome = unsafe { state.encode::<false>(&self.program.root, value) };
        let State { mut out, holes, .. } = state;
        let result = match outcome {
            Err(_) => {
                drop(holes);
                None
            }
            Ok(()) if holes.is_empty() => Some(self.result(&out.bytes, !out.wide)),
            Ok(()) => self.fill(&out.bytes, holes, options, arguments),
        };
        out.bytes.clear();
        if out.bytes.capacity() <= KEPT {
            SPARE.set(out.bytes);
        }
        match result {
            Some(object) => {
                if self.declined.load(Ordering::Relaxed) != 0 {
                    self.declined.store(0, Ordering::Relaxed);
                }
                object
            }
            None => self.decline(arguments),
        }
    }

    /// The second phase; `None` if Pydantic has to do the whole call.
    #[inline(never)]
    fn fill(&self, text: &[u8], holes: Vec<holes::Hole>, options: Options, arguments: Arguments) -> Option<Object> {
        let asked = holes.iter().filter(|hole| hole.is_asked()).count();
        if !self.is_worth_asking(text.len(), asked, &holes, options) {
            return None;
        }
        // SAFETY: the names of keyword arguments are strings.
        let is_passed = |name: Object| unsafe { text_of(name).is_some_and(|(name, _)| is_passed_on(name)) };
        let keywords: Vec<_> = arguments.keywords().filter(|(name, _)| is_passed(*name)).collect();
        let is_alone = asked < 2;
        let is_only = holes.iter().filter(|hole| hole.is_part()).count() < 2;
        let passed = Passed { options, is_alone, is_only, keywords: &keywords, max_depth: self.max_depth };
        match holes::fill(&self.program, text, holes, &passed) {
            Filled::Text(text) => Some(self.result(&text, text.is_ascii())),
            Filled::Whole => None,
            Filled::Raised => Some(std::ptr::null_mut()),
        }
    }

    /// Whether to ask Pydantic for parts rather than for the whole.
    ///
    /// A question takes as long as Pydantic takes for a few hundred characters. Several that may warn have to fail where they
    /// would warn, so that one warning lists everything: that takes three times as long, and code could catch the failure.
    fn is_worth_asking(&self, length: usize, asked: usize, holes: &[holes::Hole], options: Options) -> bool {
        if asked > 1 && options.warnings == Warnings::Warn {
            return (self.eager || length >= DEAR * asked)
                && !holes.iter().any(|hole| hole.is_asked() && hole.keeps_warnings(&self.program));
        }
        self.eager || length >= CHEAP * asked
    }

    /// The text as Python wants it.
    #[inline]
    fn result(&self, text: &[u8], is_ascii: bool) -> Object {
        // SAFETY: the object is as large as the text, and nobody else has it yet.
        unsafe {
            if !self.text {
                return ffi::PyBytes_FromStringAndSize(text.as_ptr().cast(), text.len() as isize);
            }
            if !is_ascii {
                return ffi::PyUnicode_DecodeUTF8(text.as_ptr().cast(), text.len() as isize, std::ptr::null());
            }
            let object = ffi::PyUnicode_New(text.len() as isize, 127);
            if !object.is_null() {
                let data = object.cast::<ffi::PyASCIIObject>().add(1).cast::<u8>();
                std::ptr::copy_nonoverlapping(text.as_ptr(), data, text.len());
            }
            object
        }
    }
}

/// Options that the calls for holes get as they are.
fn is_passed_on(name: &[u8]) -> bool {
    !matches!(name, b"warnings" | b"include" | b"exclude" | b"indent" | b"ensure_ascii" | b"fallback")
}

impl Callable for Encoder {
    const FUNCTION: &'static CStr = c"encode";

    #[inline]
    fn call(&self, _py: Python<'_>, arguments: Arguments) -> Object {
        let (value, options) = if let Some(value) = arguments.only() {
            (value, Options::PLAIN)
        } else {
            match (arguments.first(), Options::of(&arguments, self.program.options)) {
                (Some(value), Some(options)) if arguments.positional() == 1 => (value, options),
                _ => return arguments.forward(&self.fallback),
            }
        };
        if !self.is_worth_trying() {
            return arguments.forward(&self.fallback);
        }
        self.attempt(value, options, arguments)
    }
}
