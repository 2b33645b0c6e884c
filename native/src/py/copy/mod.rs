//! Private copies of models, equal to `model_copy(deep=True)`.
//!
//! [`walk`] copies live values. What is immutable is shared, exact lists, dicts, sets, tuples and instances of proved
//! classes ([`classes`]) are copied without a line of Python, and everything else is what `copy.deepcopy` makes of it.
//! [`memo`] keeps what was copied already, as `deepcopy` does. [`frozen`] says whether a copy is needed at all.

pub(super) mod classes;
mod container;
mod frozen;
pub(super) mod instance;
mod memo;
mod model;
mod run;
pub(super) mod set;
mod shared;
mod walk;

use pyo3::prelude::*;

/// Return a function that copies a model.
///
/// Args:
///     kind_of: Says how instances of a class are copied; asked once for each class, and again when it is changed.
///     deepcopy: Copies a value, with a memo, where the core is not certain.
///     fallback: Copies a model that the core does not copy at all.
///     keeps_identity: What is met in fields, extra and private attributes is one object in the copy.
#[pyfunction]
fn copier<'py>(
    py: Python<'py>,
    kind_of: Bound<'py, PyAny>,
    deepcopy: Bound<'py, PyAny>,
    fallback: Bound<'py, PyAny>,
    keeps_identity: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let copier = run::Copier::new(py, kind_of, deepcopy, fallback, keeps_identity)?;
    crate::py::function::bound(Bound::new(py, copier)?)
}

/// Return a function that says whether a value is frozen all the way down.
///
/// Args:
///     kind_of: As for `copier`.
#[pyfunction]
fn freeze_checker<'py>(py: Python<'py>, kind_of: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    crate::py::function::bound(Bound::new(py, frozen::Checker::new(py, kind_of)?)?)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(copier, module)?)?;
    module.add_function(wrap_pyfunction!(freeze_checker, module)?)
}
