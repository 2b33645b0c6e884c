//! Models: the values of an instance, after the number of its shape.

use std::rc::Rc;

use pyo3::ffi;

use super::reader::{Miss, Read, Reader, failed};
use crate::py::copy::instance::{allocate, put};
use crate::py::copy::set;
use crate::py::object::Owned;
use crate::py::pickle::tag::flag;

impl Reader<'_> {
    pub(super) fn model(&mut self, is_kept: bool) -> Read<Owned> {
        let number = self.size()?;
        let shape = Rc::clone(self.shapes.get(number).ok_or(Miss::Malformed)?);
        self.promise(shape.names + shape.flags.count_ones() as usize)?;
        // SAFETY: the class was proved to be made by its allocator, and to keep its state in the slots of BaseModel.
        unsafe {
            let model = allocate(shape.class).map_err(|_| failed())?;
            if is_kept {
                self.keep(&model, false);
            }
            let mut filling = shape.dict.start().ok_or(Miss::Raised)?;
            for index in 0..shape.names {
                let value = self.promised_value()?;
                shape.dict.put(&mut filling, index, value).ok_or(Miss::Raised)?;
            }
            let dict = shape.dict.finish(filling);
            if ffi::PyObject_GenericSetDict(model.as_ptr(), dict.as_ptr(), std::ptr::null_mut()) < 0 {
                return Err(Miss::Raised);
            }
            let slots = self.known.slots;
            let extra = self.beside(shape.flags & flag::EXTRA)?;
            let private = self.beside(shape.flags & flag::PRIVATE)?;
            let fields_set = set::copied(shape.given.as_ptr()).ok_or(Miss::Raised)?;
            if shape.flags & flag::MORE != 0 {
                self.promised -= 1;
                for _ in 0..self.count(1)? {
                    let name = self.name()?;
                    if ffi::PySet_Add(fields_set.as_ptr(), name.as_ptr()) < 0 {
                        return Err(Miss::Raised);
                    }
                }
            }
            put(model.as_ptr(), slots.fields_set, fields_set);
            if !shape.is_root {
                put(model.as_ptr(), slots.extra, extra);
                put(model.as_ptr(), slots.private, private);
            }
            Ok(model)
        }
    }

    /// A dict that stands beside the fields, or None.
    fn beside(&mut self, is_there: u8) -> Read<Owned> {
        // SAFETY: alive objects.
        unsafe {
            if is_there == 0 {
                return Ok(Owned::from_borrowed(ffi::Py_None()));
            }
            let found = self.promised_value()?;
            if ffi::PyDict_CheckExact(found.as_ptr()) == 0 { Err(Miss::Malformed) } else { Ok(found) }
        }
    }
}
