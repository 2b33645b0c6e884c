//! Lists, dicts, tuples and sets.

use pyo3::ffi;

use super::classes::Object;
use super::set;
use super::shared::is_plain_scalar;
use super::walk::{BY_ONE, BY_TWO, Copied, Stop, Walk, owned};
use crate::memory::with_room;
use crate::py::entries::{Beside, InPlace, Table};
use crate::py::object::Owned;

/// Each has the contract of [`Walk::value`].
impl Walk<'_> {
    pub(super) unsafe fn list(&mut self, list: Object, references: ffi::Py_ssize_t) -> Copied<Owned> {
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

    pub(super) unsafe fn dict(&mut self, dict: Object, references: ffi::Py_ssize_t) -> Copied<Owned> {
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

    /// Say whether the keys of a dict are their own copies. Any other would be hashed anew, by code of its class.
    #[inline]
    pub(super) unsafe fn has_shared_keys(&mut self, copy: &Owned) -> Copied<bool> {
        // SAFETY: exactly a dict, which only this walk has; a key is held while it is looked at.
        unsafe {
            if Table::over(copy.as_ptr()).is_some() {
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
    pub(super) unsafe fn replace_values(&mut self, copy: &Owned) -> Copied<()> {
        // SAFETY: exactly a dict, which only this walk has. `PyDict_Next` allows to replace values, and looks at the
        // dict afresh each time.
        unsafe {
            let table = Table::over(copy.as_ptr());
            let beside = if table.is_none() { Beside::dict(copy.as_ptr()) } else { None };
            if table.is_some() || beside.is_some() {
                let holds_new = match (table, beside) {
                    (Some(table), _) => self.replace_in(table)?,
                    (_, Some(beside)) => self.replace_in(beside)?,
                    _ => false,
                };
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

    /// Put copies in these places, which only this walk has. Returns whether there were any.
    #[inline]
    pub(super) unsafe fn replace_in(&mut self, mut places: impl InPlace) -> Copied<bool> {
        let mut holds_new = false;
        // SAFETY: what has the places is held; a place is looked at anew after each value.
        unsafe {
            while let Some((_, value)) = places.take() {
                if is_plain_scalar(value, ffi::Py_TYPE(value)) {
                    continue;
                }
                match self.held(value, BY_TWO)? {
                    Some(new) => {
                        places.replace(value, new)?;
                        holds_new = true;
                    }
                    None => places.check()?,
                }
            }
        }
        Ok(holds_new)
    }

    pub(super) unsafe fn tuple(&mut self, tuple: Object, references: ffi::Py_ssize_t) -> Copied<Option<Owned>> {
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
                    let mut all = with_room(size as usize);
                    all.extend(before);
                    made = Some(all);
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

    pub(super) unsafe fn set(&mut self, original: Object, references: ffi::Py_ssize_t) -> Copied<Owned> {
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
}
