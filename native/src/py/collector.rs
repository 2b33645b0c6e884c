//! The garbage collector, held back while nothing but new objects is made.
//!
//! The objects of a document are all alive and refer to nothing older. The collector would look through them again and
//! again while they are made, and find nothing: of a list of 20,000 orders that takes five times as long as to read it.
//! The GIL is held meanwhile, so nobody else sees that it rests; what it missed it looks through once, afterwards. Of a
//! long document there is so much that this too would take long: its objects are moved out of the way.

use pyo3::ffi;
use pyo3::prelude::*;

use super::generations;
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
    /// Move what was made out of its way before it goes on.
    moves: bool,
}

impl Resting {
    /// For a document of so many bytes.
    pub fn new(py: Python<'_>, length: usize) -> Self {
        let moves = is_enabled(py) && generations::begin(py, length);
        Self { was_enabled: disable(py), moves }
    }

    /// Do something with the collector as it was.
    pub fn interrupted_by(&mut self, py: Python<'_>, work: impl FnOnce()) {
        self.end(py);
        work();
        self.was_enabled = disable(py);
    }

    /// Let the collector go on.
    pub fn into_working(mut self) -> Working {
        // SAFETY: the GIL is held: this is only made with it, and does not leave the call.
        self.end(unsafe { Python::assume_attached() });
        Working { moves: self.moves }
    }

    fn end(&mut self, py: Python<'_>) {
        if std::mem::take(&mut self.was_enabled) {
            self.moves = self.moves && generations::advance(py);
            // SAFETY: the GIL is held.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        // SAFETY: as in `into_working`.
        self.end(unsafe { Python::assume_attached() });
    }
}

/// The collector is at work while code of the user's runs, but does not get to look through everything.
pub struct Working {
    moves: bool,
}

impl Working {
    /// Look through what is young now, and move what is left of it.
    pub fn advance(&mut self, py: Python<'_>) {
        self.moves = self.moves && is_enabled(py) && generations::collect(py) && generations::advance(py);
    }
}

impl Drop for Working {
    /// What has come last may refer to everything before: to look through that too would take long.
    fn drop(&mut self) {
        // SAFETY: as for the other one.
        let py = unsafe { Python::assume_attached() };
        if self.moves && is_enabled(py) {
            generations::advance(py);
        }
    }
}

fn is_enabled(_py: Python<'_>) -> bool {
    // SAFETY: the GIL is held.
    unsafe { ffi::PyGC_IsEnabled() == 1 }
}

/// Returns whether it was at work.
fn disable(_py: Python<'_>) -> bool {
    // SAFETY: the GIL is held.
    unsafe { ffi::PyGC_Disable() == 1 }
}
