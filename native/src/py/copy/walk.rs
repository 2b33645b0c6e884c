//! The walk over live values.
//!
//! Making an object may run the garbage collector, and with it finalizers, which may do anything, also let other threads
//! run. So a list or dict is first copied as it is, and the values in that private copy are then replaced: what the walk
//! stands on is held by the copy, not by the original.

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::classes::{Classes, Kind, Object};
use super::memo::Memo;
use super::shared::{is_plain_moment, is_plain_scalar};
use crate::py::decode::instance::Slots;
use crate::py::entries::Changed;
use crate::py::object::Owned;
use crate::py::stack;

/// Why a copy was not made.
pub enum Stop {
    /// Something is in the way that only `copy.deepcopy` can copy.
    Unknown,
    /// An exception is set.
    Failed,
}

impl From<Changed> for Stop {
    fn from(_: Changed) -> Self {
        // SAFETY: the GIL is held during a copy.
        PyRuntimeError::new_err("a dict was changed while it was copied").restore(unsafe { Python::assume_attached() });
        Self::Failed
    }
}

pub type Copied<T> = Result<T, Stop>;

/// What a walk looks up.
pub struct Known {
    pub classes: Classes,
    pub slots: Slots,
    pub deepcopy: Py<PyAny>,
    pub undefined: Py<PyAny>,
    /// `copyreg.dispatch_table`: classes can be put there at any time.
    pub reducers: Py<PyDict>,
    /// What is met twice is one object in the copy, wherever it is met. Older versions of Pydantic copy it anew for fields,
    /// extra and private attributes: there, what is met twice is left to them.
    pub keeps_identity: bool,
}

/// Levels of values within values. Deeper ones are left to Python, which knows how deep its stack is.
pub const DEEPEST: usize = 200;

/// The references to a value that a walk knows of: that of the original that holds it, and that of its private copy.
pub(super) const BY_TWO: ffi::Py_ssize_t = 2;
pub(super) const BY_ONE: ffi::Py_ssize_t = 1;

/// One copy.
pub struct Walk<'a> {
    pub(super) known: &'a Known,
    memo: Memo,
    pub(super) depth: usize,
}

impl<'a> Walk<'a> {
    pub fn new(known: &'a Known, memo: Memo) -> Self {
        Self { known, memo, depth: 0 }
    }

    /// Copy a model, whatever holds it.
    ///
    /// # Safety
    /// The caller holds the model; its class is of the kind.
    pub unsafe fn root(&mut self, model: Object, kind: Kind) -> Copied<Owned> {
        // SAFETY: the caller's promise. A root can be reached again by what it holds: no reference is known.
        unsafe { self.model(model, kind, 0) }
    }

    /// The copy of a value; `None` if the value is its own copy.
    ///
    /// # Safety
    /// The value is held while this runs, by `references` that the walk knows of.
    #[inline]
    pub(super) unsafe fn value(&mut self, value: Object, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
        // SAFETY: the caller's promise.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if is_plain_scalar(value, class) {
                return Ok(None);
            }
            let kind = self.known.classes.of(class).kind;
            if kind == Kind::Shared {
                return Ok(None);
            }
            self.other(value, kind, references)
        }
    }

    /// The copy of a value whose holder may lose it meanwhile.
    #[inline]
    pub(super) unsafe fn held(&mut self, value: Object, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
        // SAFETY: nothing has run since the value was read from its holder.
        unsafe {
            if is_plain_scalar(value, ffi::Py_TYPE(value)) {
                return Ok(None);
            }
            let value = Owned::from_borrowed(value);
            self.value(value.as_ptr(), references + 1)
        }
    }

    unsafe fn other(&mut self, value: Object, kind: Kind, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
        if self.depth == DEEPEST || !stack::allows(self.depth) {
            // SAFETY: the caller holds the value.
            return unsafe { self.unknown(value) }.map(Some);
        }
        self.depth += 1;
        // SAFETY: the caller's promise; the kind says what the value is.
        let copy = unsafe {
            match kind {
                Kind::Shared => Ok(None),
                Kind::Moment if is_plain_moment(&self.known.classes, value) => Ok(None),
                Kind::List => self.list(value, references).map(Some),
                Kind::Dict => self.dict(value, references).map(Some),
                Kind::Tuple => self.tuple(value, references),
                Kind::Set => self.set(value, references).map(Some),
                Kind::FrozenSet if self.holds_only_shared(value)? => Ok(None),
                Kind::Model | Kind::RootModel => self.model(value, kind, references).map(Some),
                Kind::Object => self.object(value, references).map(Some),
                _ => self.unknown(value).map(Some),
            }
        };
        self.depth -= 1;
        copy
    }

    /// What `copy.deepcopy` makes of a value, with the memo of this copy.
    pub(super) unsafe fn unknown(&mut self, value: Object) -> Copied<Owned> {
        let Memo::Full { dict, .. } = &self.memo else {
            return Err(Stop::Unknown);
        };
        // SAFETY: the arguments are alive for the call.
        unsafe {
            let arguments = [value, dict.as_ptr()];
            let deepcopy = self.known.deepcopy.as_ptr();
            let copy = ffi::PyObject_Vectorcall(deepcopy, arguments.as_ptr(), 2, std::ptr::null_mut());
            Owned::from_new(copy).ok_or(Stop::Failed)
        }
    }

    // -- identity -----------------------------------------------------------------------------------------------------

    /// The copy that was made of an object before.
    #[inline]
    pub(super) unsafe fn recall(&self, original: Object, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
        // SAFETY: the caller holds the object.
        if unsafe { self.memo.wants(original, references) } {
            let found = self.memo.get(original).map_err(|()| Stop::Failed)?;
            return if found.is_some() && !self.known.keeps_identity { Err(Stop::Unknown) } else { Ok(found) };
        }
        Ok(None)
    }

    #[inline]
    pub(super) unsafe fn remember(
        &mut self,
        original: Object,
        copy: &Owned,
        references: ffi::Py_ssize_t,
    ) -> Copied<()> {
        // SAFETY: the caller holds both.
        unsafe {
            if self.memo.wants(original, references) {
                return self.memo.put(original, copy).map_err(|()| Stop::Failed);
            }
            Ok(())
        }
    }
}

/// Take over a new reference. An error if it is null; an exception is then set.
#[inline]
pub(super) unsafe fn owned(object: Object) -> Copied<Owned> {
    // SAFETY: said above.
    unsafe { Owned::from_new(object) }.ok_or(Stop::Failed)
}
