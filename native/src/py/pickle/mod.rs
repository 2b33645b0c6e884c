//! The blocks of compact pickles. `formats/_compact_reader.py` describes the layout.
//!
//! [`write`] walks live values and gives up at the first that is not certain to be pickled by Python's and Pydantic's own
//! methods; nothing has been done by then. [`read`] trusts nothing: not a count, not a number, not a class.

mod known;
mod read;
mod tag;
mod write;

use pyo3::prelude::*;

/// Return a function that writes the block of a compact pickle.
///
/// Args:
///     kind_of: Says how instances of a class are written; asked once for each class, and again when it is changed.
#[pyfunction]
fn block_writer<'py>(py: Python<'py>, kind_of: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    crate::py::function::bound(Bound::new(py, write::Writer::new(py, kind_of)?)?)
}

/// Return a function that reads the block of a compact pickle.
///
/// Args:
///     kind_of: Says how instances of a class are made.
///     fallback: Reads blocks with classes that have a say in how their instances are made.
///     refuse: Raises the error for what is no block.
#[pyfunction]
fn block_reader<'py>(
    py: Python<'py>,
    kind_of: Bound<'py, PyAny>,
    fallback: Bound<'py, PyAny>,
    refuse: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    crate::py::function::bound(Bound::new(py, read::BlockReader::new(py, kind_of, fallback, refuse)?)?)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(block_writer, module)?)?;
    module.add_function(wrap_pyfunction!(block_reader, module)?)
}
