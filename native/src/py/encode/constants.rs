//! Values that never change, and values that are compared with defaults.

use pyo3::ffi;

use super::node::{Default, Object};
use super::output::Output;
use super::state::{State, Stop};

/// Each has the contract of [`State::encode`].
impl<O: Output> State<'_, O> {
    /// Whether Pydantic finds a value equal to its field's default.
    pub unsafe fn is_default(&self, default: &Default, value: Object) -> Result<bool, Stop> {
        let default = match default {
            Default::Absent => return Ok(false),
            Default::Opaque => return Err(Stop::Decline),
            Default::Plain(default) => *default,
        };
        // SAFETY: both are alive and of classes whose `==` runs no code of the user.
        unsafe {
            if !self.compares_plainly(value) {
                return Err(Stop::Decline);
            }
            let equal = ffi::PyObject_RichCompare(value, default, ffi::Py_EQ);
            if equal.is_null() {
                ffi::PyErr_Clear();
                return Err(Stop::Decline);
            }
            let is_equal = equal == ffi::Py_True();
            ffi::Py_DECREF(equal);
            Ok(is_equal)
        }
    }

    unsafe fn compares_plainly(&self, value: Object) -> bool {
        // SAFETY: the value is alive; addresses of static types.
        unsafe {
            let class = ffi::Py_TYPE(value);
            self.is_constant(value)
                || class == &raw mut ffi::PyList_Type
                || class == &raw mut ffi::PyDict_Type
                || class == &raw mut ffi::PyTuple_Type
                || class == &raw mut ffi::PySet_Type
                || class == &raw mut ffi::PyFrozenSet_Type
        }
    }

    /// Whether a value is of a class whose instances never change.
    pub unsafe fn is_constant(&self, value: Object) -> bool {
        // SAFETY: the value is alive; addresses of static types.
        unsafe {
            let class = ffi::Py_TYPE(value);
            let times = &*ffi::PyDateTimeAPI();
            let support = &self.program.support;
            value == ffi::Py_None()
                || class == &raw mut ffi::PyUnicode_Type
                || class == &raw mut ffi::PyLong_Type
                || class == &raw mut ffi::PyFloat_Type
                || class == &raw mut ffi::PyBool_Type
                || class == &raw mut ffi::PyBytes_Type
                || class == times.DateTimeType
                || class == times.DateType
                || class == times.TimeType
                || class == times.DeltaType
                || class == support.decimal
                || class == support.uuid
                || class == support.url
        }
    }
}
