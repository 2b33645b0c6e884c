//! The attributes of an instance, wherever the interpreter keeps them, whatever its class says about them.

use pyo3::ffi;

use super::node::Object;
use super::state::Stop;
use crate::py::entries::{self, Beside, Walk};
use crate::py::inline_values::{InlineValues, SharedKeys};
use crate::py::object::Owned;

/// The attributes of an instance: in a dict, or beside it.
pub struct Attributes {
    pub instance: Object,
    pub dict: Option<Owned>,
}

impl Attributes {
    /// Find them.
    ///
    /// # Safety
    /// The instance is held as long as the result, and its class keeps attributes as `object` does.
    #[inline(always)]
    pub unsafe fn of(instance: Object) -> Result<Self, Stop> {
        // SAFETY: the caller's promise.
        unsafe {
            let dict = entries::attributes_of(instance);
            if dict.is_null() && InlineValues::of(instance).is_some_and(|values| values.is_in_order()) {
                return Ok(Self { instance, dict: None });
            }
            Ok(Self { instance, dict: Some(dict_of(instance)?) })
        }
    }

    /// Begin to walk over them.
    pub fn walk(&self) -> Result<Walk, Stop> {
        // SAFETY: the dict is held here, the instance by the caller of `of`.
        unsafe {
            match &self.dict {
                Some(dict) => Ok(Walk::over(dict.as_ptr())),
                None => Beside::instance(self.instance).map(Walk::Beside).ok_or(Stop::Decline),
            }
        }
    }
}

/// One attribute.
///
/// # Safety
/// The instance is held, its class keeps attributes as `object` does, and the name is an interned string.
pub unsafe fn attribute(instance: Object, name: Object) -> Result<Owned, Stop> {
    // SAFETY: the caller's promise; what is found is referenced before anything else can run.
    unsafe {
        if let Some(found) = attribute_beside(instance, name) {
            return Ok(found);
        }
        let dict = dict_of(instance)?;
        let found = ffi::PyDict_GetItemWithError(dict.as_ptr(), name);
        if found.is_null() {
            ffi::PyErr_Clear();
            return Err(Stop::Decline);
        }
        Ok(Owned::from_borrowed(found))
    }
}

/// An attribute that the instance has beside it; `None` where it has to be looked for in the dict.
unsafe fn attribute_beside(instance: Object, name: Object) -> Option<Owned> {
    // SAFETY: an instance with values shares the keys of its class, of which it has as many as it has room for.
    unsafe {
        let values = InlineValues::of(instance)?;
        let keys = SharedKeys::of(ffi::Py_TYPE(instance))?;
        let place = (0..keys.count()).find(|place| (*keys.entries().add(*place))[0] == name)?;
        let value = values.get(place);
        (!value.is_null()).then(|| Owned::from_borrowed(value))
    }
}

/// The `__dict__` of an instance, which may be made for it.
///
/// # Safety
/// As for [`Attributes::of`].
#[inline]
unsafe fn dict_of(instance: Object) -> Result<Owned, Stop> {
    // SAFETY: the caller's promise.
    unsafe {
        let found = entries::attributes_of(instance);
        let dict = if found.is_null() {
            Owned::from_new(ffi::PyObject_GenericGetDict(instance, std::ptr::null_mut()))
        } else {
            Some(Owned::from_borrowed(found))
        };
        let Some(dict) = dict else {
            ffi::PyErr_Clear();
            return Err(Stop::Decline);
        };
        if ffi::PyDict_CheckExact(dict.as_ptr()) == 0 { Err(Stop::Decline) } else { Ok(dict) }
    }
}
