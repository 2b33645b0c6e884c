//! Attributes that the interpreter keeps beside an instance, without a dict.
//!
//! Since CPython 3.11 an instance of a class made in Python starts with a block of values, in the order of the keys that
//! its class has collected (`Objects/dictobject.c`, `init_inline_values` and `new_values`); a dict is made of it when
//! somebody asks for `__dict__`. Before the values stand, backwards, the size of this head, the number of values that are
//! there, and the place of each of these in the order of insertion, a byte each. 3.11 and 3.12 differ in where an
//! instance has its block. That is tried out before it is relied upon. From 3.13 on models have no such block.

use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use super::dict_object::{Keys, SPLIT_KEYS, entries_of};
use super::object::Owned;

type Object = *mut ffi::PyObject;

/// Where instances have their block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    /// Four words before the object; null beside a dict.
    Own,
    /// Three words before the object, where else the dict is, and told from one by being odd.
    OfDict,
    /// Not known.
    Nowhere,
}

static HOME: AtomicU8 = AtomicU8::new(Home::Nowhere as u8);

#[inline(always)]
fn home() -> Home {
    match HOME.load(Ordering::Relaxed) {
        0 => Home::Own,
        1 => Home::OfDict,
        _ => Home::Nowhere,
    }
}

/// `Py_TPFLAGS_MANAGED_DICT`
const MANAGED_DICT: std::ffi::c_ulong = 1 << 4;

/// The bytes before the values that are not places.
pub const HEAD: usize = 2;

/// The block of values of an instance.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InlineValues(*mut Object);

impl InlineValues {
    /// The block of an instance; `None` if it has a dict, or this interpreter's blocks are not known.
    ///
    /// # Safety
    /// The object is alive.
    #[inline(always)]
    pub unsafe fn of(instance: Object) -> Option<Self> {
        // SAFETY: instances of classes with this flag have these words before them.
        unsafe {
            if (*ffi::Py_TYPE(instance)).tp_flags & MANAGED_DICT == 0 {
                return None;
            }
            Self::at_home(instance, home())
        }
    }

    /// # Safety
    /// The object is an instance of a class with a managed dict, and such instances have their blocks at this place.
    #[inline(always)]
    unsafe fn at_home(instance: Object, home: Home) -> Option<Self> {
        // SAFETY: said above.
        let found = unsafe {
            match home {
                Home::Own => *instance.cast::<*mut Object>().sub(4),
                Home::OfDict => {
                    let word = *instance.cast::<*mut u8>().sub(3);
                    if word.addr() & 1 == 1 { word.add(1).cast() } else { std::ptr::null_mut() }
                }
                Home::Nowhere => std::ptr::null_mut(),
            }
        };
        (!found.is_null()).then_some(Self(found))
    }

    /// The block that a dict has taken over; `None` if it has none, or this interpreter's blocks are not known.
    #[inline(always)]
    pub fn of_dict(values: *mut std::ffi::c_void) -> Option<Self> {
        (home() != Home::Nowhere && !values.is_null()).then_some(Self(values.cast()))
    }

    /// A block at this address, which nobody has yet.
    pub fn at(first: *mut Object) -> Self {
        Self(first)
    }

    /// Give the block to a new instance that has neither dict nor block.
    ///
    /// # Safety
    /// The object is such an instance, and the block was made for the keys of its class.
    #[inline(always)]
    pub unsafe fn give_to(self, instance: Object) {
        // SAFETY: said above.
        unsafe {
            if home() == Home::OfDict {
                *instance.cast::<*mut u8>().sub(3) = self.0.cast::<u8>().sub(1);
            } else {
                *instance.cast::<*mut Object>().sub(4) = self.0;
            }
        }
    }

    /// The bytes before the values.
    ///
    /// # Safety
    /// The block belongs to an instance that is alive, as in the methods below.
    pub unsafe fn head(&self) -> &[u8] {
        // SAFETY: the last byte of the head says how long it is.
        unsafe {
            let end = self.0.cast::<u8>();
            let length = usize::from(*end.sub(1));
            std::slice::from_raw_parts(end.sub(length), length)
        }
    }

    /// How many values there are.
    ///
    /// # Safety
    /// See [`Self::head`].
    #[inline(always)]
    pub unsafe fn count(self) -> usize {
        // SAFETY: the last byte but one.
        unsafe { usize::from(*self.0.cast::<u8>().sub(2)) }
    }

    /// Say whether the first values are all that there are, and were inserted in the order in which they stand.
    ///
    /// # Safety
    /// See [`Self::head`].
    #[inline(always)]
    pub unsafe fn is_in_order(self) -> bool {
        // The places are 0, 1, 2, ...: up to six of them are compared as one word with the two bytes behind them.
        const IN_ORDER: u64 = u64::from_le_bytes([5, 4, 3, 2, 1, 0, 0, 0]);
        const SHORT: usize = size_of::<u64>() - HEAD;
        // SAFETY: a head is some words long, and has as many places as there are values.
        unsafe {
            let count = self.count();
            let end = self.0.cast::<u8>();
            let differing = (u64::from_le(end.cast::<u64>().sub(1).read()) ^ IN_ORDER) << (8 * HEAD);
            if count <= SHORT {
                return differing.unbounded_shr(8 * (size_of::<u64>() - count) as u32) == 0;
            }
            differing == 0 && (SHORT..count).all(|index| usize::from(*end.sub(HEAD + 1 + index)) == index)
        }
    }

    /// Where the values are.
    #[inline(always)]
    pub fn first(self) -> *mut Object {
        self.0
    }

    /// Another block with the same values, for another instance of the class. `None` if memory ran out.
    ///
    /// # Safety
    /// See [`Self::head`]; the keys are those of the class, and the values are in order.
    pub unsafe fn duplicate(self, keys: SharedKeys) -> Option<Self> {
        // SAFETY: a new piece of memory with room for a head as long as this one's and for a value of each key there can
        // be; blocks that are older than others have no less room.
        unsafe {
            let (head, count, capacity) = (self.head(), self.count(), keys.capacity());
            let start = ffi::PyMem_Malloc(head.len() + capacity * size_of::<Object>()).cast::<u8>();
            if start.is_null() {
                return None;
            }
            start.copy_from_nonoverlapping(head.as_ptr(), head.len());
            let first = start.add(head.len()).cast::<Object>();
            for index in 0..capacity {
                let value = if index < count { self.get(index) } else { std::ptr::null_mut() };
                ffi::Py_XINCREF(value);
                *first.add(index) = value;
            }
            Some(Self(first))
        }
    }

    /// The value at a place, borrowed; null if there is none.
    ///
    /// # Safety
    /// See [`Self::head`]; the place is one of the block.
    #[inline(always)]
    pub unsafe fn get(self, place: usize) -> Object {
        // SAFETY: said above.
        unsafe { *self.0.add(place) }
    }
}

/// The keys that the instances of a class share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SharedKeys(*mut Keys);

impl SharedKeys {
    /// `None` if the class has none.
    ///
    /// # Safety
    /// The class is alive.
    #[inline(always)]
    pub unsafe fn of(class: *mut ffi::PyTypeObject) -> Option<Self> {
        // SAFETY: only classes made in Python have the flag, and they are heap types.
        unsafe {
            if (*class).tp_flags & MANAGED_DICT == 0 || (*class).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE == 0 {
                return None;
            }
            let keys = (*class.cast::<ffi::PyHeapTypeObject>()).ht_cached_keys.cast::<Keys>();
            (!keys.is_null() && (*keys).kind == SPLIT_KEYS).then_some(Self(keys))
        }
    }

    /// How many keys the blocks of new instances have room for. It never grows.
    ///
    /// # Safety
    /// The class is alive.
    pub unsafe fn capacity(self) -> usize {
        // SAFETY: the keys live as long as their class.
        unsafe { ((*self.0).entries + (*self.0).usable) as usize }
    }

    /// How many keys there are. Every block has a place for each, also for those that came after it was made.
    ///
    /// # Safety
    /// See [`Self::capacity`].
    pub unsafe fn count(self) -> usize {
        // SAFETY: as above.
        unsafe { (*self.0).entries as usize }
    }

    /// Keys that can still be added.
    ///
    /// # Safety
    /// See [`Self::capacity`].
    pub unsafe fn room(self) -> usize {
        // SAFETY: as above.
        unsafe { (*self.0).usable as usize }
    }

    /// The first key and what is behind it: pairs of which the first is the key.
    ///
    /// # Safety
    /// See [`Self::capacity`].
    #[inline(always)]
    pub unsafe fn entries(self) -> *const [Object; 2] {
        // SAFETY: as in every dict of strings, the entries stand behind the indices.
        unsafe { entries_of(self.0) }
    }
}

/// Say whether it is known where instances have their values here.
pub fn are_known() -> bool {
    home() != Home::Nowhere
}

/// Find out where instances have their values here.
pub fn probe(py: Python<'_>) -> PyResult<()> {
    let version = py.version_info();
    let home = match (version.major, version.minor) {
        (3, 11) => Some(Home::Own),
        (3, 12) => Some(Home::OfDict),
        _ => None,
    };
    if let Some(home) = home
        && is_home(py, home)?
    {
        HOME.store(home as u8, Ordering::Relaxed);
    }
    Ok(())
}

/// Compare what is found in a block with what the interpreter says of the attributes.
fn is_home(py: Python<'_>, home: Home) -> PyResult<bool> {
    let class = py.eval(c"type('Probe', (), {'__slots__': ('__dict__', 'other')})", None, None)?;
    let (names, values) = (["first", "second", "third"], [1001, 1002, 1003]);
    let new = || -> PyResult<_> {
        let instance = class.call0()?;
        for (name, value) in names.iter().zip(values) {
            instance.setattr(*name, value)?;
        }
        Ok(instance)
    };
    let instance = new()?;
    // SAFETY: an instance of a class made in Python, with this flag; of what is found, the outermost is compared first.
    unsafe {
        let class = ffi::Py_TYPE(instance.as_ptr());
        let Some(keys) = SharedKeys::of(class) else { return Ok(false) };
        let Some(block) = InlineValues::at_home(instance.as_ptr(), home) else { return Ok(false) };
        let expected_head = (keys.capacity() + HEAD).next_multiple_of(size_of::<Object>());
        let head = *block.0.cast::<u8>().sub(1);
        if keys.capacity() > 30 || usize::from(head) != expected_head || block.count() != 3 || !block.is_in_order() {
            return Ok(false);
        }
        for (index, name) in names.iter().enumerate() {
            let [key, _] = *keys.entries().add(index);
            let same_name = Bound::from_borrowed_ptr(py, key).eq(*name)?;
            if !same_name || block.get(index) != instance.getattr(*name)?.as_ptr() {
                return Ok(false);
            }
        }
        let dict = Owned::from_new(ffi::PyObject_GenericGetDict(instance.as_ptr(), std::ptr::null_mut()));
        Ok(dict.is_some() && InlineValues::at_home(instance.as_ptr(), home).is_none())
    }
}
