//! Walking over keys and values in place, where the layout is known; and as the interpreter does it elsewhere.
//!
//! `PyDict_Next` is a third of the work of writing a small model. The layout is tried out when the module is imported;
//! where it is another, the slow way is taken.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::py::dict_object::{Dict, Keys, SPLIT_KEYS, STRING_KEYS, entries_of, is_expected};
use crate::py::inline_values::{InlineValues, SharedKeys};
use crate::py::object::Owned;

type Object = *mut ffi::PyObject;

static IS_KNOWN: AtomicBool = AtomicBool::new(false);

/// The dict was changed during the walk.
pub struct Changed;

/// A walk over keys and values where they lie, which may change meanwhile: that ends it.
pub trait InPlace {
    /// Look whether the walk can go on, after Python code may have run.
    ///
    /// # Safety
    /// What is walked over has been held since the walk began.
    unsafe fn check(&self) -> Result<(), Changed>;

    /// The next key and value, borrowed; `None` at the end.
    ///
    /// # Safety
    /// No Python code has run since the walk began, or since the last [`InPlace::check`] that found no change.
    unsafe fn take(&mut self) -> Option<(Object, Object)>;

    /// The key and value with this number from here, borrowed; the value may be null. `None` behind the last.
    ///
    /// # Safety
    /// As for [`InPlace::take`].
    unsafe fn get(&self, index: usize) -> Option<(Object, Object)>;

    /// Where the value is that was given last.
    ///
    /// # Safety
    /// As for [`InPlace::take`], which gave one.
    unsafe fn last(&self) -> *mut Object;

    /// Put another value in the place of the one that was given last. What has it is nobody else's.
    ///
    /// # Safety
    /// As for [`InPlace::check`]; `old` was given last.
    #[inline(always)]
    unsafe fn replace(&mut self, old: Object, new: Owned) -> Result<(), Changed> {
        // SAFETY: checked right before; the reference to the old value is released last.
        unsafe {
            self.check()?;
            let place = self.last();
            if *place != old {
                return Err(Changed);
            }
            *place = new.into_ptr();
            ffi::Py_DECREF(old);
            Ok(())
        }
    }

    /// The next key and value, borrowed; `None` at the end.
    ///
    /// # Safety
    /// As for [`InPlace::check`].
    #[inline(always)]
    unsafe fn next(&mut self) -> Result<Option<(Object, Object)>, Changed> {
        // SAFETY: checked right before.
        unsafe {
            self.check()?;
            Ok(self.take())
        }
    }
}

/// A walk over the table of a dict.
pub struct Table {
    dict: *mut Dict,
    keys: *mut Keys,
    shape: u16,
    used: ffi::Py_ssize_t,
    next: *mut [Object; 2],
    end: *mut [Object; 2],
}

impl Table {
    /// `None` where the entries are not where they are expected.
    ///
    /// # Safety
    /// The object is exactly a dict, and is held while the walk lasts.
    #[inline]
    pub unsafe fn over(dict: Object) -> Option<Self> {
        // SAFETY: the layout was tried out; a table of this kind without split values has its entries behind its indices.
        unsafe {
            let dict = dict.cast::<Dict>();
            let keys = (*dict).keys;
            if !IS_KNOWN.load(Ordering::Relaxed) || !(*dict).values.is_null() || (*keys).kind != STRING_KEYS {
                return None;
            }
            let next = entries_of(keys);
            let end = next.add((*keys).entries as usize);
            Some(Self { dict, keys, shape: shape_of(keys), used: (*dict).used, next, end })
        }
    }
}

impl InPlace for Table {
    #[inline(always)]
    unsafe fn check(&self) -> Result<(), Changed> {
        // SAFETY: the dict is held; the table is only looked at while it belongs to the dict.
        unsafe {
            if (*self.dict).keys != self.keys || (*self.dict).used != self.used || shape_of(self.keys) != self.shape {
                return Err(Changed);
            }
        }
        Ok(())
    }

    #[inline(always)]
    unsafe fn take(&mut self) -> Option<(Object, Object)> {
        // SAFETY: the table still belongs to the dict and has the shape it had, so its entries are where they were.
        unsafe {
            while self.next != self.end {
                let [key, value] = *self.next;
                self.next = self.next.add(1);
                if !value.is_null() {
                    return Some((key, value));
                }
            }
        }
        None
    }

    #[inline(always)]
    unsafe fn get(&self, index: usize) -> Option<(Object, Object)> {
        // SAFETY: as above; entries lie between the two ends.
        unsafe {
            let entry = self.next.add(index);
            if entry >= self.end {
                return None;
            }
            let [key, value] = *entry;
            Some((key, value))
        }
    }

    #[inline(always)]
    unsafe fn last(&self) -> *mut Object {
        // SAFETY: the entry before the next.
        unsafe { (&raw mut (*self.next.sub(1))[1]).cast() }
    }
}

/// A walk over values that an instance has beside it, or that a dict took over from one.
pub struct Beside {
    owner: Object,
    is_dict: bool,
    values: InlineValues,
    count: usize,
    key: *const [Object; 2],
    at: usize,
}

impl Beside {
    /// `None` if the instance has no such values, or in another order than that of the keys.
    ///
    /// # Safety
    /// The object is alive, and is held while the walk lasts.
    #[inline(always)]
    pub unsafe fn instance(instance: Object) -> Option<Self> {
        // SAFETY: an instance with such values shares the keys of its class, and has no more values than there are keys.
        unsafe {
            let values = InlineValues::of(instance)?;
            let key = SharedKeys::of(ffi::Py_TYPE(instance))?.entries();
            let walk = Self { owner: instance, is_dict: false, values, count: values.count(), key, at: 0 };
            values.is_in_order().then_some(walk)
        }
    }

    /// The same for a dict.
    ///
    /// # Safety
    /// The object is exactly a dict, and is held while the walk lasts.
    #[inline(always)]
    pub unsafe fn dict(dict: Object) -> Option<Self> {
        // SAFETY: the layout was tried out; split values belong to a table of shared keys.
        unsafe {
            let raw = dict.cast::<Dict>();
            let values = InlineValues::of_dict((*raw).values)?;
            let (count, keys) = (values.count(), (*raw).keys);
            let fits = IS_KNOWN.load(Ordering::Relaxed)
                && (*keys).kind == SPLIT_KEYS
                && count == (*raw).used as usize
                && values.is_in_order();
            let key = entries_of(keys);
            fits.then_some(Self { owner: dict, is_dict: true, values, count, key, at: 0 })
        }
    }
}

impl InPlace for Beside {
    #[inline(always)]
    unsafe fn check(&self) -> Result<(), Changed> {
        // SAFETY: the owner is held; the values are only looked at while they belong to it.
        let is_same = unsafe {
            let values = match self.is_dict {
                true => InlineValues::of_dict((*self.owner.cast::<Dict>()).values),
                false => InlineValues::of(self.owner),
            };
            values == Some(self.values) && self.values.count() == self.count
        };
        if is_same { Ok(()) } else { Err(Changed) }
    }

    #[inline(always)]
    unsafe fn take(&mut self) -> Option<(Object, Object)> {
        // SAFETY: the values still belong to the owner, so there are as many as before.
        unsafe {
            while self.at < self.count {
                let (key, value) = ((*self.key.add(self.at))[0], self.values.get(self.at));
                self.at += 1;
                if !value.is_null() {
                    return Some((key, value));
                }
            }
        }
        None
    }

    #[inline(always)]
    unsafe fn get(&self, index: usize) -> Option<(Object, Object)> {
        let at = self.at + index;
        // SAFETY: as above.
        (at < self.count).then(|| unsafe { ((*self.key.add(at))[0], self.values.get(at)) })
    }

    #[inline(always)]
    unsafe fn last(&self) -> *mut Object {
        // SAFETY: the value before the next.
        unsafe { self.values.first().add(self.at - 1) }
    }
}

#[inline]
unsafe fn shape_of(keys: *mut Keys) -> u16 {
    // SAFETY: the caller says that the table is alive.
    unsafe { u16::from_le_bytes([(*keys).log2_index_bytes, (*keys).kind]) }
}

/// A walk over any dict, or over the attributes of an instance.
pub enum Walk {
    Table(Table),
    Beside(Beside),
    ByInterpreter { dict: Object, length: ffi::Py_ssize_t, at: ffi::Py_ssize_t },
}

impl Walk {
    /// # Safety
    /// The object is exactly a dict, and is held while the walk lasts.
    #[inline]
    pub unsafe fn over(dict: Object) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(walk) = Table::over(dict) {
                Self::Table(walk)
            } else if let Some(walk) = Beside::dict(dict) {
                Self::Beside(walk)
            } else {
                Self::ByInterpreter { dict, length: ffi::PyDict_Size(dict), at: 0 }
            }
        }
    }

    /// The next key and value, borrowed; `None` at the end.
    ///
    /// # Safety
    /// As for [`Walk::over`].
    #[inline]
    pub unsafe fn next(&mut self) -> Result<Option<(Object, Object)>, Changed> {
        // SAFETY: the caller's promise; the interpreter looks at the dict afresh each time.
        unsafe {
            match self {
                Self::Table(walk) => walk.next(),
                Self::Beside(walk) => walk.next(),
                Self::ByInterpreter { dict, length, at } => {
                    if ffi::PyDict_Size(*dict) != *length {
                        return Err(Changed);
                    }
                    let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
                    if ffi::PyDict_Next(*dict, at, &raw mut key, &raw mut value) == 0 {
                        return Ok(None);
                    }
                    Ok(Some((key, value)))
                }
            }
        }
    }
}

/// Find out whether dicts look here as they are expected to.
pub fn probe(py: Python<'_>) -> PyResult<()> {
    if !is_expected(py) {
        return Ok(());
    }
    let dict = PyDict::new(py);
    for number in 0..20 {
        dict.set_item(format!("key {number}"), number)?;
    }
    dict.del_item("key 3")?;
    IS_KNOWN.store(true, Ordering::Relaxed);
    if !agrees(&dict) {
        IS_KNOWN.store(false, Ordering::Relaxed);
    }
    Ok(())
}

fn agrees(dict: &Bound<'_, PyDict>) -> bool {
    // SAFETY: a dict that nobody else has; the table's numbers are compared before any entry is read.
    unsafe {
        let table = dict.as_ptr().cast::<Dict>();
        if (*table).used != 19 || !(*table).values.is_null() || (*table).keys.is_null() {
            return false;
        }
        let keys = &*(*table).keys;
        if keys.references != 1 || keys.log2_size != 5 || keys.log2_index_bytes != 5 || keys.kind != STRING_KEYS {
            return false;
        }
        if keys.entries != 20 || keys.usable != 1 {
            return false;
        }
        let mut walk = Walk::over(dict.as_ptr());
        dict.iter().all(|(key, value)| match walk.next() {
            Ok(Some(found)) => found == (key.as_ptr(), value.as_ptr()),
            _ => false,
        })
    }
}
