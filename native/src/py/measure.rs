//! What a document has too much of, for Python.

use pyo3::prelude::*;

use crate::msgpack::measure::{Excess, excess};

/// Return `"levels"` or `"items"`, whichever a MessagePack document has more of than is allowed, else `None`.
#[pyfunction]
fn msgpack_excess(data: &[u8], levels: usize, items: usize) -> Option<&'static str> {
    excess(data, levels, items).map(|found| match found {
        Excess::Levels => "levels",
        Excess::Items => "items",
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(msgpack_excess, module)?)
}
