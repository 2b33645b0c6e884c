//! Models: the values of an instance, after the number of its shape.

use std::rc::Rc;

use pyo3::ffi;

use super::block::{Block, HELD, Unsuited, Written, unsuited};
use super::shape::Entries;
use crate::py::attributes::Attributes;
use crate::py::copy::classes::{Kind, Object};
use crate::py::copy::instance::State;
use crate::py::entries::InPlace;
use crate::py::object::Owned;
use crate::py::pickle::tag::{self, flag};

/// Each function has the contract of [`Block::value`].
impl Block<'_> {
    pub(super) unsafe fn model(&mut self, model: Object, kind: Kind, is_kept: bool) -> Written {
        // SAFETY: an instance of a class that was proved to be a model; what it holds is held until it is written.
        unsafe {
            let state = State::of(model, self.known.slots);
            // Pickle would keep the identity of a dict or set that something else refers to.
            if !state.is_usual(kind) || is_shared(&state.fields_set) {
                return Err(Unsuited);
            }
            let attributes = state.attributes.as_ref().ok_or(Unsuited)?;
            if matches!(attributes, Attributes::Dict(dict) if is_shared(dict)) {
                return Err(Unsuited);
            }
            let (extra, private) = match kind {
                Kind::RootModel => (None, None),
                _ => (state.extra.as_ref().and_then(not_none), state.private.as_ref().and_then(not_none)),
            };
            if private.is_some_and(|private| ffi::Py_REFCNT(private) > HELD && ffi::PyDict_Size(private) == 0) {
                return Err(Unsuited);
            }
            let flags =
                if extra.is_some() { flag::EXTRA } else { 0 } | if private.is_some() { flag::PRIVATE } else { 0 };
            let shape = self.shape(model, flags, attributes, state.fields_set.as_ptr())?;
            self.out.push(if is_kept { tag::KEPT_MODEL } else { tag::MODEL });
            self.number(shape as u64);
            if is_kept {
                self.keep(model);
            }
            self.attributes(model, attributes, shape)?;
            if let Some(extra) = extra {
                self.value(extra, HELD)?;
            }
            if let Some(private) = private {
                self.dict(private, false, self.known.undefined.as_ptr())?;
            }
            if self.shapes[shape].flags & flag::MORE != 0 {
                self.more(shape, state.fields_set.as_ptr())?;
            }
            Ok(())
        }
    }

    /// Write the values of attributes, whose names are those of the shape.
    #[inline]
    unsafe fn attributes(&mut self, model: Object, attributes: &Attributes, shape: usize) -> Written {
        let names = Rc::clone(&self.shapes[shape].names);
        // SAFETY: what has them is held. Should they change meanwhile, they are elsewhere, have other names, or are fewer.
        unsafe {
            match Entries::of(model, attributes) {
                Entries::Table(entries) => return self.entries(entries, &names),
                Entries::Beside(entries) => return self.entries(entries, &names),
                Entries::Elsewhere => {}
            }
            let Attributes::Dict(dict) = attributes else { return Err(Unsuited) };
            let mut done = 0;
            let (mut at, mut name, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            while ffi::PyDict_Next(dict.as_ptr(), &raw mut at, &raw mut name, &raw mut value) != 0 {
                if names.get(done).map(Owned::as_ptr) != Some(name) {
                    return Err(Unsuited);
                }
                self.held(value)?;
                done += 1;
            }
            if done == names.len() { Ok(()) } else { Err(Unsuited) }
        }
    }

    #[inline(always)]
    unsafe fn entries(&mut self, mut entries: impl InPlace, names: &[Owned]) -> Written {
        let mut done = 0;
        // SAFETY: looked at anew after each value.
        unsafe {
            while let Some((name, value)) = entries.take() {
                if names.get(done).map(Owned::as_ptr) != Some(name) {
                    return Err(Unsuited);
                }
                self.held(value)?;
                entries.check().map_err(|_| Unsuited)?;
                done += 1;
            }
        }
        if done == names.len() { Ok(()) } else { Err(Unsuited) }
    }

    /// Write the names of given fields that are not in `__dict__`.
    unsafe fn more(&mut self, shape: usize, fields_set: Object) -> Written {
        // SAFETY: a set that is held; names are compared as exact strings.
        unsafe {
            let mut more = Vec::new();
            let items = Owned::from_new(ffi::PyObject_GetIter(fields_set)).ok_or_else(unsuited)?;
            while let Some(item) = Owned::from_new(ffi::PyIter_Next(items.as_ptr())) {
                if ffi::PyUnicode_CheckExact(item.as_ptr()) == 0 {
                    return Err(Unsuited);
                }
                let names = &self.shapes[shape].names;
                let is_name = names.iter().any(|name| {
                    name.as_ptr() == item.as_ptr() || ffi::PyUnicode_Compare(name.as_ptr(), item.as_ptr()) == 0
                });
                if !is_name {
                    more.push(item);
                }
            }
            if !ffi::PyErr_Occurred().is_null() {
                return Err(unsuited());
            }
            self.number(more.len() as u64);
            for name in more {
                self.text(name.as_ptr(), 0)?;
            }
            Ok(())
        }
    }
}

fn not_none(object: &Owned) -> Option<Object> {
    // SAFETY: only addresses are compared.
    (object.as_ptr() != unsafe { ffi::Py_None() }).then_some(object.as_ptr())
}

/// Say whether something else than its owner and this walk refers to an object.
fn is_shared(object: &Owned) -> bool {
    // SAFETY: alive, being held.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) > HELD }
}
