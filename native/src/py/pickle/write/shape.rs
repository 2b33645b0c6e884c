//! What instances of one class have in common, while they are written: their names stand in the block once.

use std::rc::Rc;

use pyo3::ffi;
use pyo3::prelude::*;

use super::block::{Block, Unsuited, Written};
use crate::memory::push;
use crate::py::attributes::Attributes;
use crate::py::copy::classes::{Class, Object};
use crate::py::decode::set_layout::Arrangement;
use crate::py::entries::{Beside, InPlace, Table};
use crate::py::object::Owned;
use crate::py::pickle::tag::{self, flag};

/// A shape, as it stands in the block.
pub struct Shape {
    class: Class,
    pub flags: u8,
    /// The names in `__dict__`, in order.
    pub names: Rc<[Owned]>,
    /// A bit for each name that was given.
    pub bits: Vec<u8>,
    /// Where the last set of these names had them. They are among `names`, so they are alive.
    given: Option<Arrangement>,
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
        self.is_like(shape) && shape.given.as_ref().is_some_and(|given| unsafe { given.fits(self.fields_set) })
    }

    /// The shape of the instance, not yet in the block; `None` if names are no strings.
    ///
    /// # Safety
    /// The parts are of a live instance.
    pub unsafe fn shape(&self) -> Option<Shape> {
        // SAFETY: the caller's promise; names are exact strings, which are hashed and compared without Python code.
        unsafe {
            let mut bits = vec![0; self.names.len().div_ceil(8)];
            let mut count = 0;
            for (index, name) in self.names.iter().enumerate() {
                match ffi::PySet_Contains(self.fields_set, *name) {
                    0 => {}
                    1 => {
                        bits[index / 8] |= 1 << (index % 8);
                        count += 1;
                    }
                    _ => {
                        ffi::PyErr_Clear();
                        return None;
                    }
                }
            }
            let has_more = ffi::PySet_Size(self.fields_set) != count;
            let given = Arrangement::of(Python::assume_attached(), self.fields_set);
            Some(Shape {
                class: self.class,
                flags: self.flags | if has_more { flag::MORE } else { 0 },
                names: self.names.iter().map(|name| Owned::from_borrowed(*name)).collect(),
                bits,
                // A set may hold equal texts that are other objects, which nobody would hold.
                given: given.filter(|given| !has_more && given.names().all(|name| self.names.contains(&name))),
            })
        }
    }
}

impl Shape {
    /// Say whether an instance surely has this shape, whose names are the entries of a dict.
    ///
    /// # Safety
    /// All is of a live instance.
    #[inline]
    pub unsafe fn fits(&self, class: Class, flags: u8, entries: &impl InPlace, fields_set: Object) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            self.class == class
                && self.flags == flags
                && self.given.as_ref().is_some_and(|given| given.fits(fields_set))
                && (0..self.names.len()).all(|index| {
                    let name = self.names[index].as_ptr();
                    entries.get(index).is_some_and(|(key, value)| key == name && !value.is_null())
                })
                && entries.get(self.names.len()).is_none()
        }
    }

    /// Say whether another shape would be written in the same way; its arrangement is taken over then.
    pub fn takes(&mut self, other: &mut Shape) -> bool {
        let is_same = self.class == other.class
            && self.flags == other.flags
            && self.bits == other.bits
            && self.names.len() == other.names.len()
            && self.names.iter().zip(other.names.iter()).all(|(name, others)| name.as_ptr() == others.as_ptr());
        if is_same {
            std::mem::swap(&mut self.given, &mut other.given);
        }
        is_same
    }
}

/// Each function has the contract of [`Block::value`].
impl Block<'_> {
    /// The number of the shape of an instance; a new one is written.
    #[inline]
    pub(super) unsafe fn shape(
        &mut self,
        model: Object,
        flags: u8,
        attributes: &Attributes,
        fields_set: Object,
    ) -> Result<usize, Unsuited> {
        // SAFETY: parts of a live instance.
        unsafe {
            let class = ffi::Py_TYPE(model);
            if let Some(shape) = self.shapes.get(self.last_shape)
                && match Entries::of(model, attributes) {
                    Entries::Table(entries) => shape.fits(class, flags, &entries, fields_set),
                    Entries::Beside(entries) => shape.fits(class, flags, &entries, fields_set),
                    Entries::Elsewhere => false,
                }
            {
                return Ok(self.last_shape);
            }
            self.list_names(model, attributes)?;
            let names = std::mem::take(&mut self.names);
            let found = self.other_shape(&Parts { class, flags, names: &names, fields_set });
            self.names = names;
            self.last_shape = *found.as_ref().unwrap_or(&0);
            found
        }
    }

    unsafe fn other_shape(&mut self, parts: &Parts<'_>) -> Result<usize, Unsuited> {
        /// Shapes of one value are few. Where they are not, looking for one takes longer than writing it again.
        const RECENT: usize = 32;
        // SAFETY: parts of a live instance.
        unsafe {
            let first = self.shapes.len().saturating_sub(RECENT);
            if let Some(found) = self.shapes[first..].iter().position(|shape| parts.has(shape)) {
                return Ok(first + found);
            }
            let mut shape = parts.shape().ok_or(Unsuited)?;
            if let Some(found) = self.shapes[first..].iter_mut().position(|known| known.takes(&mut shape)) {
                return Ok(first + found);
            }
            let class = self.class(parts.class)?;
            self.out.push(tag::SHAPE);
            self.number(class);
            self.out.push(shape.flags);
            self.number(shape.names.len() as u64);
            for name in shape.names.iter() {
                self.text(name.as_ptr(), 0)?;
            }
            self.out.extend_from_slice(&shape.bits);
            self.shapes.push(shape);
            Ok(self.shapes.len() - 1)
        }
    }

    /// List the names of the attributes.
    #[inline]
    unsafe fn list_names(&mut self, model: Object, attributes: &Attributes) -> Written {
        self.names.clear();
        // SAFETY: what has them is held; nothing else runs here.
        unsafe {
            let names = &mut self.names;
            match Entries::of(model, attributes) {
                Entries::Table(mut entries) => {
                    while let Some((name, _)) = entries.take() {
                        push(names, name);
                    }
                    return Ok(());
                }
                Entries::Beside(mut entries) => {
                    while let Some((name, _)) = entries.take() {
                        push(names, name);
                    }
                    return Ok(());
                }
                Entries::Elsewhere => {}
            }
            let Attributes::Dict(dict) = attributes else { return Err(Unsuited) };
            let (mut at, mut name) = (0, std::ptr::null_mut());
            while ffi::PyDict_Next(dict.as_ptr(), &raw mut at, &raw mut name, std::ptr::null_mut()) != 0 {
                if ffi::PyUnicode_CheckExact(name) == 0 {
                    return Err(Unsuited);
                }
                push(&mut self.names, name);
            }
            Ok(())
        }
    }
}

/// The attributes of an instance where they lie.
pub(super) enum Entries {
    Table(Table),
    Beside(Beside),
    /// In a dict of another layout.
    Elsewhere,
}

impl Entries {
    /// # Safety
    /// The instance and what has its attributes are held while the result is used.
    #[inline(always)]
    pub(super) unsafe fn of(model: Object, attributes: &Attributes) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let beside = match attributes {
                Attributes::Dict(dict) => match Table::over(dict.as_ptr()) {
                    Some(table) => return Self::Table(table),
                    None => Beside::dict(dict.as_ptr()),
                },
                Attributes::Beside => Beside::instance(model),
            };
            beside.map_or(Self::Elsewhere, Self::Beside)
        }
    }
}
