//! Models to JSON text and to MessagePack.

mod build;
mod calls;
mod clean_copy;
mod constants;
mod container;
mod fields;
mod fill;
mod holes;
mod infer;
mod json_text;
pub(crate) mod layout;
mod lines;
mod model;
mod node;
mod options;
mod output;
mod packed;
mod parts;
mod record;
mod run;
mod scalar;
mod state;
mod temporal;
mod tree;
mod union;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Return a function that writes JSON text of one type.
///
/// Args:
///     program: What the compiler made of the type.
///     fallback: Does the calls that the program is not certain of, with the same arguments.
///     max_depth: Levels of arrays and objects.
///     text: Give `str` rather than `bytes`.
///     eager: Ask Pydantic for parts even where that takes longer than to let it do the whole, for tests.
///     part_stack: Bytes of the stack that have to be left for Pydantic to be asked for a part.
///     part_check: Is given the value of a part that Pydantic may have written with a `null`; unless it returns `False`,
///         `fallback` does the whole.
#[pyfunction]
#[pyo3(signature = (program, fallback, *, max_depth, text, eager = false, part_stack = 0, part_check = None))]
fn encoder<'py>(
    program: &Bound<'py, PyTuple>,
    fallback: Bound<'py, PyAny>,
    max_depth: usize,
    text: bool,
    eager: bool,
    part_stack: usize,
    part_check: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let encoder = run::Encoder::new(build::program(program)?, fallback.unbind(), max_depth, text, eager)
        .with_part_stack(part_stack)
        .with_part_check(part_check);
    crate::py::function::bound(Bound::new(program.py(), run::JsonEncoder(encoder))?)
}

/// Return a function that writes MessagePack of one type; the arguments are those of [`encoder`].
#[pyfunction]
#[pyo3(signature = (program, fallback, *, max_depth, eager = false, part_stack = 0, part_check = None))]
fn msgpack_encoder<'py>(
    program: &Bound<'py, PyTuple>,
    fallback: Bound<'py, PyAny>,
    max_depth: usize,
    eager: bool,
    part_stack: usize,
    part_check: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let encoder = run::Encoder::new(build::program(program)?, fallback.unbind(), max_depth, false, eager)
        .with_part_stack(part_stack)
        .with_part_check(part_check);
    crate::py::function::bound(Bound::new(program.py(), run::MsgpackEncoder(encoder))?)
}

/// Return a function that writes a list as lines of JSON, each an item of one type; `program` is that of an item.
#[pyfunction]
#[pyo3(signature = (program, fallback, *, max_depth, part_stack = 0, part_check = None))]
fn lines_encoder<'py>(
    program: &Bound<'py, PyTuple>,
    fallback: Bound<'py, PyAny>,
    max_depth: usize,
    part_stack: usize,
    part_check: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let encoder = run::Encoder::new(build::program(program)?, fallback.unbind(), max_depth, false, false)
        .with_part_stack(part_stack)
        .with_part_check(part_check);
    crate::py::function::bound(Bound::new(program.py(), lines::LinesEncoder(encoder))?)
}

/// Return a function that gives what Pydantic's `to_python(value, mode="json")` gives for one type.
#[pyfunction]
fn tree_encoder<'py>(program: &Bound<'py, PyTuple>, fallback: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let encoder = tree::TreeEncoder::new(build::program(program)?, fallback.unbind());
    crate::py::function::bound(Bound::new(program.py(), encoder)?)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(tree_encoder, module)?)?;
    module.add_function(wrap_pyfunction!(encoder, module)?)?;
    module.add_function(wrap_pyfunction!(lines_encoder, module)?)?;
    module.add_function(wrap_pyfunction!(msgpack_encoder, module)?)
}
