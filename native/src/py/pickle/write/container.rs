//! Lists, tuples, dicts and sets, and their keys.

use pyo3::ffi;

use super::block::{Block, HELD, Unsuited, Written, unsuited};
use crate::memory::push;
use crate::py::copy::classes::{Kind, Object};
use crate::py::object::Owned;
use crate::py::pickle::tag;
use crate::py::stack;

/// Each function has the contract of [`Block::value`].
impl Block<'_> {
    pub(super) unsafe fn list(&mut self, list: Object, is_kept: bool) -> Written {
        // SAFETY: exactly a list; its length is looked at anew for each item, and an item is held while it is written.
        unsafe {
            let size = ffi::PyList_GET_SIZE(list);
            self.out.push(if is_kept { tag::KEPT_LIST } else { tag::LIST });
            if is_kept {
                self.keep(list);
            }
            self.number(size as u64);
            for index in 0..size {
                if ffi::PyList_GET_SIZE(list) != size {
                    return Err(Unsuited);
                }
                self.held(ffi::PyList_GET_ITEM(list, index))?;
            }
            Ok(())
        }
    }

    pub(super) unsafe fn tuple(&mut self, tuple: Object, is_kept: bool) -> Written {
        // SAFETY: exactly a tuple, which holds its items.
        unsafe {
            let size = ffi::PyTuple_GET_SIZE(tuple);
            let is_kept = is_kept && size > 0;
            self.out.push(if is_kept { tag::KEPT_TUPLE } else { tag::TUPLE });
            self.number(size as u64);
            for index in 0..size {
                self.value(ffi::PyTuple_GET_ITEM(tuple, index), HELD - 1)?;
            }
            if is_kept {
                self.keep(tuple);
            }
            Ok(())
        }
    }

    /// Write a dict but for entries whose value is `without`.
    pub(super) unsafe fn dict(&mut self, dict: Object, is_kept: bool, without: Object) -> Written {
        // SAFETY: exactly a dict; keys and values are held until they are written.
        unsafe {
            self.out.push(if is_kept { tag::KEPT_DICT } else { tag::DICT });
            if is_kept {
                self.keep(dict);
            }
            let start = self.entries.len();
            let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            while ffi::PyDict_Next(dict, &raw mut at, &raw mut key, &raw mut value) != 0 {
                if value != without {
                    push(&mut self.entries, Owned::from_borrowed(key));
                    push(&mut self.entries, Owned::from_borrowed(value));
                }
            }
            let end = self.entries.len();
            self.number(((end - start) / 2) as u64);
            for index in (start..end).step_by(2) {
                let (key, value) = (self.entries[index].as_ptr(), self.entries[index + 1].as_ptr());
                self.key(key)?;
                self.value(value, HELD)?;
            }
            self.entries.truncate(start);
            Ok(())
        }
    }

    pub(super) unsafe fn items(&mut self, set: Object) -> Written {
        // SAFETY: a set that is held; its iterator notices changes.
        unsafe {
            let size = ffi::PySet_Size(set);
            self.number(size as u64);
            let mut count = 0;
            let items = Owned::from_new(ffi::PyObject_GetIter(set)).ok_or_else(unsuited)?;
            while let Some(item) = Owned::from_new(ffi::PyIter_Next(items.as_ptr())) {
                self.key(item.as_ptr())?;
                count += 1;
            }
            if ffi::PyErr_Occurred().is_null() && count == size { Ok(()) } else { Err(unsuited()) }
        }
    }

    /// Write what is hashed quickly, and without code of the user's.
    unsafe fn key(&mut self, key: Object) -> Written {
        // SAFETY: the caller holds the key.
        unsafe {
            let class = ffi::Py_TYPE(key);
            if class == &raw mut ffi::PyUnicode_Type {
                return self.text(key, HELD);
            }
            if self.plain(key, class)? {
                return Ok(());
            }
            if class == &raw mut ffi::PyTuple_Type {
                if self.depth == tag::DEEPEST || !stack::allows(self.depth) {
                    return Err(Unsuited);
                }
                self.depth += 1;
                let size = ffi::PyTuple_GET_SIZE(key);
                self.out.push(tag::TUPLE);
                self.number(size as u64);
                for index in 0..size {
                    self.key(ffi::PyTuple_GET_ITEM(key, index))?;
                }
                self.depth -= 1;
                return Ok(());
            }
            match self.known.classes.of(class).kind {
                Kind::Enum => self.member(key),
                kind => self.leaf(key, kind),
            }
        }
    }
}
