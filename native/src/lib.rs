//! The native core of `pydantic_serialization`: documents straight from and into the instances of Pydantic models.
//!
//! This file is wiring only. [`frame`], [`json`], [`memory`], [`msgpack`] and [`source`] know no Python type; [`py`] is the
//! only module that touches Python objects.

pub mod frame;
pub mod json;
pub mod memory;
pub mod msgpack;
pub mod py;
pub mod source;

use pyo3::prelude::*;

/// The native core of `pydantic_serialization`.
#[pymodule(gil_used = true)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    py::register(module)
}
