//! How much memory has been added since the garbage collector last looked through all of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

/// Bytes of documents between two looks at the memory.
const LOOK: usize = 1 << 24;
/// A document needs less than so many times its bytes in memory.
const SPACE: usize = 16;

struct Heap {
    /// Bytes of documents since the last look.
    read: usize,
    /// How often everything was looked through.
    collections: usize,
    /// Bytes in use after the last of these times, as far as it is known.
    used: usize,
}

static HEAP: Mutex<Heap> = Mutex::new(Heap { read: 0, collections: 0, used: 0 });

/// Never held while Python runs.
fn heap() -> MutexGuard<'static, Heap> {
    HEAP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Say whether the memory in use has become twice as much, and two documents more, before one of so many bytes.
pub fn has_doubled(py: Python<'_>, length: usize) -> PyResult<bool> {
    let known = {
        let mut heap = heap();
        heap.read += length;
        if heap.read < LOOK {
            return Ok(false);
        }
        heap.read = 0;
        (heap.collections, heap.used)
    };
    let found = (collections(py)?, used(py)?);
    if found.0 != known.0 {
        note(found);
        return Ok(false);
    }
    Ok(found.1 > 2 * (known.1 + SPACE * length))
}

/// Note that everything was looked through.
pub fn note_collection(py: Python<'_>) -> PyResult<()> {
    note((collections(py)?, used(py)?));
    Ok(())
}

fn note((collections, used): (usize, usize)) {
    let mut heap = heap();
    (heap.collections, heap.used) = (collections, used);
}

fn collections(py: Python<'_>) -> PyResult<usize> {
    py.import("gc")?.call_method0("get_stats")?.get_item(2)?.get_item("collections")?.extract()
}

/// Bytes in use. What the system knows is told at once; the interpreter has to count its blocks, which takes some
/// milliseconds where there are many.
fn used(py: Python<'_>) -> PyResult<usize> {
    const PAGE: usize = 4096;
    const BLOCK: usize = 96;
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let resident = pages.and_then(|pages| pages.split_ascii_whitespace().nth(1)?.parse::<usize>().ok());
    match resident {
        Some(pages) => Ok(pages * PAGE),
        None => Ok(BLOCK * py.import("sys")?.call_method0("getallocatedblocks")?.extract::<usize>()?),
    }
}
