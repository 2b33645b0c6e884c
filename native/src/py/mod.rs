//! Everything that touches Python objects.

pub mod allocator;
pub mod attributes;
pub mod catching;
pub mod collector;
pub mod copy;
pub mod datetime;
pub mod decode;
pub mod dict_object;
pub mod dispatch;
pub mod encode;
pub mod entries;
pub mod extent;
pub mod function;
mod generations;
mod heap;
pub mod inline_values;
pub mod int_object;
pub mod measure;
pub mod object;
pub mod pause;
pub mod pickle;
pub mod sealer;
pub mod stack;

use pyo3::prelude::*;

/// Add everything that Python may call to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    datetime::import(module.py())?;
    inline_values::probe(module.py())?;
    int_object::probe(module.py())?;
    entries::probe(module.py())?;
    attributes::probe(module.py())?;
    encode::register(module)?;
    decode::register(module)?;
    copy::register(module)?;
    sealer::register(module)?;
    catching::register(module)?;
    measure::register(module)?;
    pickle::register(module)?;
    extent::register(module)?;
    stack::register(module)?;
    dispatch::register(module)
}
