//! What instances of one class have in common, while they are written: their names stand in the block once.

use pyo3::ffi;
use pyo3::prelude::*;

use super::tag::flag;
use crate::py::copy::classes::{Class, Object};
use crate::py::decode::set_layout;
use crate::py::object::Owned;

/// A shape, as it stands in the block.
pub struct Shape {
    class: Class,
    pub flags: u8,
    /// The names in `__dict__`, in order.
    pub names: Vec<Owned>,
    /// A bit for each name that was given.
    pub bits: Vec<u8>,
    /// The table of the last set that had these names, as it lies in memory: the sets of instances that were made in one
    /// way are alike to the bit.
    table: Vec<u8>,
}

/// The parts of an instance that its shape depends on.
pub struct Parts<'a> {
    pub class: Class,
    pub flags: u8,
    pub names: &'a [Object],
    pub fields_set: Object,
}

impl Parts<'_> {
    /// Say whether the instance has this shape, as far as that can be seen without a look into its set.
    fn is_like(&self, shape: &Shape) -> bool {
        shape.class == self.class
            && shape.flags & !flag::MORE == self.flags
            && shape.names.len() == self.names.len()
            && shape.names.iter().zip(self.names).all(|(known, name)| known.as_ptr() == *name)
    }

    /// Say whether the instance surely has this shape.
    ///
    /// # Safety
    /// The parts are of a live instance.
    #[inline]
    pub unsafe fn has(&self, shape: &Shape) -> bool {
        // SAFETY: the caller's promise.
        let table = unsafe { set_layout::table_of(Python::assume_attached(), self.fields_set) };
        self.is_like(shape) && !shape.table.is_empty() && table.is_some_and(|table| table == shape.table)
    }

    /// The shape of the instance, not yet in the block; `None` if names are no strings.
    ///
    /// # Safety
    /// The parts are of a live instance.
    pub unsafe fn shape(&self) -> Option<Shape> {
        // SAFETY: the caller's promise; names are exact strings, which are hashed and compared without Python code.
        unsafe {
            let mut bits = vec![0; self.names.len().div_ceil(8)];
            let mut given = 0;
            for (index, name) in self.names.iter().enumerate() {
                match ffi::PySet_Contains(self.fields_set, *name) {
                    0 => {}
                    1 => {
                        bits[index / 8] |= 1 << (index % 8);
                        given += 1;
                    }
                    _ => {
                        ffi::PyErr_Clear();
                        return None;
                    }
                }
            }
            let has_more = ffi::PySet_Size(self.fields_set) != given;
            let table = set_layout::table_of(Python::assume_attached(), self.fields_set);
            Some(Shape {
                class: self.class,
                flags: self.flags | if has_more { flag::MORE } else { 0 },
                names: self.names.iter().map(|name| Owned::from_borrowed(*name)).collect(),
                bits,
                table: table.filter(|_| !has_more).map(<[u8]>::to_vec).unwrap_or_default(),
            })
        }
    }
}

impl Shape {
    /// Say whether another shape would be written in the same way; the other's table is taken over then.
    pub fn takes(&mut self, other: &mut Shape) -> bool {
        let is_same = self.class == other.class
            && self.flags == other.flags
            && self.bits == other.bits
            && self.names.len() == other.names.len()
            && self.names.iter().zip(&other.names).all(|(name, others)| name.as_ptr() == others.as_ptr());
        if is_same {
            std::mem::swap(&mut self.table, &mut other.table);
        }
        is_same
    }
}
