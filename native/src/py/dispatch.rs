//! From a call of a method that all models share to the function that is bound for the model's own class.
//!
//! `install()` puts one function under `BaseModel.model_dump_json`. It has to find the encoder of `type(self)` in a few
//! nanoseconds, and must not find the one of a base class, nor the one from before a `model_rebuild()`. The class keeps
//! the pair (its own serializer at the time of binding, function) in an attribute: where the class's serializer is
//! still that very object, the function is its own and current. Everything else is for `resolve`, which is Python.
//!
//! Attributes are read as `type.__getattribute__` does: the classes of Pydantic have a metaclass with a `__getattr__`,
//! which makes the ordinary way four times slower.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::function::{Arguments, Callable, bound};
use super::object::Owned;

#[pyclass(frozen)]
struct Dispatch {
    on_class: bool,
    entry: Py<PyString>,
    source: Py<PyString>,
    resolve: Py<PyAny>,
}

impl Dispatch {
    /// The pair of the class that a call is for, if it is that class's own and current.
    fn entry_of(&self, first: *mut ffi::PyObject) -> Option<Owned> {
        // SAFETY: `first` is alive while the call lasts, and so is its type; the GIL is held.
        unsafe {
            let class = if !self.on_class {
                ffi::Py_TYPE(first).cast()
            } else if ffi::PyType_Check(first) != 0 {
                first
            } else {
                return None;
            };
            let entry = attribute(class, self.entry.as_ptr())?;
            let is_pair = ffi::PyTuple_Check(entry.as_ptr()) != 0 && ffi::PyTuple_GET_SIZE(entry.as_ptr()) == 2;
            if !is_pair {
                return None;
            }
            let source = attribute(class, self.source.as_ptr())?;
            (ffi::PyTuple_GET_ITEM(entry.as_ptr(), 0) == source.as_ptr()).then_some(entry)
        }
    }
}

/// An attribute of a class, without what its metaclass would compute; `None` where there is none.
///
/// # Safety
/// `class` is a live type object, `name` a live string, and the GIL is held for the result's life.
unsafe fn attribute(class: *mut ffi::PyObject, name: *mut ffi::PyObject) -> Option<Owned> {
    // SAFETY: `type` has had this slot since there are types; the caller vouches for the arguments.
    unsafe {
        let get = ffi::PyType_Type.tp_getattro?;
        let found = Owned::from_new(get(class, name));
        if found.is_none() {
            ffi::PyErr_Clear();
        }
        found
    }
}

impl Callable for Dispatch {
    const FUNCTION: &'static std::ffi::CStr = c"dispatch";

    fn call(&self, _py: Python<'_>, arguments: Arguments) -> *mut ffi::PyObject {
        let Some(entry) = arguments.first().and_then(|first| self.entry_of(first)) else {
            return arguments.forward(&self.resolve);
        };
        // SAFETY: `entry_of` gives pairs only; `entry` keeps the function alive while it runs.
        unsafe {
            let function = ffi::PyTuple_GET_ITEM(entry.as_ptr(), 1);
            let arguments = if self.on_class { arguments.without_first() } else { arguments };
            arguments.forward_to(function)
        }
    }
}

/// Return the function behind a method of all models.
///
/// It takes the arguments of the method, with the instance or the class in front. `resolve` takes the same where the
/// class has no current entry.
#[pyfunction]
#[pyo3(signature = (resolve, *, entry, source, on_class))]
fn dispatcher(
    py: Python<'_>,
    resolve: Py<PyAny>,
    entry: Bound<'_, PyString>,
    source: Bound<'_, PyString>,
    on_class: bool,
) -> PyResult<Py<PyAny>> {
    let object = Dispatch { on_class, entry: entry.unbind(), source: source.unbind(), resolve };
    Ok(bound(Bound::new(py, object)?)?.unbind())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(dispatcher, module)?)
}
