//! The garbage collector, held back while nothing but new objects is made.
//!
//! The objects of a document are all alive and refer to nothing older. The collector would look through them again and
//! again while they are made, and find nothing: of a list of 20,000 orders that takes five times as long as to read it.
//! The GIL is held meanwhile, so nobody else sees that it rests; what it missed it looks through once, afterwards.

use pyo3::ffi;
use pyo3::prelude::*;

use super::object::Owned;

/// Documents of fewer bytes do not hold enough objects to call the collector.
pub const LONG: usize = 4096;

/// Have the collector not look at a new object that refers to nothing which could refer back: names of fields, a number.
///
/// CPython does the same for tuples and dictionaries of such values. For the collector a set of ten names is as much work
/// as the rest of its model.
#[inline]
pub fn forgotten(object: &Owned) {
    // SAFETY: the object is alive, and of a type that the collector knows.
    unsafe { ffi::PyObject_GC_UnTrack(object.as_ptr().cast()) };
}

/// The collector rests while this lives, as far as it was at work before.
pub struct Resting {
    was_enabled: bool,
}

impl Resting {
    pub fn new(_py: Python<'_>) -> Self {
        // SAFETY: the GIL is held.
        Self { was_enabled: unsafe { ffi::PyGC_Disable() } == 1 }
    }

    /// Do something with the collector as it was.
    pub fn interrupted_by(&mut self, py: Python<'_>, work: impl FnOnce()) {
        self.end();
        work();
        *self = Self::new(py);
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.was_enabled) {
            // SAFETY: the GIL is held: this is only made with it, and does not leave the call.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.end();
    }
}
