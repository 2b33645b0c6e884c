//! The block so far, and what it refers to: kept values, classes, shapes.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use pyo3::ffi;
use pyo3::prelude::*;

use super::shape::Shape;
use crate::memory::{Buffer, push, room};
use crate::py::copy::classes::{AddressHasher, Class, Object};
use crate::py::object::{Owned, forget};
use crate::py::pickle::known::Known;
use crate::py::pickle::tag;

/// The value has to be pickled in the ordinary way. No exception is set.
pub(super) struct Unsuited;

pub(super) type Written = Result<(), Unsuited>;

type ByAddress<T> = HashMap<usize, T, BuildHasherDefault<AddressHasher>>;

/// References that the walk knows of: that of the holder, and one of its own.
pub(super) const HELD: ffi::Py_ssize_t = 2;

pub(super) struct Block<'a> {
    pub(super) known: &'a Known,
    pub(super) out: Buffer,
    /// Numbers of what is kept, by address; what is kept is held, so that no address is used twice.
    numbers: ByAddress<usize>,
    kept: Vec<Owned>,
    pub(super) classes: Vec<Owned>,
    pub(super) shapes: Vec<Shape>,
    pub(super) last_shape: usize,
    /// Keys and values of the dicts that are being written, held.
    pub(super) entries: Vec<Owned>,
    pub(super) names: Vec<Object>,
    pub(super) depth: usize,
}

impl<'a> Block<'a> {
    pub(super) fn new(known: &'a Known) -> Self {
        let mut out = Buffer::with_room(256);
        out.push(tag::VERSION);
        Self {
            known,
            out,
            numbers: HashMap::default(),
            kept: Vec::new(),
            classes: Vec::new(),
            shapes: Vec::new(),
            last_shape: 0,
            entries: Vec::new(),
            names: Vec::new(),
            depth: 0,
        }
    }

    /// The block and the classes. `None` if memory ran out; an exception is then set.
    pub(super) unsafe fn result(self) -> Option<Owned> {
        // SAFETY: new objects, filled with references that are given away.
        unsafe {
            let size = self.out.len() as ffi::Py_ssize_t;
            let block = Owned::from_new(ffi::PyBytes_FromStringAndSize(self.out.as_ptr().cast(), size))?;
            let classes = Owned::from_new(ffi::PyTuple_New(self.classes.len() as ffi::Py_ssize_t))?;
            for (index, class) in self.classes.into_iter().enumerate() {
                ffi::PyTuple_SET_ITEM(classes.as_ptr(), index as ffi::Py_ssize_t, class.into_ptr());
            }
            Owned::from_new(ffi::PyTuple_Pack(2, block.as_ptr(), classes.as_ptr()))
        }
    }

    #[inline]
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    pub(super) fn counted(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Keep what stands in the block from here on, under the next number.
    pub(super) unsafe fn keep(&mut self, object: Object) {
        room(&mut self.numbers, 1);
        self.numbers.insert(object.addr(), self.kept.len());
        // SAFETY: the caller holds the object.
        push(&mut self.kept, unsafe { Owned::from_borrowed(object) });
    }

    /// Write a reference to what is kept; say whether that is done.
    pub(super) fn refer(&mut self, object: Object) -> bool {
        let Some(number) = self.numbers.get(&object.addr()).copied() else {
            return false;
        };
        self.out.push(tag::REFERENCE);
        self.number(number as u64);
        true
    }

    /// The number of a class.
    pub(super) unsafe fn class(&mut self, class: Class) -> Result<u64, Unsuited> {
        let known = self.classes.iter().position(|known| known.as_ptr() == class.cast());
        if let Some(number) = known {
            return Ok(number as u64);
        }
        // SAFETY: the class of a live value.
        unsafe {
            self.check_reducer(class)?;
            self.classes.push(Owned::from_borrowed(class.cast()));
        }
        Ok(self.classes.len() as u64 - 1)
    }

    /// Leave instances of a class to pickle if the application has registered another way to pickle them.
    #[inline]
    pub(super) unsafe fn check_reducer(&self, class: Class) -> Written {
        // SAFETY: the class of a live value, which is hashed by its address.
        match unsafe { ffi::PyDict_Contains(self.known.reducers.as_ptr(), class.cast()) } {
            0 => Ok(()),
            1 => Err(Unsuited),
            _ => Err(unsuited()),
        }
    }
}

/// Forget the exception of a call that failed.
#[cold]
pub(super) fn unsuited() -> Unsuited {
    // SAFETY: the GIL is held.
    unsafe { forget() };
    Unsuited
}

/// The result of a call, without the exception if it failed.
pub(super) fn quietly<T>(result: PyResult<T>) -> Result<T, Unsuited> {
    result.map_err(|error| {
        // Attached anew: PyO3 keeps what is dropped outside.
        Python::attach(|_| drop::<PyErr>(error));
        Unsuited
    })
}
