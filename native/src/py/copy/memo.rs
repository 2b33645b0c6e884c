//! What was copied already.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use pyo3::ffi;

use super::classes::{AddressHasher, Object};
use crate::memory::{push, room};
use crate::py::object::Owned;

/// Originals and copies, by the address of the original.
type Copies = HashMap<usize, (Owned, Owned), BuildHasherDefault<AddressHasher>>;

/// Copies by the address of their originals. The originals are kept alive meanwhile, so that no address is used twice.
pub enum Memo {
    /// Only what may be reached a second time: an object with one reference has been reached by that one. Enough as
    /// long as no code of the user's takes part. Most copies end with nothing here but the model itself, the first.
    Sparse { first: Option<(Owned, Owned)>, others: Copies },
    /// Everything, in the dict that `copy.deepcopy` uses.
    Full { dict: Owned, originals: Vec<Owned> },
}

impl Memo {
    pub fn sparse() -> Self {
        Self::Sparse { first: None, others: Copies::default() }
    }

    /// `None` if memory ran out; an exception is then set.
    pub fn full() -> Option<Self> {
        // SAFETY: the GIL is held during a copy.
        let dict = unsafe { Owned::from_new(ffi::PyDict_New())? };
        Some(Self::Full { dict, originals: Vec::new() })
    }

    /// Say whether an object is to be looked up and put here, which has so many references that the walk knows of.
    ///
    /// # Safety
    /// The object is alive.
    #[inline]
    pub unsafe fn wants(&self, original: Object, known: ffi::Py_ssize_t) -> bool {
        // SAFETY: the caller's promise.
        matches!(self, Self::Full { .. }) || unsafe { ffi::Py_REFCNT(original) } > known
    }

    /// The copy of an object, if there is one already. An error if memory ran out; an exception is then set.
    pub fn get(&self, original: Object) -> Result<Option<Owned>, ()> {
        match self {
            Self::Sparse { first, others } => {
                let pair = match first {
                    Some(first) if first.0.as_ptr() == original => Some(first),
                    _ => others.get(&original.addr()),
                };
                // SAFETY: the memo holds the copy.
                Ok(pair.map(|(_, copy)| unsafe { Owned::from_borrowed(copy.as_ptr()) }))
            }
            Self::Full { dict, .. } => {
                let key = key_of(original).ok_or(())?;
                // SAFETY: dict and key are alive; what is found is held by the dict until it is referenced.
                unsafe {
                    let found = ffi::PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr());
                    if !found.is_null() {
                        return Ok(Some(Owned::from_borrowed(found)));
                    }
                    if ffi::PyErr_Occurred().is_null() { Ok(None) } else { Err(()) }
                }
            }
        }
    }

    /// Keep a copy. An error if memory ran out; an exception is then set.
    ///
    /// # Safety
    /// Both objects are alive.
    pub unsafe fn put(&mut self, original: Object, copy: &Owned) -> Result<(), ()> {
        // SAFETY: the caller's promise.
        unsafe {
            let held = Owned::from_borrowed(original);
            match self {
                Self::Sparse { first, others } => {
                    let pair = (held, Owned::from_borrowed(copy.as_ptr()));
                    if first.is_none() {
                        *first = Some(pair);
                    } else {
                        room(others, 1);
                        others.insert(original.addr(), pair);
                    }
                    Ok(())
                }
                Self::Full { dict, originals } => {
                    push(originals, held);
                    let key = key_of(original).ok_or(())?;
                    let failed = ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), copy.as_ptr()) < 0;
                    if failed { Err(()) } else { Ok(()) }
                }
            }
        }
    }
}

/// `id(original)`
fn key_of(original: Object) -> Option<Owned> {
    // SAFETY: makes a number of an address.
    unsafe { Owned::from_new(ffi::PyLong_FromVoidPtr(original.cast())) }
}
