//! Documents to models.
//!
//! [`reader`] goes through a document once and makes values; what needs code of the user's is only drafted ([`draft`])
//! and made afterwards ([`realise`]). [`node`] is the program, [`build`] makes it of what the compiler in Python says.

pub(crate) mod attributes;
mod build;
mod container;
pub(crate) mod dict_layout;
pub(crate) mod dict_template;
mod draft;
mod fields;
mod function;
pub(crate) mod inline_template;
mod input;
pub(crate) mod instance;
mod model;
mod node;
pub(crate) mod objects;
mod piece;
pub(crate) mod reader;
mod realise;
mod refusal;
mod scalar;
pub(crate) mod set_layout;
mod set_template;
mod tree;
mod union;
mod user_calls;

use pyo3::prelude::*;

use crate::py::object::Owned;

/// What a JSON text stands for without any declaration, in Python's own types; `None` if it cannot be made.
pub fn plain_value(text: &[u8]) -> Option<Owned> {
    let root = node::Node::Any;
    let plan = node::Plan { root, definitions: Vec::new(), live: Vec::new(), is_lax: false, fail: None, part_stack: 0 };
    // SAFETY: None lives as long as the interpreter.
    let call = reader::Call { context: unsafe { pyo3::ffi::Py_None() }, strict: std::ptr::null_mut() };
    let mut reader = reader::Reader::new(&plan, crate::json::cursor::Cursor::new(text), DEEPEST, call);
    let value = reader.value(&plan.root).ok()?;
    reader.cursor.is_at_end().then_some(value)
}

/// Levels of arrays and objects.
const DEEPEST: usize = 256;

/// Add everything that Python may call to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(function::decoder, module)?)?;
    module.add_function(wrap_pyfunction!(function::msgpack_decoder, module)?)
}
