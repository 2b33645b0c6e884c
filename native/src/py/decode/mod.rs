//! JSON text to models.
//!
//! [`reader`] goes through the text once and makes values; what needs code of the user's is only drafted ([`draft`])
//! and made afterwards ([`realise`]). [`node`] is the program, [`build`] makes it of what the compiler in Python says.

mod build;
mod container;
mod dict_layout;
mod dict_template;
mod draft;
mod fields;
mod function;
mod input;
mod instance;
mod model;
mod node;
mod objects;
mod piece;
mod reader;
mod realise;
mod scalar;
mod set_layout;
mod set_template;
mod tree;
mod union;

use pyo3::prelude::*;

/// Add everything that Python may call to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    objects::import_datetime(module.py())?;
    module.add_function(wrap_pyfunction!(function::decoder, module)?)
}
