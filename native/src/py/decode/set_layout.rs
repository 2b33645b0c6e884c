//! A set of a few strings, made by filling the table that every set object has inside.
//!
//! A set of five names made by the public interface outgrows its inner table of eight places, and takes half a kilobyte
//! more: the sets would be the worst single cost of reading models. Up to seven
//! names fit the inner table; a set that is fuller than usual only looks a little longer, and grows as usual when
//! something is added. Layout and behaviour are tried once, on real sets, before this is used.

use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PySet;

use crate::py::object::Owned;

/// The places of the inner table; a power of two.
const PLACES: usize = 8;

#[repr(C)]
#[derive(Clone, Copy)]
struct Place {
    key: *mut ffi::PyObject,
    hash: ffi::Py_hash_t,
}

#[repr(C)]
struct Set {
    base: ffi::PyObject,
    fill: ffi::Py_ssize_t,
    used: ffi::Py_ssize_t,
    mask: ffi::Py_ssize_t,
    table: *mut Place,
    hash: ffi::Py_hash_t,
    finger: ffi::Py_ssize_t,
    inner: [Place; PLACES],
    weak_references: *mut ffi::PyObject,
}

/// The inner table of a set of names.
pub struct Table {
    places: [Place; PLACES],
    names: Vec<Owned>,
}

// SAFETY: the pointers are of the names that are kept beside them; they are used while the GIL is held.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Table {
    /// The most names that fit, with a place left to end searches.
    pub const MOST: usize = PLACES - 1;

    /// The table of some names; `None` if there are too many, or this interpreter's sets are not known.
    pub fn of(py: Python<'_>, names: Vec<Owned>) -> Option<Self> {
        (is_known(py) && names.len() <= Self::MOST).then(|| Self::fill(names))?
    }

    fn fill(names: Vec<Owned>) -> Option<Self> {
        let empty = Place { key: std::ptr::null_mut(), hash: 0 };
        let mut places = [empty; PLACES];
        for name in &names {
            // SAFETY: the name is alive.
            let hash = unsafe { ffi::PyObject_Hash(name.as_ptr()) };
            if hash == -1 {
                // SAFETY: the GIL is held.
                unsafe { ffi::PyErr_Clear() };
                return None;
            }
            // The order in which CPython looks at places: Objects/setobject.c, `set_lookkey`.
            let mut perturb = hash as usize;
            let mut at = perturb & (PLACES - 1);
            while !places[at].key.is_null() {
                perturb >>= 5;
                at = at.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & (PLACES - 1);
            }
            places[at] = Place { key: name.as_ptr(), hash };
        }
        Some(Self { places, names })
    }

    /// Make a new set. `None` if memory ran out.
    #[inline]
    pub fn set(&self) -> Option<Owned> {
        // SAFETY: a new, empty set uses its inner table; it is filled before anybody sees it, with references of its
        // own.
        unsafe {
            let made = Owned::from_new(ffi::PySet_New(std::ptr::null_mut()))?;
            let set = made.as_ptr().cast::<Set>();
            for name in &self.names {
                ffi::Py_INCREF(name.as_ptr());
            }
            (*set).inner = self.places;
            (*set).fill = self.names.len() as ffi::Py_ssize_t;
            (*set).used = self.names.len() as ffi::Py_ssize_t;
            Some(made)
        }
    }
}

/// Copy a small set into the inner table of a new one: the hashes that it keeps are used, nothing is hashed or compared.
/// `None` if the set is too large, this interpreter's sets are not known, or memory ran out (an exception is then set).
///
/// # Safety
/// The object is exactly a set, which is held for the call.
#[inline]
pub(crate) unsafe fn small_copy(py: Python<'_>, original: *mut ffi::PyObject) -> Option<Owned> {
    // SAFETY: the layout was tried out. The new set is made first: nothing runs between looking at the places of the
    // original and taking references to what is there.
    unsafe {
        let original = original.cast::<Set>();
        if !is_known(py) || (*original).used as usize > Table::MOST {
            return None;
        }
        let made = Owned::from_new(ffi::PySet_New(std::ptr::null_mut()))?;
        let used = (*original).used as usize;
        if used > Table::MOST {
            return None;
        }
        let set = made.as_ptr().cast::<Set>();
        let places = &mut (*set).inner;
        let mut place = (*original).table;
        let end = place.add((*original).mask as usize + 1);
        let mut left = used;
        while left > 0 && place < end {
            let Place { key, hash } = *place;
            place = place.add(1);
            // What was taken out of a set leaves a place with a hash that nothing has.
            if key.is_null() || hash == -1 {
                continue;
            }
            let mut perturb = hash as usize;
            let mut at = perturb & (PLACES - 1);
            while !places[at].key.is_null() {
                perturb >>= 5;
                at = at.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & (PLACES - 1);
            }
            ffi::Py_INCREF(key);
            places[at] = Place { key, hash };
            left -= 1;
        }
        (*set).fill = (used - left) as ffi::Py_ssize_t;
        (*set).used = (used - left) as ffi::Py_ssize_t;
        Some(made)
    }
}

/// Where the names of a set lie in its table: sets that were made in the same way have them in the same places.
pub(crate) struct Arrangement {
    mask: ffi::Py_ssize_t,
    places: Vec<(usize, *mut ffi::PyObject)>,
}

impl Arrangement {
    /// `None` if the set is large, or this interpreter's sets are not known.
    ///
    /// # Safety
    /// The object is exactly a set, which is held for the call.
    pub unsafe fn of(py: Python<'_>, set: *mut ffi::PyObject) -> Option<Self> {
        const MOST_PLACES: usize = 1024;
        // SAFETY: the layout was tried out; a table has one more place than its mask says.
        unsafe {
            let set = set.cast::<Set>();
            let count = (*set).mask as usize + 1;
            if !is_known(py) || count > MOST_PLACES {
                return None;
            }
            let places = (0..count).filter_map(|at| {
                let Place { key, hash } = *(*set).table.add(at);
                // What was taken out of a set leaves a place with a hash that nothing has.
                (!key.is_null() && hash != -1).then_some((at, key))
            });
            Some(Self { mask: (*set).mask, places: places.collect() })
        }
    }

    pub fn names(&self) -> impl Iterator<Item = *mut ffi::PyObject> {
        self.places.iter().map(|(_, name)| *name)
    }

    /// Say whether a set holds the very same names, in the same places; if so, the sets are equal.
    ///
    /// # Safety
    /// The object is exactly a set, which is held for the call, and the names of the arrangement are alive.
    #[inline]
    pub unsafe fn fits(&self, set: *mut ffi::PyObject) -> bool {
        // SAFETY: an arrangement is only made where the layout is known; its places are within the mask.
        unsafe {
            let set = set.cast::<Set>();
            (*set).mask == self.mask
                && (*set).used as usize == self.places.len()
                && self.places.iter().all(|(at, key)| (*(*set).table.add(*at)).key == *key)
        }
    }
}

static KNOWN: OnceLock<bool> = OnceLock::new();

fn is_known(py: Python<'_>) -> bool {
    *KNOWN.get_or_init(|| {
        let version = py.version_info();
        // Those that all tests were run on.
        let is_expected = ((3, 11)..(3, 14)).contains(&(version.major, version.minor));
        is_expected && (0..=Table::MOST).all(|count| probe(py, count).unwrap_or(false))
    })
}

fn probe(py: Python<'_>, count: usize) -> PyResult<bool> {
    let names: Vec<Py<PyAny>> = (0..count)
        .map(|number| Ok(format!("name {number}").into_pyobject(py)?.into_any().unbind()))
        .collect::<PyResult<_>>()?;
    let usual = PySet::new(py, &names)?;
    // SAFETY: sets of this probe's own; what can be seen from outside has to be where it is expected.
    let fits = unsafe {
        let empty = PySet::empty(py)?;
        let raw = empty.as_ptr().cast::<Set>();
        let counted = usual.as_ptr().cast::<Set>();
        (*raw).mask == (PLACES - 1) as ffi::Py_ssize_t
            && (*raw).table == (&raw mut (*raw).inner).cast::<Place>()
            && (*raw).fill == 0
            && (*raw).used == 0
            && (*counted).used == count as ffi::Py_ssize_t
            && (*counted).fill == count as ffi::Py_ssize_t
    };
    if !fits {
        return Ok(false);
    }
    // SAFETY: the names are alive.
    let names = names.iter().map(|name| unsafe { Owned::from_borrowed(name.as_ptr()) }).collect();
    let Some(set) = Table::fill(names).and_then(|table| table.set()) else {
        return Ok(false);
    };
    // SAFETY: a new reference that is given away.
    let set = unsafe { Bound::from_owned_ptr(py, set.into_ptr()).cast_into_unchecked::<PySet>() };
    let copy = set.call_method0("copy")?;
    let is_right = set.eq(&usual)? && copy.eq(&usual)? && set.len() == count && !set.contains("another")?;
    for number in 0..count {
        if !set.contains(format!("name {number}"))? {
            return Ok(false);
        }
    }
    for number in 0..20 {
        set.add(format!("more {number}"))?;
    }
    for number in 0..count {
        set.discard(format!("name {number}"))?;
    }
    Ok(is_right && set.len() == 20 && (0..20).all(|number| set.contains(format!("more {number}")).unwrap_or(false)))
}
