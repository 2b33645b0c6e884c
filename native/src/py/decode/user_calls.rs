//! Calls of what the user wrote: validators, factories, constructors.

use pyo3::ffi;
use pyo3::prelude::*;

use super::draft::{Origin, Span};
use super::fields::Default;
use super::model::default_value;
use super::node::{After, Before, Info, Node, Piece};
use super::reader::Reader;
use super::realise::{Realiser, Stop};
use crate::json::cursor::Cursor;
use crate::py::object::Owned;

/// Levels of what a validator of the user's made.
const LEVELS: usize = 200;

/// More of a model's own validators inside one another are left to Pydantic, which has a guard.
const MOST_BEFORES: usize = 32;

impl<'p> Realiser<'p, '_, '_> {
    #[inline(never)]
    pub(super) fn init(&mut self, class: &Py<PyAny>, keywords: &Owned, origin: Origin) -> Result<Owned, Stop> {
        // SAFETY: class and arguments are alive for the call.
        let made = unsafe {
            let nothing = Owned::from_new(ffi::PyTuple_New(0)).ok_or_else(|| self.raised())?;
            Owned::from_new(ffi::PyObject_Call(class.as_ptr(), nothing.as_ptr(), keywords.as_ptr()))
        };
        made.ok_or_else(|| self.refused(origin))
    }

    #[inline(never)]
    pub(super) fn default(&mut self, default: &'p Default) -> Result<Owned, Stop> {
        let made = match default {
            // SAFETY: the function lives as long as the program.
            Default::Made(function) => unsafe { Owned::from_new(ffi::PyObject_CallNoArgs(function.as_ptr())) },
            Default::DeepCopied(value) => {
                let copied = self.py.import("copy").and_then(|copy| copy.call_method1("deepcopy", (value,)));
                // SAFETY: a new reference that is given away.
                return copied
                    .map_err(Stop::Raised)
                    .and_then(|value| unsafe { Owned::from_new(value.into_ptr()).ok_or(Stop::Unknown) });
            }
            plain => return Ok(default_value(plain)?),
        };
        made.ok_or_else(|| self.raised())
    }

    /// Call a validator with a value that is valid.
    #[inline(never)]
    pub(super) fn after(&mut self, after: &'p After, value: Owned, origin: Origin) -> Result<Owned, Stop> {
        let result = self.call(&after.function, after.info.as_ref(), &value)?;
        result.ok_or_else(|| self.refused(origin))
    }

    /// Call a function of the user's; `Ok(None)` if it raised.
    #[inline(never)]
    pub(super) fn call(
        &mut self,
        function: &Py<PyAny>,
        info: Option<&Info>,
        value: &Owned,
    ) -> Result<Option<Owned>, Stop> {
        // SAFETY: function and arguments are alive for the call.
        unsafe {
            let Some(info) = info else {
                return Ok(Owned::from_new(ffi::PyObject_CallOneArg(function.as_ptr(), value.as_ptr())));
            };
            let or_none = |object: &Option<Owned>| object.as_ref().map_or(ffi::Py_None(), Owned::as_ptr);
            let arguments = [self.call.context, or_none(&self.data), or_none(&self.field)];
            let made = ffi::PyObject_Vectorcall(info.make.as_ptr(), arguments.as_ptr(), 3, std::ptr::null_mut());
            let shown = Owned::from_new(made).ok_or_else(|| self.raised())?;
            let arguments = [value.as_ptr(), shown.as_ptr()];
            let result = ffi::PyObject_Vectorcall(function.as_ptr(), arguments.as_ptr(), 2, std::ptr::null_mut());
            Ok(Owned::from_new(result))
        }
    }

    /// Call a model's own validators with its part of the document, and read what they give.
    #[inline(never)]
    pub(super) fn before(&mut self, before: &'p Before, object: Owned, mut origin: Origin) -> Result<Owned, Stop> {
        let mut value = object;
        for (function, info) in &before.functions {
            match self.call(function, info.as_ref(), &value)? {
                Some(made) => value = made,
                None => return Err(self.refused(origin)),
            }
            // SAFETY: the value is alive. What the next one refuses is what this one gave.
            origin = Origin::Object(unsafe { Owned::from_borrowed(value.as_ptr()) });
        }
        let mut reader = Reader::new(self.plan, Cursor::new(b""), LEVELS, self.call);
        match reader.tree_draft(&before.inner, &value) {
            Ok(draft) if self.befores < MOST_BEFORES => {
                self.befores += 1;
                let made = self.value(draft);
                self.befores -= 1;
                made
            }
            // Not in canonical form, or wrong: the functions have run, so Pydantic is asked for the rest only.
            _ => self.fields_by_pydantic(before, &value, origin),
        }
    }

    #[inline(never)]
    pub(super) fn fields_by_pydantic(
        &mut self,
        before: &'p Before,
        value: &Owned,
        origin: Origin,
    ) -> Result<Owned, Stop> {
        let Node::Model(model) = &before.inner else {
            return Err(Stop::Unknown);
        };
        let validated = super::piece::call(&before.validate, value, self.call).ok_or_else(|| self.refused(origin))?;
        // SAFETY: a new reference that is given away.
        let validated = unsafe { Bound::from_owned_ptr(self.py, validated.into_ptr()) };
        let (dict, extra, fields_set): (Bound<'_, PyAny>, Bound<'_, PyAny>, Bound<'_, PyAny>) =
            validated.extract().map_err(|_| Stop::Unknown)?;
        let owned = |object: Bound<'_, PyAny>| unsafe {
            // SAFETY: a reference that is given away.
            Owned::from_new(object.into_ptr())
        };
        let dict = owned(dict).ok_or(Stop::Unknown)?;
        let fields_set = owned(fields_set).ok_or(Stop::Unknown)?;
        let instance = model.blueprint.instance_with(&dict, owned(extra), fields_set).ok_or_else(|| self.raised())?;
        if model.blueprint.call_post_init(&instance, self.call.context).is_none() {
            // SAFETY: the value is alive.
            let origin = Origin::Object(unsafe { Owned::from_borrowed(value.as_ptr()) });
            return Err(self.refused(origin));
        }
        Ok(instance)
    }

    /// Let Pydantic read a part.
    #[inline(never)]
    pub(super) fn piece(&mut self, piece: &'p Piece, span: Span) -> Result<Owned, Stop> {
        let text = self.document.json(span.start, span.end).ok_or(Stop::Unknown)?;
        match super::piece::validate(piece, &text, self.call) {
            Some(value) => Ok(value),
            None => Err(self.refused(Origin::Text(span))),
        }
    }
}
