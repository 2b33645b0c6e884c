//! The reader: what of the block is still to come, what references refer to, and the step from value to value.

use std::rc::Rc;

use pyo3::exceptions::PyRecursionError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::shape::Shape;
use crate::memory::push;
use crate::py::copy::classes::{Kind, Object};
use crate::py::object::Owned;
use crate::py::pickle::known::Known;
use crate::py::pickle::tag;
use crate::py::stack;

/// Why nothing was read.
pub(super) enum Miss {
    Malformed,
    /// An exception is set.
    Raised,
}

pub(super) type Read<T> = Result<T, Miss>;

pub(super) struct Reader<'a> {
    pub(super) known: &'a Known,
    data: &'a [u8],
    at: usize,
    classes: Vec<(Object, Kind)>,
    pub(super) shapes: Vec<Rc<Shape>>,
    /// What references refer to, and whether it may be a key.
    kept: Vec<(Owned, bool)>,
    depth: usize,
    /// Values that are still to come: each takes a byte at least.
    pub(super) promised: usize,
    pub(super) last_zone: Option<(u8, i32, Owned)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(known: &'a Known, data: &'a [u8], classes: Vec<(Object, Kind)>) -> Self {
        Self {
            known,
            data,
            at: 1,
            classes,
            shapes: Vec::new(),
            kept: Vec::new(),
            depth: 0,
            promised: 0,
            last_zone: None,
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.data.len()
    }

    // -- pieces -------------------------------------------------------------------------------------------------------

    #[inline]
    pub(super) fn byte(&mut self) -> Read<u8> {
        let byte = *self.data.get(self.at).ok_or(Miss::Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or(Miss::Malformed)?;
        let taken = self.data.get(self.at..end).ok_or(Miss::Malformed)?;
        self.at = end;
        Ok(taken)
    }

    #[inline]
    pub(super) fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Miss::Malformed)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Read<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        let mut number = u64::from(first & 0x7F);
        let mut shift = 7;
        loop {
            let byte = self.byte()?;
            // Of the tenth byte, one bit is left.
            if shift == 63 && byte > 1 {
                return Err(Miss::Malformed);
            }
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    pub(super) fn size(&mut self) -> Read<usize> {
        usize::try_from(self.number()?).map_err(|_| Miss::Malformed)
    }

    pub(super) fn counted(&mut self) -> Read<&'a [u8]> {
        let size = self.size()?;
        self.take(size)
    }

    /// A count of values to come, each of which is so many; they have to fit the rest.
    #[inline]
    pub(super) fn count(&mut self, each: usize) -> Read<usize> {
        let count = self.size()?;
        self.promise(count.checked_mul(each).ok_or(Miss::Malformed)?)?;
        Ok(count)
    }

    #[inline]
    pub(super) fn promise(&mut self, count: usize) -> Read<()> {
        self.promised = self.promised.checked_add(count).ok_or(Miss::Malformed)?;
        if self.promised > self.data.len() - self.at { Err(Miss::Malformed) } else { Ok(()) }
    }

    // -- what was read before -----------------------------------------------------------------------------------------

    pub(super) fn keep(&mut self, object: &Owned, is_key: bool) {
        // SAFETY: alive, being held.
        push(&mut self.kept, (unsafe { Owned::from_borrowed(object.as_ptr()) }, is_key));
    }

    pub(super) fn reference(&mut self) -> Read<(Owned, bool)> {
        let number = self.size()?;
        let (object, is_key) = self.kept.get(number).ok_or(Miss::Malformed)?;
        // SAFETY: alive, being kept.
        Ok((unsafe { Owned::from_borrowed(object.as_ptr()) }, *is_key))
    }

    pub(super) fn class(&mut self) -> Read<(Object, Kind)> {
        let number = self.size()?;
        self.classes.get(number).copied().ok_or(Miss::Malformed)
    }

    // -- values -------------------------------------------------------------------------------------------------------

    pub(super) fn value(&mut self) -> Read<Owned> {
        let mut first = self.byte()?;
        while first == tag::SHAPE {
            self.new_shape()?;
            first = self.byte()?;
        }
        match first {
            tag::LIST | tag::KEPT_LIST => self.deeper(|reader| reader.list(first == tag::KEPT_LIST)),
            tag::TUPLE | tag::KEPT_TUPLE => self.deeper(|reader| reader.tuple(first == tag::KEPT_TUPLE)),
            tag::DICT | tag::KEPT_DICT => self.deeper(|reader| reader.dict(first == tag::KEPT_DICT)),
            tag::SET | tag::KEPT_SET => self.deeper(|reader| reader.set(first == tag::KEPT_SET)),
            tag::FROZENSET => self.deeper(Self::frozenset),
            tag::MODEL | tag::KEPT_MODEL => self.deeper(|reader| reader.model(first == tag::KEPT_MODEL)),
            tag::REFERENCE => self.deeper(|reader| Ok(reader.reference()?.0)),
            _ => self.scalar(first),
        }
    }

    #[inline]
    pub(super) fn promised_value(&mut self) -> Read<Owned> {
        self.promised -= 1;
        self.value()
    }

    pub(super) fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth == tag::DEEPEST {
            return Err(Miss::Malformed);
        }
        if !stack::allows(self.depth) {
            PyRecursionError::new_err("the stack of this thread is too small")
                // SAFETY: whoever reads a block holds the GIL.
                .restore(unsafe { Python::assume_attached() });
            return Err(Miss::Raised);
        }
        self.depth += 1;
        let outcome = work(self);
        self.depth -= 1;
        outcome
    }
}

/// A new reference, or null with an exception set.
#[inline]
pub(super) unsafe fn owned(object: Object) -> Read<Owned> {
    // SAFETY: said above.
    unsafe { Owned::from_new(object) }.ok_or(Miss::Raised)
}

/// What to say of a failed call that may not have set an exception.
#[cold]
pub(super) fn failed() -> Miss {
    // SAFETY: the GIL is held.
    unsafe {
        if ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_NoMemory();
        }
    }
    Miss::Raised
}
