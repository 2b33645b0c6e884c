//! One call of an encoder: options, the native attempt, and Pydantic behind it.

use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::memory::Buffer;
use crate::py::function::{Arguments, Callable};
use crate::py::stack;

use super::fill::{Passed, Unfilled, fill};
use super::holes::{Hole, Survey};
use super::json_text::JsonText;
use super::node::{Node, Object, Program};
use super::options::{Options, Warnings};
use super::packed::Packed;
use super::parts::Parts;
use super::scalar::text_of;
use super::state::{Outcome, State};

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

/// The buffer of the last call, for the next one; who comes while it is in use makes another.
struct Spare(UnsafeCell<Buffer>);

// SAFETY: touched only while the GIL is held, and never borrowed from.
unsafe impl Sync for Spare {}

/// One for all threads: the GIL is held, and to find a thread's own takes a tenth of the time of a small model.
static SPARE: Spare = Spare(UnsafeCell::new(Buffer::new()));

impl Spare {
    #[inline]
    fn take(&self, _py: Python<'_>) -> Buffer {
        // SAFETY: the GIL is held.
        std::mem::take(unsafe { &mut *self.0.get() })
    }

    #[inline]
    fn set(&self, _py: Python<'_>, buffer: Buffer) {
        // SAFETY: the GIL is held; dropping the one that was there runs no code of anybody's.
        unsafe { *self.0.get() = buffer }
    }
}

/// A function that writes one type in one form.
pub struct Encoder<O> {
    program: Program<O>,
    fallback: Py<PyAny>,
    max_depth: usize,
    /// Bytes of the stack that a part may take which Pydantic writes.
    part_stack: usize,
    /// Says whether a value holds what a part that Pydantic has written must not have lost.
    part_check: Option<Py<PyAny>>,
    text: bool,
    /// Ask for parts whether or not that is worth it.
    eager: bool,
    /// Declined calls in a row; above [`PATIENCE`] also those that were not tried.
    declined: AtomicU32,
}

// SAFETY: the pointers in the program are to objects that it holds, and are used only while the GIL is held.
unsafe impl<O> Send for Encoder<O> {}
// SAFETY: as above; nothing of it changes but the counter.
unsafe impl<O> Sync for Encoder<O> {}

impl<O: Parts> Encoder<O> {
    pub fn new(program: Program<O>, fallback: Py<PyAny>, max_depth: usize, text: bool, eager: bool) -> Self {
        let max_depth = max_depth.min(DEEPEST);
        Self { program, fallback, max_depth, part_stack: 0, part_check: None, text, eager, declined: AtomicU32::new(0) }
    }

    /// Ask for parts only where so many bytes of the stack are left.
    pub fn with_part_stack(mut self, bytes: usize) -> Self {
        self.part_stack = bytes;
        self
    }

    /// Do without Pydantic's parts that hold `null`, where this says so of their value.
    pub fn with_part_check(mut self, check: Option<Py<PyAny>>) -> Self {
        self.part_check = check;
        self
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.program.anchor)?;
        visit.call(&self.part_check)?;
        visit.call(&self.fallback)
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
    fn attempt(
        &self,
        py: Python<'_>,
        value: Object,
        options: Options,
        arguments: Arguments,
        walk: impl Walk<O>,
    ) -> Object {
        let mut state = State::new(O::behind(SPARE.take(py)), &self.program, options, self.max_depth);
        let outcome = walk(&mut state, self.program.resolved(&self.program.root), value);
        let State { mut out, holes, .. } = state;
        let is_ascii = out.is_ascii();
        let result = match outcome {
            Ok(()) if !out.is_complete() => None,
            Ok(()) if holes.is_empty() => Some(O::result(out.bytes(), is_ascii, self.text)),
            Ok(()) => self.fill(out.bytes(), holes, options, arguments),
            Err(_) => {
                drop(holes);
                None
            }
        };
        let bytes = out.bytes();
        bytes.clear();
        if bytes.capacity() <= KEPT {
            SPARE.set(py, std::mem::take(bytes));
        } else {
            let large = std::mem::take(bytes);
            py.detach(|| drop(large));
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
    fn fill(&self, bytes: &[u8], holes: Vec<Hole>, options: Options, arguments: Arguments) -> Option<Object> {
        let survey = Survey::of(&holes);
        if stack::remaining() < self.part_stack
            || !self.is_worth_asking(bytes.len() + survey.late, survey.asked, &holes, options)
        {
            return None;
        }
        // SAFETY: the names of keyword arguments are strings.
        let is_passed = |name: Object| unsafe { text_of(name).is_some_and(|(name, _)| is_passed_on(name)) };
        let keywords: Vec<_> = arguments.keywords().filter(|(name, _)| is_passed(*name)).collect();
        let (is_alone, is_only) = (survey.asked < 2, survey.parts < 2);
        let check = self.part_check.as_ref().map(Py::as_ptr);
        let passed = Passed { options, is_alone, is_only, keywords: &keywords, max_depth: self.max_depth, check };
        match fill(&self.program, bytes, holes, &passed) {
            Ok(mut out) => {
                let is_ascii = !self.text || out.bytes().is_ascii();
                Some(O::result(out.bytes(), is_ascii, self.text))
            }
            Err(Unfilled::Whole) => None,
            Err(Unfilled::Raised) => Some(std::ptr::null_mut()),
        }
    }

    /// Whether to ask Pydantic for parts rather than for the whole.
    ///
    /// A question takes as long as Pydantic takes for a few hundred characters. Several that may warn have to fail where they
    /// would warn, so that one warning lists everything: that takes three times as long, and code could catch the failure.
    fn is_worth_asking(&self, length: usize, asked: usize, holes: &[Hole], options: Options) -> bool {
        if asked > 1 && options.warnings == Warnings::Warn {
            return (self.eager || length >= DEAR * asked)
                && !holes.iter().any(|hole| hole.keeps_warnings(&self.program));
        }
        self.eager || length >= CHEAP * asked
    }
}

/// Options that the calls for holes get as they are.
fn is_passed_on(name: &[u8]) -> bool {
    !matches!(name, b"warnings" | b"include" | b"exclude" | b"indent" | b"ensure_ascii" | b"fallback")
}

/// Writes a value, which the caller holds, by the node of its type.
pub trait Walk<O>: FnOnce(&mut State<'_, O>, &Node, Object) -> Outcome {}

impl<O, F: FnOnce(&mut State<'_, O>, &Node, Object) -> Outcome> Walk<O> for F {}

impl<O: Parts> Encoder<O> {
    /// Do one call: `walk` is what is tried natively.
    #[inline]
    pub fn run(&self, py: Python<'_>, arguments: Arguments, walk: impl Walk<O>) -> Object {
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
        self.attempt(py, value, options, arguments, walk)
    }
}

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct JsonEncoder(pub Encoder<JsonText>);

#[pymethods]
impl JsonEncoder {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(&visit)
    }
}

impl Callable for JsonEncoder {
    const FUNCTION: &'static CStr = c"encode";

    #[inline]
    fn call(&self, py: Python<'_>, arguments: Arguments) -> Object {
        // SAFETY: the interpreter holds the arguments.
        self.0.run(py, arguments, |state, root, value| unsafe { state.encode::<false>(root, value) })
    }
}

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct MsgpackEncoder(pub Encoder<Packed>);

#[pymethods]
impl MsgpackEncoder {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(&visit)
    }
}

impl Callable for MsgpackEncoder {
    const FUNCTION: &'static CStr = c"encode";

    #[inline]
    fn call(&self, py: Python<'_>, arguments: Arguments) -> Object {
        // SAFETY: the interpreter holds the arguments.
        self.0.run(py, arguments, |state, root, value| unsafe { state.encode::<false>(root, value) })
    }
}
