//! Models, root models and dataclasses: what is around their fields.

use pyo3::ffi;

use super::layout::lookup;
use super::node::{Class, Dataclass, Model, Object, Root, TypedDict};
use super::output::Output;
use super::record::Record;
use super::state::{Outcome, State, Stop};
use crate::py::attributes::{Attributes, attribute};
use crate::py::entries::Walk;

/// Each has the contract of [`State::encode`].
impl<O: Output> State<'_, O> {
    #[inline]
    pub unsafe fn encode_model<const STRICT: bool>(&mut self, model: &Model, value: Object) -> Outcome {
        // SAFETY: the value is held; its class is one whose attributes are where the slots say.
        unsafe {
            if ffi::Py_TYPE(value) != model.class {
                if value == ffi::Py_None() {
                    return self.null();
                }
                if STRICT {
                    return Err(Stop::Reject);
                }
                self.accept_subclass(model.class, value)?;
                self.accept_slots(ffi::Py_TYPE(value))?;
            }
            self.enter()?;
            let _held = Self::hold(value);
            let attributes = Attributes::of(value).ok_or(Stop::Decline)?;
            let walk = || attributes.walk(value).ok_or(Stop::Decline);
            let given = self.given_of(model, value)?;
            let extra = match model.extra {
                None => std::ptr::null_mut(),
                Some(slot) => slot.read(value),
            };
            if model.extra.is_none() || extra == ffi::Py_None() {
                if self.options.filter() || model.fields.detours {
                    self.encode_members::<STRICT>(model, value, walk()?, given, None)?;
                } else {
                    self.encode_fields::<STRICT>(&model.fields, value, &attributes)?;
                }
            } else {
                if extra.is_null() || ffi::PyDict_CheckExact(extra) == 0 {
                    return Err(Stop::Decline);
                }
                let extra = Self::hold(extra);
                self.encode_members::<STRICT>(model, value, walk()?, given, Some(extra.as_ptr()))?;
            }
        }
        self.leave();
        Ok(())
    }

    /// The names that were given, where only those are written; null else. Borrowed from the model.
    #[inline]
    unsafe fn given_of(&self, model: &Model, value: Object) -> Result<Object, Stop> {
        if !self.options.exclude_unset {
            return Ok(std::ptr::null_mut());
        }
        let slot = model.fields_set.ok_or(Stop::Decline)?;
        // SAFETY: the slot belongs to the value's class or one above it.
        unsafe {
            let given = slot.read(value);
            if given.is_null() || ffi::Py_TYPE(given) != &raw mut ffi::PySet_Type {
                return Err(Stop::Decline);
            }
            Ok(given)
        }
    }

    unsafe fn encode_members<const STRICT: bool>(
        &mut self,
        model: &Model,
        value: Object,
        attributes: Walk,
        given: Object,
        extra: Option<Object>,
    ) -> Outcome {
        // SAFETY: everything is held by the caller; the names given are held here.
        unsafe {
            let _given = (!given.is_null()).then(|| Self::hold(given));
            let extras = extra.map_or(0, |extra| ffi::PyDict_Size(extra) as usize);
            let mut record = Record::begin(self, model.fields.fields.len() + extras);
            self.encode_filtered::<STRICT>(&model.fields, &mut record, value, attributes, given)?;
            if let Some(extra) = extra {
                self.encode_extra::<STRICT>(model, &mut record, value, extra)?;
            }
            self.encode_computed(&model.fields, &mut record, value)?;
            record.end(self);
        }
        Ok(())
    }

    unsafe fn encode_extra<const STRICT: bool>(
        &mut self,
        model: &Model,
        record: &mut Record,
        owner: Object,
        extra: Object,
    ) -> Outcome {
        // SAFETY: the dict is held; see `encode_dict`.
        unsafe {
            let mut walk = Walk::over(extra);
            while let Some((name, element)) = walk.next()? {
                if self.options.exclude_none && element == ffi::Py_None() {
                    continue;
                }
                if STRICT || O::IS_COUNTED || model.fields.detours {
                    self.refuse_known_name(&model.fields, name)?;
                }
                let element = Self::hold(element);
                record.member(self);
                self.push_name(name)?;
                self.encode_in::<STRICT>(owner, &model.extras, element.as_ptr())?;
            }
        }
        Ok(())
    }

    /// An instance of a class below the declared one is written as the declared one, if it keeps its attributes as that does.
    #[cold]
    #[inline(never)]
    unsafe fn accept_subclass(&mut self, declared: Class, value: Object) -> Outcome {
        let (support, names) = (&self.program.support, &self.program.support.names);
        // SAFETY: the classes are alive; their attributes are compared, not called.
        unsafe {
            let class = ffi::Py_TYPE(value);
            let is_usual = ffi::PyType_IsSubtype(class, declared) != 0
                && lookup(class, names.getattribute) == support.getattribute
                && lookup(class, names.dict) == support.dict_descriptor;
            if is_usual { Ok(()) } else { Err(Stop::Decline) }
        }
    }

    /// The names given and the extra attributes are where `BaseModel` keeps them.
    unsafe fn accept_slots(&self, class: Class) -> Outcome {
        let (support, names) = (&self.program.support, &self.program.support.names);
        // SAFETY: as above.
        let is_usual = unsafe {
            lookup(class, names.fields_set) == support.fields_set && lookup(class, names.extra) == support.extra
        };
        if is_usual { Ok(()) } else { Err(Stop::Decline) }
    }

    pub unsafe fn encode_root<const STRICT: bool>(&mut self, root: &Root, value: Object) -> Outcome {
        // SAFETY: the value is held; what stands in its dict is held while it is written.
        unsafe {
            if ffi::Py_TYPE(value) != root.class {
                if value == ffi::Py_None() {
                    return Err(Stop::Decline); // not the same in all versions
                }
                if STRICT {
                    return Err(Stop::Reject);
                }
                self.accept_subclass(root.class, value)?;
                if !lookup(ffi::Py_TYPE(value), self.program.support.names.root).is_null() {
                    return Err(Stop::Decline);
                }
            }
            let _held = Self::hold(value);
            let inner = attribute(value, self.program.support.names.root).ok_or(Stop::Decline)?;
            self.guarded(|state| state.encode::<STRICT>(&root.node, inner.as_ptr()))
        }
    }

    pub unsafe fn encode_typed_dict<const STRICT: bool>(&mut self, node: &TypedDict, value: Object) -> Outcome {
        // SAFETY: the value is held.
        unsafe {
            if ffi::PyDict_CheckExact(value) == 0 {
                if value == ffi::Py_None() {
                    return self.null();
                }
                return Err(self.refuse::<STRICT>(value));
            }
            self.enter()?;
            let _held = Self::hold(value);
            let mut record = Record::begin(self, node.fields.fields.len());
            let members = Walk::over(value);
            self.encode_filtered::<STRICT>(&node.fields, &mut record, value, members, std::ptr::null_mut())?;
            record.end(self);
        }
        self.leave();
        Ok(())
    }

    pub unsafe fn encode_dataclass<const STRICT: bool>(&mut self, node: &Dataclass, value: Object) -> Outcome {
        // SAFETY: the value is held; what stands in its dict is held while it is written.
        unsafe {
            if ffi::Py_TYPE(value) != node.class {
                if value == ffi::Py_None() {
                    return self.null();
                }
                return Err(if STRICT { Stop::Reject } else { Stop::Decline });
            }
            self.enter()?;
            let _held = Self::hold(value);
            let mut record = Record::begin(self, node.fields.fields.len());
            for (name, index) in &node.names {
                let inner = attribute(value, *name).ok_or(Stop::Decline)?;
                let field = &node.fields.fields[*index];
                self.encode_member::<STRICT>(&node.fields, field, &mut record, value, inner.as_ptr())?;
            }
            self.encode_computed(&node.fields, &mut record, value)?;
            record.end(self);
        }
        self.leave();
        Ok(())
    }
}
