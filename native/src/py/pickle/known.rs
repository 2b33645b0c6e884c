//! Objects of Python's that values are compared with and made of.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::py::copy::classes::{Class, Classes, Object};
use crate::py::decode::instance;
use crate::py::encode::layout::Slot;
use crate::py::object::Owned;

/// What both directions look up.
pub struct Known {
    pub classes: Classes,
    pub slots: instance::Slots,
    pub undefined: Py<PyAny>,
    pub uuid_int: Slot,
    pub uuid_safety: Slot,
    pub unknown_safety: Py<PyAny>,
    pub decimal: Py<PyAny>,
    pub timezone: Py<PyAny>,
    pub utc: Py<PyAny>,
    pub tz_info: Py<PyAny>,
    /// `copyreg.dispatch_table`: classes can be put there at any time.
    pub reducers: Py<PyDict>,
}

impl Known {
    pub fn new(py: Python<'_>, kind_of: Bound<'_, PyAny>) -> PyResult<Self> {
        let (uuid, core) = (py.import("uuid")?, py.import("pydantic_core")?);
        let members = uuid.getattr("UUID")?.getattr("__dict__")?;
        let timezone = py.import("datetime")?.getattr("timezone")?;
        Ok(Self {
            classes: Classes::new(kind_of.unbind()),
            slots: instance::slots(py)?,
            undefined: core.getattr("PydanticUndefined")?.unbind(),
            uuid_int: Slot::of(&members.get_item("int")?)?,
            uuid_safety: Slot::of(&members.get_item("is_safe")?)?,
            unknown_safety: uuid.getattr("SafeUUID")?.getattr("unknown")?.unbind(),
            decimal: py.import("decimal")?.getattr("Decimal")?.unbind(),
            utc: timezone.getattr("utc")?.unbind(),
            timezone: timezone.unbind(),
            tz_info: core.getattr("TzInfo")?.unbind(),
            reducers: py.import("copyreg")?.getattr("dispatch_table")?.cast_into()?.unbind(),
        })
    }
}

/// Call a callable with one argument. `None` with an exception set if it raised.
///
/// # Safety
/// Both are alive.
pub unsafe fn call(callable: Object, argument: Object) -> Option<Owned> {
    // SAFETY: the caller's promise.
    unsafe { Owned::from_new(ffi::PyObject_CallOneArg(callable, argument)) }
}

/// The class of an object, if it is a class.
///
/// # Safety
/// The object is alive.
pub unsafe fn as_class(object: Object) -> Option<Class> {
    // SAFETY: the caller's promise.
    (unsafe { ffi::PyType_Check(object) } != 0).then_some(object.cast())
}
