//! The objects of a long document, moved to the collector's oldest generation without being walked through.
//!
//! The collector looks at all objects that were made since it last ran, at ten times as many every tenth time, and at all
//! there are when they have become a quarter more: in the middle of 50 MB that stops every thread for a second. What a
//! reader makes has no cycles, so there is nothing to find. `gc.freeze()` and `gc.unfreeze()` move the young generations
//! by linking lists, in no time.
//!
//! What other threads made in their turns moves along. That is not lost, but only looked at when everything is:
//! [`heap`](super::heap) sees to it that this is done in time.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::heap;

/// Documents of fewer bytes do not hold enough objects for a collection that anybody notices.
const LONG: usize = 1 << 20;

/// So many objects the interpreter itself may have taken out of the generations: from 3.12 on those that are immortal.
/// A program that does so takes out all there are, some 20,000 with Pydantic imported.
const IMMORTAL: usize = 2000;

/// Get ready to move the objects of a document of so many bytes. Returns whether that can be done.
///
/// Code of other people's may run: finalizers of what is collected.
pub fn begin(py: Python<'_>, length: usize) -> bool {
    length >= LONG && functions(py).is_some_and(|functions| functions.begin(py, length).unwrap_or(false))
}

/// Move what was made since the last time. Returns whether that can go on.
pub fn advance(py: Python<'_>) -> bool {
    // SAFETY: the GIL is held.
    if !unsafe { ffi::PyErr_Occurred() }.is_null() {
        return false; // nothing may be called
    }
    functions(py).is_some_and(|functions| functions.advance(py).unwrap_or(false))
}

/// Look through what is young, as the collector does now and then. Returns whether that can go on.
///
/// Code of other people's may run, as in [`begin`].
pub fn collect(py: Python<'_>) -> bool {
    functions(py).is_some_and(|functions| functions.collect_young(py).is_ok())
}

/// What the interpreter offers.
struct Functions {
    collect: Py<PyAny>,
    freeze: Py<PyAny>,
    unfreeze: Py<PyAny>,
    frozen: Py<PyAny>,
}

/// `None` where there are no such generations.
fn functions(py: Python<'_>) -> Option<&Functions> {
    static FUNCTIONS: PyOnceLock<Option<Functions>> = PyOnceLock::new();
    FUNCTIONS.get_or_init(py, || Functions::find(py).ok().flatten()).as_ref()
}

impl Functions {
    fn find(py: Python<'_>) -> PyResult<Option<Self>> {
        // On 3.13 no full collection was ever counted where young ones are asked for; 3.14 collects in small steps.
        if py.version_info() >= (3, 13) {
            return Ok(None);
        }
        let collector = py.import("gc")?;
        Ok(Some(Self {
            collect: collector.getattr("collect")?.unbind(),
            freeze: collector.getattr("freeze")?.unbind(),
            unfreeze: collector.getattr("unfreeze")?.unbind(),
            frozen: collector.getattr("get_freeze_count")?.unbind(),
        }))
    }

    fn begin(&self, py: Python<'_>, length: usize) -> PyResult<bool> {
        if self.is_program_frozen(py)? {
            return Ok(false);
        }
        self.collect_young(py)?; // what others left is looked at, and counted, as always
        if heap::has_doubled(py, length)? {
            self.collect.call0(py)?;
            heap::note_collection(py)?;
        }
        Ok(true)
    }

    fn collect_young(&self, py: Python<'_>) -> PyResult<()> {
        self.collect.call1(py, (1,)).map(drop)
    }

    fn advance(&self, py: Python<'_>) -> PyResult<bool> {
        if self.is_program_frozen(py)? {
            return Ok(false);
        }
        self.freeze.call0(py)?;
        self.unfreeze.call0(py)?;
        Ok(true)
    }

    /// Whether somebody has taken objects out of the generations: they would be put back.
    fn is_program_frozen(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.frozen.call0(py)?.extract::<usize>(py)? > IMMORTAL)
    }
}
