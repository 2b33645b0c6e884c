//! What an instance is made of: read from one, and put into a new one.

use pyo3::ffi;

use super::classes::{Class, Kind, Object};
use super::walk::{Copied, Stop, owned};
use crate::py::attributes::Attributes;
use crate::py::decode::instance::Slots;
use crate::py::object::Owned;

/// What a model holds, with references of one's own.
pub struct State {
    /// `None` if there is no plain dict.
    pub attributes: Option<Attributes>,
    pub extra: Option<Owned>,
    pub private: Option<Owned>,
    pub fields_set: Owned,
}

impl State {
    /// # Safety
    /// The object is an instance of a model class, and alive.
    #[inline]
    pub unsafe fn of(model: Object, slots: Slots) -> Self {
        // SAFETY: said above; empty slots become `None`.
        unsafe {
            let slot = |offset: ffi::Py_ssize_t| {
                let found = *model.byte_offset(offset).cast::<Object>();
                (!found.is_null()).then(|| Owned::from_borrowed(found))
            };
            let none = || Owned::from_borrowed(ffi::Py_None());
            Self {
                extra: slot(slots.extra),
                private: slot(slots.private),
                fields_set: slot(slots.fields_set).unwrap_or_else(none),
                attributes: Attributes::of(model),
            }
        }
    }

    /// Say whether everything is of the type that Pydantic gives it.
    #[inline]
    pub unsafe fn is_usual(&self, kind: Kind) -> bool {
        // SAFETY: alive, being held.
        unsafe {
            let is_dict_or_none = |object: &Option<Owned>| {
                object.as_ref().is_some_and(|object| {
                    object.as_ptr() == ffi::Py_None() || ffi::PyDict_CheckExact(object.as_ptr()) != 0
                })
            };
            self.attributes.is_some()
                && ffi::Py_TYPE(self.fields_set.as_ptr()) == &raw mut ffi::PySet_Type
                && (kind == Kind::RootModel || (is_dict_or_none(&self.extra) && is_dict_or_none(&self.private)))
        }
    }
}

#[inline]
pub unsafe fn allocate(class: Class) -> Copied<Owned> {
    // SAFETY: the class was proved to be made by its allocator.
    unsafe { owned((*class).tp_alloc.ok_or(Stop::Unknown)?(class, 0)) }
}

/// Put a reference into a slot of a new instance.
#[inline]
pub unsafe fn put(instance: Object, offset: ffi::Py_ssize_t, value: Owned) {
    // SAFETY: the slot is there. It may have been filled meanwhile by code that was handed the unfinished instance.
    unsafe {
        let place = instance.byte_offset(offset).cast::<Object>();
        let old = place.read();
        place.write(value.into_ptr());
        ffi::Py_XDECREF(old);
    }
}
