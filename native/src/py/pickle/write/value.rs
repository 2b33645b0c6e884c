//! From value to value: what each one is written as.

use pyo3::ffi;

use super::block::{Block, HELD, Unsuited, Written};
use crate::py::copy::classes::{Kind, Object};
use crate::py::object::Owned;
use crate::py::pickle::tag;
use crate::py::stack;

/// Each function that takes an object wants it alive, by `references` that the walk knows of.
impl Block<'_> {
    #[inline]
    pub(super) unsafe fn value(&mut self, value: Object, references: ffi::Py_ssize_t) -> Written {
        // SAFETY: the caller's promise.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if class == &raw mut ffi::PyUnicode_Type {
                return self.text(value, references);
            }
            if self.plain(value, class)? {
                return Ok(());
            }
            self.other(value, references)
        }
    }

    /// Write a value whose holder may lose it meanwhile. Nothing else runs while a scalar is written.
    #[inline(always)]
    pub(super) unsafe fn held(&mut self, value: Object) -> Written {
        // SAFETY: nothing has run since the value was read from its holder.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if class == &raw mut ffi::PyUnicode_Type {
                return self.text(value, HELD - 1);
            }
            if self.plain(value, class)? {
                return Ok(());
            }
            let value = Owned::from_borrowed(value);
            self.other(value.as_ptr(), HELD)
        }
    }

    unsafe fn other(&mut self, value: Object, references: ffi::Py_ssize_t) -> Written {
        // SAFETY: the caller's promise; the kind says what the value is.
        unsafe {
            let kind = self.known.classes.of(ffi::Py_TYPE(value)).kind;
            match kind {
                Kind::Enum => return self.member(value),
                Kind::Uuid | Kind::Decimal | Kind::Date | Kind::DateTime | Kind::Time | Kind::TimeDelta => {
                    return self.leaf(value, kind);
                }
                _ => {}
            }
            if self.depth == tag::DEEPEST || !stack::allows(self.depth) {
                return Err(Unsuited);
            }
            self.depth += 1;
            let is_kept = ffi::Py_REFCNT(value) > references;
            if !is_kept || !self.refer(value) {
                match kind {
                    Kind::List => self.list(value, is_kept)?,
                    Kind::Tuple => self.tuple(value, is_kept)?,
                    Kind::Dict => self.dict(value, is_kept, std::ptr::null_mut())?,
                    Kind::Set => {
                        self.out.push(if is_kept { tag::KEPT_SET } else { tag::SET });
                        if is_kept {
                            self.keep(value);
                        }
                        self.items(value)?;
                    }
                    Kind::FrozenSet => {
                        self.out.push(tag::FROZENSET);
                        self.items(value)?;
                    }
                    Kind::Model | Kind::RootModel => self.model(value, kind, is_kept)?,
                    _ => return Err(Unsuited),
                }
            }
            self.depth -= 1;
            Ok(())
        }
    }
}
