//! The values of a dict that only this walk has: replaced where they lie.

use pyo3::ffi;

use super::classes::Object;
use crate::py::dict_object::{Dict, Keys, STRING_KEYS};
use crate::py::object::Owned;

/// The places of the values of a dict whose keys are all strings.
pub struct Values {
    dict: *mut Dict,
    keys: *mut Keys,
    next: *mut [Object; 2],
    end: *mut [Object; 2],
}

/// The dict was changed during the walk, which only a look through the garbage collector's list could have done.
pub struct Changed;

impl Values {
    /// `None` where the values are kept in another way.
    ///
    /// # Safety
    /// The object is exactly a dict of the layout that was tried out, and is held while the walk lasts.
    #[inline]
    pub unsafe fn of(dict: Object) -> Option<Self> {
        // SAFETY: a table of this kind without split values has its entries behind its indices.
        unsafe {
            let dict = dict.cast::<Dict>();
            let keys = (*dict).keys;
            if !(*dict).values.is_null() || (*keys).kind != STRING_KEYS {
                return None;
            }
            let indices = 1_usize << (*keys).log2_index_bytes;
            let next = (&raw mut (*keys).indices).cast::<u8>().add(indices).cast::<[Object; 2]>();
            Some(Self { dict, keys, next, end: next.add((*keys).entries as usize) })
        }
    }

    /// The entry with this number, borrowed, if there is one that still has a value; `None` behind the last.
    ///
    /// # Safety
    /// As for [`Values::of`]; the dict has not been changed.
    #[inline(always)]
    pub unsafe fn get(&self, index: usize) -> Option<(Object, Object)> {
        // SAFETY: entries lie between the two ends.
        unsafe {
            let entry = self.next.add(index);
            if entry >= self.end {
                return None;
            }
            let [key, value] = *entry;
            Some((key, value))
        }
    }

    /// Say whether the dict still has the table that it had.
    ///
    /// # Safety
    /// As for [`Values::of`].
    #[inline(always)]
    pub unsafe fn is_current(&self) -> bool {
        // SAFETY: the dict is held.
        unsafe { (*self.dict).keys == self.keys }
    }

    /// The next key and value, borrowed; `None` at the end.
    ///
    /// # Safety
    /// As for [`Values::of`].
    #[inline]
    pub unsafe fn next(&mut self) -> Result<Option<(Object, Object)>, Changed> {
        // SAFETY: the table still belongs to the dict, so its entries are where they were.
        unsafe {
            if (*self.dict).keys != self.keys {
                return Err(Changed);
            }
            while self.next != self.end {
                let [key, value] = *self.next;
                self.next = self.next.add(1);
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
    /// As for [`Values::of`]; `next` gave `old`.
    #[inline]
    pub unsafe fn replace(&mut self, old: Object, new: Owned) -> Result<(), Changed> {
        // SAFETY: the table still belongs to the dict and holds the value, whose reference is released last.
        unsafe {
            if (*self.dict).keys != self.keys {
                return Err(Changed);
            }
            let place = &raw mut (*self.next.sub(1))[1];
            if *place != old {
                return Err(Changed);
            }
            *place = new.into_ptr();
            ffi::Py_DECREF(old);
            Ok(())
        }
    }
}
