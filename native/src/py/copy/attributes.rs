//! The attributes of a model that is copied or packed, and the places of the values of dicts: in a table, or beside an
//! instance.

use pyo3::ffi;

use super::classes::Object;
use super::instance::dict_of;
use crate::py::dict_object::{Dict, Keys, SPLIT_KEYS, STRING_KEYS, entries_of};
use crate::py::inline_values::{InlineValues, SharedKeys};
use crate::py::object::Owned;

/// Where an instance has its attributes.
pub enum Attributes {
    Dict(Owned),
    /// Beside it, in the order of the keys.
    Beside,
}

impl Attributes {
    /// `None` if the instance has no plain dict.
    ///
    /// # Safety
    /// The object is an alive instance whose class has a plain `__dict__`.
    #[inline]
    pub unsafe fn of(instance: Object) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe {
            if InlineValues::of(instance).is_some_and(|values| values.is_in_order()) {
                return Some(Self::Beside);
            }
            dict_of(instance).map(Self::Dict)
        }
    }
}

/// The places of values whose keys are all strings.
pub struct Places {
    owner: Owner,
    key: *const [Object; 2],
    value: *mut Object,
    /// From one value to the next.
    stride: usize,
    count: usize,
    at: usize,
}

enum Owner {
    Dict { dict: *mut Dict, keys: *mut Keys },
    Instance { instance: Object, values: InlineValues },
}

/// The owner was changed during the walk, which only a look through the garbage collector's list could have done.
pub struct Changed;

impl Places {
    /// Those of a dict; `None` where values are kept in another way.
    ///
    /// # Safety
    /// The object is exactly a dict of the layout that was tried out, and is held while the walk lasts.
    #[inline]
    pub unsafe fn of_dict(dict: Object) -> Option<Self> {
        // SAFETY: a table of strings has its entries behind its indices; one of shared keys has no values of its own.
        unsafe {
            let dict = dict.cast::<Dict>();
            let keys = (*dict).keys;
            let key = entries_of(keys).cast_const();
            let owner = Owner::Dict { dict, keys };
            if (*dict).values.is_null() {
                let value = key.cast::<Object>().add(1).cast_mut();
                let count = (*keys).entries as usize;
                return ((*keys).kind == STRING_KEYS).then_some(Self { owner, key, value, stride: 2, count, at: 0 });
            }
            let values = InlineValues::of_dict((*dict).values)?;
            let (value, count) = (values.first(), values.count());
            let fits = (*keys).kind == SPLIT_KEYS && count == (*dict).used as usize && values.is_in_order();
            fits.then_some(Self { owner, key, value, stride: 1, count, at: 0 })
        }
    }

    /// Those beside an instance.
    ///
    /// # Safety
    /// The object is alive, and is held while the walk lasts.
    #[inline]
    pub unsafe fn beside(instance: Object) -> Option<Self> {
        // SAFETY: an instance with such values shares the keys of its class, and has no more values than there are keys.
        unsafe {
            let values = InlineValues::of(instance).filter(|values| values.is_in_order())?;
            let key = SharedKeys::of(ffi::Py_TYPE(instance))?.entries();
            let owner = Owner::Instance { instance, values };
            Some(Self { owner, key, value: values.first(), stride: 1, count: values.count(), at: 0 })
        }
    }

    /// The key and value with this number, borrowed; the value may be null. `None` behind the last.
    ///
    /// # Safety
    /// As for what made this; the owner has not been changed.
    #[inline(always)]
    pub unsafe fn get(&self, index: usize) -> Option<(Object, Object)> {
        // SAFETY: there are so many of both.
        unsafe { (index < self.count).then(|| ((*self.key.add(index))[0], *self.value.add(index * self.stride))) }
    }

    /// Say whether the owner still has its values where it had them.
    ///
    /// # Safety
    /// As for what made this.
    #[inline(always)]
    pub unsafe fn is_current(&self) -> bool {
        // SAFETY: the owner is held.
        unsafe {
            match &self.owner {
                Owner::Dict { dict, keys } => (**dict).keys == *keys,
                Owner::Instance { instance, values } => InlineValues::of(*instance) == Some(*values),
            }
        }
    }

    /// The next key and value, borrowed; `None` at the end.
    ///
    /// # Safety
    /// As for what made this.
    #[inline]
    pub unsafe fn next(&mut self) -> Result<Option<(Object, Object)>, Changed> {
        // SAFETY: the owner still has its values where they were.
        unsafe {
            if !self.is_current() {
                return Err(Changed);
            }
            while let Some((key, value)) = self.get(self.at) {
                self.at += 1;
                if !value.is_null() {
                    return Ok(Some((key, value)));
                }
            }
            Ok(None)
        }
    }

    /// Put another value in the place of the last one.
    ///
    /// # Safety
    /// As for what made this; `next` gave `old`.
    #[inline]
    pub unsafe fn replace(&mut self, old: Object, new: Owned) -> Result<(), Changed> {
        // SAFETY: the owner still holds the value there, whose reference is released last.
        unsafe {
            if !self.is_current() {
                return Err(Changed);
            }
            let place = self.value.add((self.at - 1) * self.stride);
            if *place != old {
                return Err(Changed);
            }
            *place = new.into_ptr();
            ffi::Py_DECREF(old);
            Ok(())
        }
    }
}
