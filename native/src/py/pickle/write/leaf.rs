//! UUIDs, decimals and members of enumerations.

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;

use super::block::{Block, Unsuited, Written, quietly, unsuited};
use crate::py::copy::classes::{Kind, Object};
use crate::py::object::Owned;
use crate::py::pickle::tag;

/// Each function has the contract of [`Block::value`].
impl Block<'_> {
    pub(super) unsafe fn leaf(&mut self, value: Object, kind: Kind) -> Written {
        // SAFETY: the kind says what the value is.
        unsafe {
            self.check_reducer(ffi::Py_TYPE(value))?;
            match kind {
                Kind::Uuid => self.uuid(value),
                Kind::Decimal => {
                    let text = Owned::from_new(ffi::PyObject_Str(value)).ok_or_else(unsuited)?;
                    let mut size = 0;
                    let data = ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut size);
                    if data.is_null() {
                        return Err(unsuited());
                    }
                    self.out.push(tag::DECIMAL);
                    self.counted(std::slice::from_raw_parts(data.cast(), size as usize));
                    Ok(())
                }
                _ => self.moment(value, kind),
            }
        }
    }

    unsafe fn uuid(&mut self, value: Object) -> Written {
        // SAFETY: exactly a UUID; its slots are read with a look at what is there.
        unsafe {
            let number = self.known.uuid_int.read(value);
            let safety = self.known.uuid_safety.read(value);
            if number.is_null() || ffi::PyLong_CheckExact(number) == 0 || safety != self.known.unknown_safety.as_ptr() {
                return Err(Unsuited);
            }
            let number: u128 = quietly(Bound::from_borrowed_ptr(Python::assume_attached(), number).extract())?;
            self.out.push(tag::UUID);
            self.out.extend_from_slice(&number.to_be_bytes());
            Ok(())
        }
    }

    pub(super) unsafe fn member(&mut self, member: Object) -> Written {
        // SAFETY: a member of a plain enumeration, whose attributes are read without code of the class.
        unsafe {
            if self.refer(member) {
                return Ok(());
            }
            let name = intern!(Python::assume_attached(), "_value_");
            let value = ffi::PyObject_GenericGetAttr(member, name.as_ptr());
            let value = Owned::from_new(value).ok_or_else(unsuited)?;
            let class = self.class(ffi::Py_TYPE(member))?;
            self.out.push(tag::MEMBER);
            self.number(class);
            let kind = ffi::Py_TYPE(value.as_ptr());
            if kind == &raw mut ffi::PyUnicode_Type {
                self.new_text(value.as_ptr(), false)?;
            } else if !self.plain(value.as_ptr(), kind)? {
                return Err(Unsuited);
            }
            self.keep(member);
            Ok(())
        }
    }
}
