//! What instances of one class have in common: read once, then used for each of them.

use std::rc::Rc;

use pyo3::ffi;
use pyo3::prelude::*;

use super::reader::{Miss, Read, Reader, owned};
use crate::py::copy::classes::{Class, Kind};
use crate::py::decode::dict_template::DictTemplate;
use crate::py::object::Owned;
use crate::py::pickle::tag::{self, flag};

/// How to make the instances of one shape.
pub(super) struct Shape {
    pub(super) class: Class,
    pub(super) is_root: bool,
    pub(super) flags: u8,
    pub(super) names: usize,
    pub(super) dict: DictTemplate,
    pub(super) given: Owned,
}

impl Reader<'_> {
    pub(super) fn new_shape(&mut self) -> Read<()> {
        let (class, kind) = self.class()?;
        let flags = self.byte()?;
        let is_root = kind == Kind::RootModel;
        let known = if is_root { flag::MORE } else { flag::EXTRA | flag::PRIVATE | flag::MORE };
        if !matches!(kind, Kind::Model | Kind::RootModel) || flags & !known != 0 {
            return Err(Miss::Malformed);
        }
        let count = self.count(1)?;
        let names = (0..count).map(|_| self.name()).collect::<Read<Vec<_>>>()?;
        let bits = self.take(count.div_ceil(8))?;
        if count % 8 != 0 && bits.last().is_some_and(|last| last >> (count % 8) != 0) {
            return Err(Miss::Malformed);
        }
        // SAFETY: names are exact strings.
        unsafe {
            let py = Python::assume_attached();
            let given = owned(ffi::PySet_New(std::ptr::null_mut()))?;
            for (index, name) in names.iter().enumerate() {
                if bits[index / 8] >> (index % 8) & 1 == 1 && ffi::PySet_Add(given.as_ptr(), name.as_ptr()) < 0 {
                    return Err(Miss::Raised);
                }
            }
            let names: Vec<Py<PyAny>> =
                names.into_iter().map(|name| Bound::from_owned_ptr(py, name.into_ptr()).unbind()).collect();
            let dict = DictTemplate::new(py, &names).map_err(|error| {
                error.restore(py);
                Miss::Raised
            })?;
            // Attached anew: PyO3 keeps what is dropped outside.
            Python::attach(|_| drop(names));
            self.shapes.push(Rc::new(Shape { class: class.cast(), is_root, flags, names: count, dict, given }));
        }
        Ok(())
    }

    /// A name, interned as attributes are.
    pub(super) fn name(&mut self) -> Read<Owned> {
        self.promised -= 1;
        let first = self.byte()?;
        let name = match first {
            tag::REFERENCE => self.reference()?.0,
            tag::TEXT | tag::KEPT_TEXT | tag::SHORT..tag::UNUSED => self.scalar(first)?,
            _ => return Err(Miss::Malformed),
        };
        // SAFETY: alive; interning gives the same reference back, or one to an equal string.
        unsafe {
            if ffi::PyUnicode_CheckExact(name.as_ptr()) == 0 {
                return Err(Miss::Malformed);
            }
            let mut name = name.into_ptr();
            ffi::PyUnicode_InternInPlace(&raw mut name);
            owned(name)
        }
    }
}
