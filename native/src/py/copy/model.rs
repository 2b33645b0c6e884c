//! Models, and instances that are nothing but their `__dict__`.

use pyo3::ffi;
use pyo3::prelude::*;

use super::classes::{Kind, Object};
use super::instance::{State, allocate, put};
use super::set;
use super::walk::{BY_TWO, Copied, Stop, Walk, owned};
use crate::py::attributes::{Attributes, dict_of};
use crate::py::entries::Beside;
use crate::py::inline_values::{InlineValues, SharedKeys};
use crate::py::object::Owned;

/// Each has the contract of [`Walk::value`].
impl Walk<'_> {
    pub(super) unsafe fn model(&mut self, model: Object, kind: Kind, references: ffi::Py_ssize_t) -> Copied<Owned> {
        // SAFETY: an instance of a class that was proved to be a model, which the caller holds; all that is read from
        // it is held before anything else can run, and the new instance has empty slots at the same places.
        unsafe {
            if let Some(copy) = self.recall(model, references)? {
                return Ok(copy);
            }
            let slots = self.known.slots;
            let state = State::of(model, slots);
            if !state.is_usual(kind) {
                return self.unknown(model);
            }
            let class = ffi::Py_TYPE(model);
            let copy = allocate(class)?;
            self.remember(model, &copy, references)?;
            self.give_attributes(&copy, model, state.attributes.ok_or(Stop::Unknown)?)?;
            let base = copy.as_ptr();
            if kind == Kind::Model {
                let extra = state.extra.ok_or(Stop::Unknown)?;
                let extra = self.value(extra.as_ptr(), BY_TWO)?.unwrap_or(extra);
                put(base, slots.extra, extra);
            }
            put(base, slots.fields_set, set::copied(state.fields_set.as_ptr()).ok_or(Stop::Failed)?);
            if kind == Kind::Model {
                put(base, slots.private, self.private(state.private.ok_or(Stop::Unknown)?)?);
            }
            Ok(copy)
        }
    }

    /// The private attributes that were given a value.
    unsafe fn private(&mut self, private: Owned) -> Copied<Owned> {
        // SAFETY: None, or exactly a dict with string keys.
        unsafe {
            if private.as_ptr() == ffi::Py_None() {
                return Ok(private);
            }
            let copy = owned(ffi::PyDict_Copy(private.as_ptr()))?;
            let undefined = self.known.undefined.as_ptr();
            let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            while ffi::PyDict_Next(private.as_ptr(), &raw mut at, &raw mut key, &raw mut value) != 0 {
                if value == undefined && ffi::PyDict_DelItem(copy.as_ptr(), key) < 0 {
                    return Err(Stop::Failed);
                }
            }
            if !self.has_shared_keys(&copy)? {
                return self.unknown(copy.as_ptr());
            }
            self.replace_values(&copy)?;
            Ok(copy)
        }
    }

    /// Copy an instance that is nothing but its `__dict__`.
    pub(super) unsafe fn object(&mut self, object: Object, references: ffi::Py_ssize_t) -> Copied<Owned> {
        // SAFETY: an instance of a class that was proved to keep everything there; the caller holds it.
        unsafe {
            if let Some(copy) = self.recall(object, references)? {
                return Ok(copy);
            }
            let class = ffi::Py_TYPE(object);
            let is_usual = ffi::PyDict_Contains(self.known.reducers.as_ptr(), class.cast()) == 0;
            let Some(dict) = dict_of(object).filter(|_| is_usual) else {
                return self.unknown(object);
            };
            let copy = allocate(class)?;
            self.remember(object, &copy, references)?;
            let attributes = self.dict(dict.as_ptr(), BY_TWO)?;
            // Not by `PyObject_GenericSetDict`: since 3.13 that does not tell an instance with inline values.
            let name = pyo3::intern!(Python::assume_attached(), "__dict__");
            if ffi::PyObject_GenericSetAttr(copy.as_ptr(), name.as_ptr(), attributes.as_ptr()) < 0 {
                return Err(Stop::Failed);
            }
            Ok(copy)
        }
    }

    /// Give a new instance copies of the attributes of another.
    #[inline]
    unsafe fn give_attributes(&mut self, instance: &Owned, model: Object, attributes: Attributes) -> Copied<()> {
        // SAFETY: the caller holds both. Nothing has run since the attributes were found, and nothing does until the new
        // instance has references to all of them; a dict is held here, too.
        unsafe {
            let Attributes::Dict(dict) = attributes else {
                let keys = SharedKeys::of(ffi::Py_TYPE(model)).ok_or(Stop::Unknown)?;
                let values = InlineValues::of(model).filter(|values| values.is_in_order()).ok_or(Stop::Unknown)?;
                let Some(values) = values.duplicate(keys) else {
                    ffi::PyErr_NoMemory();
                    return Err(Stop::Failed);
                };
                values.give_to(instance.as_ptr());
                let places = Beside::instance(instance.as_ptr()).ok_or(Stop::Unknown)?;
                self.replace_in(places)?;
                return Ok(());
            };
            let copy = self.dict(dict.as_ptr(), BY_TWO)?;
            if ffi::PyObject_GenericSetDict(instance.as_ptr(), copy.as_ptr(), std::ptr::null_mut()) < 0 {
                return Err(Stop::Failed);
            }
            Ok(())
        }
    }
}
