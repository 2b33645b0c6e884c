//! UUIDs, decimals and members of enumerations.

use super::reader::{Miss, Read, Reader, failed};
use super::scalar::new_text;
use crate::py::copy::classes::Kind;
use crate::py::decode::objects::uuid_of;
use crate::py::object::Owned;
use crate::py::pickle::known::call;
use crate::py::pickle::tag;

impl Reader<'_> {
    #[inline]
    pub(super) fn uuid(&mut self) -> Read<Owned> {
        uuid_of(&self.fixed()?).map_err(|_| failed())
    }

    #[inline]
    pub(super) fn decimal(&mut self) -> Read<Owned> {
        let text = self.counted().and_then(new_text)?;
        // SAFETY: class and text are alive.
        unsafe { call(self.known.decimal.as_ptr(), text.as_ptr()) }.ok_or(Miss::Raised)
    }

    pub(super) fn member(&mut self) -> Read<Owned> {
        let (class, kind) = self.class()?;
        if kind != Kind::Enum {
            return Err(Miss::Malformed);
        }
        let first = self.byte()?;
        if first > tag::BYTES && first < tag::SMALL {
            return Err(Miss::Malformed);
        }
        let value = self.scalar(first)?;
        // SAFETY: the class is held by the caller of the reader.
        let member = unsafe { call(class, value.as_ptr()) }.ok_or(Miss::Raised)?;
        self.keep(&member, true);
        Ok(member)
    }
}
