//! The walk over live values.
//!
//! Making an object may run the garbage collector, and with it finalizers, which may do anything, also let other threads
//! run. So a list or dict is first copied as it is, and the values in that private copy are then replaced: what the walk
//! stands on is held by the copy, not by the original.

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::classes::{Class, Classes, Kind, Object};
use super::dict::{Changed, Values};
use super::memo::Memo;
use super::set;
use crate::py::datetime::zone_of;
use crate::py::decode::instance::Slots;
use crate::py::encode::table;
use crate::py::object::Owned;

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
    /// The layout of dicts is known.
    pub knows_dicts: bool,
}

/// Levels of values within values. Deeper ones are left to Python, which knows how deep its stack is.
pub const DEEPEST: usize = 200;

/// The references to a value that a walk knows of: that of the original that holds it, and that of its private copy.
const BY_TWO: ffi::Py_ssize_t = 2;
const BY_ONE: ffi::Py_ssize_t = 1;

/// One copy.
pub struct Walk<'a> {
    known: &'a Known,
    memo: Memo,
    depth: usize,
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
    unsafe fn value(&mut self, value: Object, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
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

    unsafe fn other(&mut self, value: Object, kind: Kind, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
        if self.depth == DEEPEST {
            // SAFETY: the caller holds the value.
            return unsafe { self.unknown(value) }.map(Some);
        }
        self.depth += 1;
        // SAFETY: the caller's promise; the kind says what the value is.
        let copy = unsafe {
            match kind {
                Kind::Shared => Ok(None),
                Kind::Moment if self.is_plain_moment(value) => Ok(None),
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
    unsafe fn unknown(&mut self, value: Object) -> Copied<Owned> {
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
    unsafe fn recall(&self, original: Object, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
        // SAFETY: the caller holds the object.
        if unsafe { self.memo.wants(original, references) } {
            return self.memo.get(original).map_err(|()| Stop::Failed);
        }
        Ok(None)
    }

    #[inline]
    unsafe fn remember(&mut self, original: Object, copy: &Owned, references: ffi::Py_ssize_t) -> Copied<()> {
        // SAFETY: the caller holds both.
        unsafe {
            if self.memo.wants(original, references) {
                return self.memo.put(original, copy).map_err(|()| Stop::Failed);
            }
            Ok(())
        }
    }

    // -- containers ---------------------------------------------------------------------------------------------------

    unsafe fn list(&mut self, list: Object, references: ffi::Py_ssize_t) -> Copied<Owned> {
        // SAFETY: exactly a list, which the caller holds. The items of the copy are held by it until they are replaced;
        // its size is looked at anew for each.
        unsafe {
            if let Some(copy) = self.recall(list, references)? {
                return Ok(copy);
            }
            let copy = owned(ffi::PyList_GetSlice(list, 0, ffi::PyList_GET_SIZE(list)))?;
            self.remember(list, &copy, references)?;
            let mut index = 0;
            while index < ffi::PyList_GET_SIZE(copy.as_ptr()) {
                let item = ffi::PyList_GET_ITEM(copy.as_ptr(), index);
                if let Some(new) = self.held(item, BY_TWO)?
                    && ffi::PyList_SetItem(copy.as_ptr(), index, new.into_ptr()) < 0
                {
                    return Err(Stop::Failed);
                }
                index += 1;
            }
            Ok(copy)
        }
    }

    unsafe fn dict(&mut self, dict: Object, references: ffi::Py_ssize_t) -> Copied<Owned> {
        // SAFETY: exactly a dict, which the caller holds.
        unsafe {
            if let Some(copy) = self.recall(dict, references)? {
                return Ok(copy);
            }
            let copy = owned(ffi::PyDict_Copy(dict))?;
            if !self.has_shared_keys(&copy)? {
                return self.unknown(dict);
            }
            self.remember(dict, &copy, references)?;
            self.replace_values(&copy)?;
            Ok(copy)
        }
    }

    /// The places of the values of a private copy, if all its keys are strings.
    #[inline]
    unsafe fn places(&self, copy: &Owned) -> Option<Values> {
        // SAFETY: exactly a dict, which only this walk has.
        if self.known.knows_dicts { unsafe { Values::of(copy.as_ptr()) } } else { None }
    }

    /// Say whether the keys of a dict are their own copies. Any other would be hashed anew, by code of its class.
    #[inline]
    unsafe fn has_shared_keys(&mut self, copy: &Owned) -> Copied<bool> {
        // SAFETY: exactly a dict, which only this walk has; a key is held while it is looked at.
        unsafe {
            if self.places(copy).is_some() {
                return Ok(true);
            }
            let (mut at, mut key) = (0, std::ptr::null_mut());
            while ffi::PyDict_Next(copy.as_ptr(), &raw mut at, &raw mut key, std::ptr::null_mut()) != 0 {
                let key = Owned::from_borrowed(key);
                if !self.is_shared(key.as_ptr())? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }

    /// Put copies in the place of the values of a dict whose keys are their own copies.
    #[inline]
    unsafe fn replace_values(&mut self, copy: &Owned) -> Copied<()> {
        // SAFETY: exactly a dict, which only this walk has. `PyDict_Next` allows to replace values, and looks at the
        // dict afresh each time.
        unsafe {
            if let Some(mut values) = self.places(copy) {
                let mut holds_new = false;
                while let Some((_, value)) = values.next()? {
                    if let Some(new) = self.held(value, BY_TWO)? {
                        values.replace(value, new)?;
                        holds_new = true;
                    }
                }
                if holds_new && ffi::PyObject_GC_IsTracked(copy.as_ptr()) == 0 {
                    ffi::PyObject_GC_Track(copy.as_ptr().cast());
                }
                return Ok(());
            }
            let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            while ffi::PyDict_Next(copy.as_ptr(), &raw mut at, &raw mut key, &raw mut value) != 0 {
                let key = Owned::from_borrowed(key);
                if let Some(new) = self.held(value, BY_TWO)?
                    && ffi::PyDict_SetItem(copy.as_ptr(), key.as_ptr(), new.as_ptr()) < 0
                {
                    return Err(Stop::Failed);
                }
            }
            Ok(())
        }
    }

    unsafe fn tuple(&mut self, tuple: Object, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
        // SAFETY: exactly a tuple, which the caller holds, and which holds its items.
        unsafe {
            if let Some(copy) = self.recall(tuple, references)? {
                return Ok(Some(copy));
            }
            let size = ffi::PyTuple_GET_SIZE(tuple);
            let mut made: Option<Vec<Owned>> = None;
            for index in 0..size {
                let item = ffi::PyTuple_GET_ITEM(tuple, index);
                let new = self.value(item, BY_ONE)?;
                if made.is_none() && new.is_some() {
                    let before = (0..index).map(|index| Owned::from_borrowed(ffi::PyTuple_GET_ITEM(tuple, index)));
                    made = Some(before.collect());
                }
                if let Some(made) = &mut made {
                    made.push(new.unwrap_or_else(|| Owned::from_borrowed(item)));
                }
            }
            let Some(made) = made else {
                return Ok(None);
            };
            // What the tuple holds may hold the tuple, which then has been copied on the way.
            if let Some(copy) = self.recall(tuple, references)? {
                return Ok(Some(copy));
            }
            let copy = owned(ffi::PyTuple_New(size))?;
            for (index, item) in made.into_iter().enumerate() {
                ffi::PyTuple_SET_ITEM(copy.as_ptr(), index as ffi::Py_ssize_t, item.into_ptr());
            }
            self.remember(tuple, &copy, references)?;
            Ok(Some(copy))
        }
    }

    unsafe fn set(&mut self, original: Object, references: ffi::Py_ssize_t) -> Copied<Owned> {
        // SAFETY: exactly a set, which the caller holds.
        unsafe {
            if let Some(copy) = self.recall(original, references)? {
                return Ok(copy);
            }
            let copy = set::copied(original).ok_or(Stop::Failed)?;
            if !self.holds_only_shared(copy.as_ptr())? {
                return self.unknown(original);
            }
            self.remember(original, &copy, references)?;
            Ok(copy)
        }
    }

    // -- instances ----------------------------------------------------------------------------------------------------

    unsafe fn model(&mut self, model: Object, kind: Kind, references: ffi::Py_ssize_t) -> Copied<Owned> {
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
            self.give_dict(&copy, &state.dict)?;
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
    unsafe fn object(&mut self, object: Object, references: ffi::Py_ssize_t) -> Copied<Owned> {
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

    /// Give an instance a copy of a `__dict__`.
    #[inline]
    unsafe fn give_dict(&mut self, instance: &Owned, dict: &Owned) -> Copied<()> {
        // SAFETY: exactly a dict, held here and by its owner; the instance is new.
        unsafe {
            let copy = self.dict(dict.as_ptr(), BY_TWO)?;
            if ffi::PyObject_GenericSetDict(instance.as_ptr(), copy.as_ptr(), std::ptr::null_mut()) < 0 {
                return Err(Stop::Failed);
            }
            Ok(())
        }
    }

    // -- what is shared -----------------------------------------------------------------------------------------------

    /// The copy of a value whose holder may lose it meanwhile.
    #[inline]
    unsafe fn held(&mut self, value: Object, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
        // SAFETY: nothing has run since the value was read from its holder.
        unsafe {
            if is_plain_scalar(value, ffi::Py_TYPE(value)) {
                return Ok(None);
            }
            let value = Owned::from_borrowed(value);
            self.value(value.as_ptr(), references + 1)
        }
    }

    /// Say whether a value is its own copy.
    unsafe fn is_shared(&mut self, value: Object) -> Copied<bool> {
        // SAFETY: the caller holds the value.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if is_plain_scalar(value, class) {
                return Ok(true);
            }
            match self.known.classes.of(class).kind {
                Kind::Shared => Ok(true),
                Kind::Moment => Ok(self.is_plain_moment(value)),
                Kind::FrozenSet => self.deeper(|walk| walk.holds_only_shared(value)),
                Kind::Tuple => self.deeper(|walk| {
                    for index in 0..ffi::PyTuple_GET_SIZE(value) {
                        if !walk.is_shared(ffi::PyTuple_GET_ITEM(value, index))? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                }),
                _ => Ok(false),
            }
        }
    }

    fn deeper(&mut self, work: impl FnOnce(&mut Self) -> Copied<bool>) -> Copied<bool> {
        if self.depth == DEEPEST {
            return Ok(false);
        }
        self.depth += 1;
        let outcome = work(self);
        self.depth -= 1;
        outcome
    }

    /// Say whether all items of a set are their own copies.
    unsafe fn holds_only_shared(&mut self, set: Object) -> Copied<bool> {
        // SAFETY: a set that the caller holds; items are held while they are looked at.
        unsafe {
            let items = owned(ffi::PyObject_GetIter(set))?;
            while let Some(item) = Owned::from_new(ffi::PyIter_Next(items.as_ptr())) {
                if !self.is_shared(item.as_ptr())? {
                    return Ok(false);
                }
            }
            if ffi::PyErr_Occurred().is_null() { Ok(true) } else { Err(Stop::Failed) }
        }
    }

    /// Say whether the time zone of a moment cannot change.
    unsafe fn is_plain_moment(&self, value: Object) -> bool {
        // SAFETY: exactly a datetime or a time.
        unsafe {
            let zone = zone_of(value);
            zone == ffi::Py_None() || self.known.classes.of(ffi::Py_TYPE(zone)).kind == Kind::Shared
        }
    }
}

/// What a model holds, with references of one's own.
pub struct State {
    pub dict: Owned,
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
                dict: dict_of(model).unwrap_or_else(none),
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
            ffi::PyDict_CheckExact(self.dict.as_ptr()) != 0
                && ffi::Py_TYPE(self.fields_set.as_ptr()) == &raw mut ffi::PySet_Type
                && (kind == Kind::RootModel || (is_dict_or_none(&self.extra) && is_dict_or_none(&self.private)))
        }
    }
}

/// The `__dict__` of an instance, if it is exactly a dict.
///
/// # Safety
/// The object is an alive instance whose class has a plain `__dict__`.
#[inline]
unsafe fn dict_of(instance: Object) -> Option<Owned> {
    // SAFETY: the caller's promise; what is found is referenced before anything else can run.
    unsafe {
        let found = table::attributes_of(instance);
        let dict = if found.is_null() {
            let made = Owned::from_new(ffi::PyObject_GenericGetDict(instance, std::ptr::null_mut()));
            if made.is_none() {
                ffi::PyErr_Clear();
            }
            made?
        } else {
            Owned::from_borrowed(found)
        };
        (ffi::PyDict_CheckExact(dict.as_ptr()) != 0).then_some(dict)
    }
}

#[inline]
unsafe fn is_plain_scalar(value: Object, class: Class) -> bool {
    // SAFETY: only addresses are compared.
    unsafe {
        class == &raw mut ffi::PyUnicode_Type
            || class == &raw mut ffi::PyLong_Type
            || class == &raw mut ffi::PyFloat_Type
            || value == ffi::Py_None()
            || class == &raw mut ffi::PyBool_Type
            || class == &raw mut ffi::PyBytes_Type
    }
}

#[inline]
unsafe fn owned(object: Object) -> Copied<Owned> {
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Owned::from_new(object) }.ok_or(Stop::Failed)
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
