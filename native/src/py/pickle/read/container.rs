//! Lists, tuples, dicts and sets, and their keys.

use pyo3::ffi;

use super::reader::{Miss, Read, Reader, owned};
use crate::py::object::Owned;
use crate::py::pickle::tag;

impl Reader<'_> {
    pub(super) fn list(&mut self, is_kept: bool) -> Read<Owned> {
        let count = self.count(1)?;
        // SAFETY: a new list of `None`s, as long as the count; its items are replaced with a look at its length.
        unsafe {
            let list = owned(ffi::PyList_New(count as ffi::Py_ssize_t))?;
            for index in 0..count {
                let none = Owned::from_borrowed(ffi::Py_None());
                ffi::PyList_SET_ITEM(list.as_ptr(), index as ffi::Py_ssize_t, none.into_ptr());
            }
            if is_kept {
                self.keep(&list, false);
            }
            for index in 0..count {
                let item = self.promised_value()?;
                if ffi::PyList_SetItem(list.as_ptr(), index as ffi::Py_ssize_t, item.into_ptr()) < 0 {
                    return Err(Miss::Raised);
                }
            }
            Ok(list)
        }
    }

    pub(super) fn tuple(&mut self, is_kept: bool) -> Read<Owned> {
        let count = self.count(1)?;
        let items = (0..count).map(|_| self.promised_value()).collect::<Read<Vec<_>>>()?;
        let tuple = new_tuple(items)?;
        if is_kept {
            self.keep(&tuple, false);
        }
        Ok(tuple)
    }

    pub(super) fn dict(&mut self, is_kept: bool) -> Read<Owned> {
        let count = self.count(2)?;
        // SAFETY: a new dict; keys and values are alive.
        unsafe {
            let dict = owned(ffi::PyDict_New())?;
            if is_kept {
                self.keep(&dict, false);
            }
            for _ in 0..count {
                let key = self.promised_key()?;
                let value = self.promised_value()?;
                if ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) < 0 {
                    return Err(Miss::Raised);
                }
            }
            Ok(dict)
        }
    }

    pub(super) fn set(&mut self, is_kept: bool) -> Read<Owned> {
        let count = self.count(1)?;
        // SAFETY: makes a set.
        let set = unsafe { owned(ffi::PySet_New(std::ptr::null_mut()))? };
        if is_kept {
            self.keep(&set, false);
        }
        self.fill(&set, count)?;
        Ok(set)
    }

    pub(super) fn frozenset(&mut self) -> Read<Owned> {
        let count = self.count(1)?;
        // SAFETY: makes a frozen set, which may be filled as long as nobody else has it.
        let set = unsafe { owned(ffi::PyFrozenSet_New(std::ptr::null_mut()))? };
        self.fill(&set, count)?;
        Ok(set)
    }

    fn fill(&mut self, set: &Owned, count: usize) -> Read<()> {
        for _ in 0..count {
            let item = self.promised_key()?;
            // SAFETY: set and item are alive.
            if unsafe { ffi::PySet_Add(set.as_ptr(), item.as_ptr()) } < 0 {
                return Err(Miss::Raised);
            }
        }
        Ok(())
    }

    fn promised_key(&mut self) -> Read<Owned> {
        self.promised -= 1;
        self.key()
    }

    /// A key: nothing whose hash takes long.
    fn key(&mut self) -> Read<Owned> {
        let first = self.byte()?;
        match first {
            tag::TUPLE => self.deeper(|reader| {
                let count = reader.count(1)?;
                let items = (0..count).map(|_| reader.promised_key()).collect::<Read<Vec<_>>>()?;
                new_tuple(items)
            }),
            tag::REFERENCE => match self.reference()? {
                (key, true) => Ok(key),
                _ => Err(Miss::Malformed),
            },
            tag::SHAPE => Err(Miss::Malformed),
            _ => self.scalar(first),
        }
    }
}

fn new_tuple(items: Vec<Owned>) -> Read<Owned> {
    // SAFETY: a new tuple is filled, with references that are given away.
    unsafe {
        let tuple = owned(ffi::PyTuple_New(items.len() as ffi::Py_ssize_t))?;
        for (index, item) in items.into_iter().enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as ffi::Py_ssize_t, item.into_ptr());
        }
        Ok(tuple)
    }
}
