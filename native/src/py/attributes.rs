//! The attributes of an instance, wherever the interpreter keeps them, whatever its class says about them.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::dict_object::is_expected;
use super::entries::{Beside, Walk};
use super::inline_values::{InlineValues, SharedKeys};
use super::object::Owned;

type Object = *mut ffi::PyObject;

/// Where an instance has its attributes.
pub enum Attributes {
    Dict(Owned),
    /// Beside it, in the order of the keys.
    Beside,
}

impl Attributes {
    /// Find them; `None` if they are in something else than a plain dict.
    ///
    /// # Safety
    /// The instance is alive, and its class keeps attributes as `object` does.
    #[inline(always)]
    pub unsafe fn of(instance: Object) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe {
            if given_dict(instance).is_null() && InlineValues::of(instance).is_some_and(|values| values.is_in_order()) {
                return Some(Self::Beside);
            }
            dict_of(instance).map(Self::Dict)
        }
    }

    /// Begin to walk over them; `None` if they have been moved since they were found.
    ///
    /// # Safety
    /// They are those of the instance, which is held while the walk lasts.
    pub unsafe fn walk(&self, instance: Object) -> Option<Walk> {
        // SAFETY: the caller's promise; a dict is held here.
        unsafe {
            match self {
                Self::Dict(dict) => Some(Walk::over(dict.as_ptr())),
                Self::Beside => Beside::instance(instance).map(Walk::Beside),
            }
        }
    }
}

/// One attribute; `None` if there is none.
///
/// # Safety
/// The instance is held, its class keeps attributes as `object` does, and the name is an interned string.
pub unsafe fn attribute(instance: Object, name: Object) -> Option<Owned> {
    // SAFETY: the caller's promise; what is found is referenced before anything else can run.
    unsafe {
        if let Some(found) = attribute_beside(instance, name) {
            return Some(found);
        }
        let dict = dict_of(instance)?;
        let found = ffi::PyDict_GetItemWithError(dict.as_ptr(), name);
        if found.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        Some(Owned::from_borrowed(found))
    }
}

/// An attribute that the instance has beside it; `None` where it has to be looked for in the dict.
unsafe fn attribute_beside(instance: Object, name: Object) -> Option<Owned> {
    // SAFETY: an instance with values shares the keys of its class, and has a place for each of them.
    unsafe {
        let values = InlineValues::of(instance)?;
        let keys = SharedKeys::of(ffi::Py_TYPE(instance))?;
        let place = (0..keys.count()).find(|place| (*keys.entries().add(*place))[0] == name)?;
        let value = values.get(place);
        (!value.is_null()).then(|| Owned::from_borrowed(value))
    }
}

/// The `__dict__` of an instance, which may be made for it; `None` if it is not exactly a dict.
///
/// # Safety
/// As for [`Attributes::of`].
#[inline]
pub unsafe fn dict_of(instance: Object) -> Option<Owned> {
    // SAFETY: the caller's promise; what is found is referenced before anything else can run.
    unsafe {
        let found = given_dict(instance);
        let dict = if found.is_null() {
            Owned::from_new(ffi::PyObject_GenericGetDict(instance, std::ptr::null_mut()))
        } else {
            Some(Owned::from_borrowed(found))
        };
        if dict.is_none() {
            ffi::PyErr_Clear();
        }
        dict.filter(|dict| ffi::PyDict_CheckExact(dict.as_ptr()) != 0)
    }
}

/// The `__dict__` of an instance, where the instance has a pointer to it before its head; null where it has not.
///
/// # Safety
/// The object is alive.
#[inline]
unsafe fn given_dict(instance: Object) -> Object {
    // SAFETY: the place was tried out; classes with this flag have a pointer there, which is null or odd while the
    // interpreter keeps the attributes in another way.
    unsafe {
        if !ARE_MANAGED.load(Ordering::Relaxed) || (*ffi::Py_TYPE(instance)).tp_flags & MANAGED_DICT == 0 {
            return std::ptr::null_mut();
        }
        let found = *instance.cast::<Object>().sub(3);
        if found.addr() & 1 == 0 { found } else { std::ptr::null_mut() }
    }
}

/// `Py_TPFLAGS_MANAGED_DICT`
const MANAGED_DICT: std::ffi::c_ulong = 1 << 4;

static ARE_MANAGED: AtomicBool = AtomicBool::new(false);

/// Find out whether instances have their dict where it is expected: one that was given to them, as Pydantic does it.
pub fn probe(py: Python<'_>) -> PyResult<()> {
    if !is_expected(py) {
        return Ok(());
    }
    let class = py.eval(c"type('Probe', (), {})", None, None)?;
    let (instance, other) = (class.call0()?, class.call0()?);
    let dict = PyDict::new(py);
    dict.set_item("key", 1)?;
    instance.setattr("__dict__", &dict)?;
    // SAFETY: an instance of a class made in Python with this flag has words before its head.
    let agrees = unsafe {
        (*ffi::Py_TYPE(instance.as_ptr())).tp_flags & MANAGED_DICT != 0
            && *instance.as_ptr().cast::<Object>().sub(3) == dict.as_ptr()
            && is_none_or_odd(*other.as_ptr().cast::<Object>().sub(3))
    };
    ARE_MANAGED.store(agrees, Ordering::Relaxed);
    Ok(())
}

fn is_none_or_odd(pointer: Object) -> bool {
    pointer.is_null() || pointer.addr() & 1 == 1
}
