//! How much is left of the stack of the running thread.
//!
//! Recursion over a document takes a piece of the stack for each level, and the end of the stack ends the process. Threads
//! have 8 MiB on most systems, but 1 MiB on Alpine, 512 KiB on macOS, and whatever `threading.stack_size` was told.

use std::cell::Cell;
use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;

use super::function::{Arguments, Callable, bound};

/// Bytes that are kept for whatever is called at the deepest place: Python, Pydantic for a scalar, raising an error.
pub const RESERVE: usize = 32 << 10;
/// Bytes that skipping one level of a document takes at most.
const SKIPPED: usize = 256;
/// Levels of a walk from one look at the stack to the next. They fit into the reserve.
pub const STRIDE: usize = 8;

/// Where a stack ends and begins; it grows down.
#[derive(Clone, Copy)]
struct Bounds {
    low: usize,
    high: usize,
}

thread_local! {
    static BOUNDS: Cell<Option<Bounds>> = const { Cell::new(None) };
}

/// Bytes below the current frame. `usize::MAX` where that is not known: on a system without a way to ask, and on a stack
/// that somebody else has made for a coroutine.
#[inline]
pub fn remaining() -> usize {
    let marker = 0_u8;
    let here = (&raw const marker).addr();
    let bounds = BOUNDS.get().unwrap_or_else(find);
    if (bounds.low..bounds.high).contains(&here) { here - bounds.low } else { usize::MAX }
}

/// Say whether the stack has room for the next [`STRIDE`] levels of a walk, and for skipping `levels` that follow.
#[inline]
pub fn has_room(levels: usize) -> bool {
    remaining() >= RESERVE + levels * SKIPPED
}

/// Say whether a walk that has come to this depth may go on: asked at every level, it looks at every [`STRIDE`]th.
#[inline]
pub fn allows(depth: usize) -> bool {
    depth % STRIDE != STRIDE - 1 || has_room(0)
}

#[cold]
fn find() -> Bounds {
    let bounds = of_this_thread().unwrap_or(Bounds { low: 0, high: 0 });
    BOUNDS.set(Some(bounds));
    bounds
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn of_this_thread() -> Option<Bounds> {
    // SAFETY: the attributes are initialised by the first call before they are read, and destroyed once.
    let (low, size) = unsafe {
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let (mut low, mut size) = (std::ptr::null_mut(), 0);
        let failed = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut size) != 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if failed {
            return None;
        }
        (low.addr(), size)
    };
    let high = low + size;
    // musl tells of the first thread's stack what is in use, not how far it may grow.
    let low = if cfg!(target_env = "musl") && is_first_thread() { high.saturating_sub(most_of_first()) } else { low };
    Some(Bounds { low, high })
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_first_thread() -> bool {
    // SAFETY: both calls take nothing and cannot fail.
    unsafe { libc::getpid() == libc::gettid() }
}

/// How large the first thread's stack may become.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn most_of_first() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes one struct.
    let failed = unsafe { libc::getrlimit(libc::RLIMIT_STACK, &raw mut limit) } != 0;
    let is_known = !failed && limit.rlim_cur != libc::RLIM_INFINITY;
    if is_known { limit.rlim_cur as usize } else { 8 << 20 }
}

#[cfg(target_vendor = "apple")]
fn of_this_thread() -> Option<Bounds> {
    // SAFETY: both calls take the running thread and cannot fail.
    let (high, size) = unsafe {
        let thread = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(thread).addr(), libc::pthread_get_stacksize_np(thread))
    };
    Some(Bounds { low: high - size, high })
}

#[cfg(windows)]
fn of_this_thread() -> Option<Bounds> {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetCurrentThreadStackLimits(low: *mut usize, high: *mut usize);
    }
    let (mut low, mut high) = (0, 0);
    // SAFETY: the call writes two words and cannot fail.
    unsafe { GetCurrentThreadStackLimits(&raw mut low, &raw mut high) };
    Some(Bounds { low, high })
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple", windows)))]
fn of_this_thread() -> Option<Bounds> {
    None
}

/// A function that is called where enough of the stack is left.
#[pyclass(frozen, module = "pydantic_serialization._native._core")]
struct Guarded {
    function: Py<PyAny>,
    enough: usize,
    short: Py<PyAny>,
}

impl Callable for Guarded {
    const FUNCTION: &'static CStr = c"call";

    #[inline]
    fn call(&self, _py: Python<'_>, arguments: Arguments) -> *mut ffi::PyObject {
        arguments.forward(if remaining() >= self.enough { &self.function } else { &self.short })
    }
}

#[pymethods]
impl Guarded {
    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.short)
    }
}

/// Return a function that calls `function` where at least `enough` bytes of the stack are left, else `short`.
#[pyfunction]
fn guarded(py: Python<'_>, function: Py<PyAny>, enough: usize, short: Py<PyAny>) -> PyResult<Py<PyAny>> {
    Ok(bound(Bound::new(py, Guarded { function, enough, short })?)?.unbind())
}

/// Return the bytes that are left of the running thread's stack, or `None` where that is not known.
#[pyfunction]
fn stack_left() -> Option<usize> {
    Some(remaining()).filter(|left| *left != usize::MAX)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(stack_left, module)?)?;
    module.add_function(wrap_pyfunction!(guarded, module)?)
}
