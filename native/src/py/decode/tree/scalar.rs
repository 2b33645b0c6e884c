//! Numbers, text, literals, and what text stands for.

use pyo3::ffi;

use super::TreeReader;
use super::object::{Kind, as_i64, same, utf8};
use crate::json::cursor::{Cursor, needs_escape};
use crate::py::decode::node::{FloatBounds, IntBounds, Node, StrRules, Table};
use crate::py::decode::reader::{Fit, Miss, Read, Reader, new_text, out_of_memory};
use crate::py::decode::scalar::text_is_allowed;
use crate::py::object::Owned;

impl<'p> TreeReader<'p, '_> {
    pub(super) fn tree_float(&mut self, bounds: Option<&FloatBounds>, kind: Kind, object: &Owned) -> Read<Owned> {
        let (value, result) = match kind {
            // SAFETY: a float.
            Kind::Float => (unsafe { ffi::PyFloat_AS_DOUBLE(object.as_ptr()) }, same(object)),
            Kind::Int => {
                self.lower_fit(Fit::Strict);
                let value = as_i64(object).ok_or(Miss::Unknown)? as f64;
                // SAFETY: gives a new reference or null.
                (value, unsafe { Owned::from_new(ffi::PyFloat_FromDouble(value)).ok_or_else(out_of_memory)? })
            }
            Kind::None | Kind::List | Kind::Dict => return Err(Miss::Refused),
            _ => return Err(Miss::Lax),
        };
        if !value.is_finite() {
            return Err(Miss::Unknown);
        }
        match bounds {
            Some(bounds) if !bounds.allows(value) => Err(Miss::Refused),
            _ => Ok(result),
        }
    }

    #[inline(never)]
    pub(super) fn tree_string(&mut self, rules: Option<&StrRules>, object: &Owned) -> Read<Owned> {
        let Some(rules) = rules else {
            return Ok(same(object));
        };
        let text = utf8(object)?;
        let allowed = text_is_allowed(rules, text)?;
        if allowed.len() == text.len() {
            return Ok(same(object));
        }
        new_text(allowed).ok_or_else(out_of_memory)
    }

    /// Look a value up; what is found fits as well as `fit`.
    pub(super) fn tree_literal(&mut self, table: &Table, fit: Fit, kind: Kind, object: &Owned) -> Read<Owned> {
        let found = match kind {
            Kind::Str => table.texts.get(utf8(object)?),
            Kind::Int => as_i64(object).and_then(|value| table.integers.get(&value)),
            Kind::None => table.none.as_ref(),
            _ => return Err(Miss::Unknown),
        };
        self.lower_fit(fit);
        let refused = if table.is_closed && kind == Kind::Str && table.integers.is_empty() {
            Miss::Refused
        } else {
            Miss::Unknown
        };
        // SAFETY: the table keeps the object alive.
        found.map(|value| unsafe { Owned::from_borrowed(value.as_ptr()) }).ok_or(refused)
    }

    /// What stands for something else is read from its text.
    #[inline(never)]
    pub(super) fn tree_text(&mut self, node: &'p Node, kind: Kind, object: &Owned) -> Read<Owned> {
        if kind != Kind::Str {
            return Err(Miss::Unknown);
        }
        let text = utf8(object)?;
        if needs_escape(text) {
            return Err(Miss::Unknown);
        }
        let quoted = [b"\"", text, b"\""].concat();
        let mut reader = Reader::new(self.plan, Cursor::new(&quoted), self.levels, self.call);
        let value = reader.value(node)?;
        self.lower_fit(if matches!(node, Node::Uuid(_)) { Fit::Exact } else { Fit::Lax });
        Ok(value)
    }
}

pub(super) fn tree_integer(bounds: Option<&IntBounds>, kind: Kind, object: &Owned) -> Read<Owned> {
    match kind {
        Kind::Int => match (as_i64(object), bounds) {
            (Some(value), Some(bounds)) if !bounds.allows(value) => Err(Miss::Refused),
            (None, Some(_)) => Err(Miss::Unknown),
            _ => Ok(same(object)),
        },
        Kind::None | Kind::List | Kind::Dict => Err(Miss::Refused),
        _ => Err(Miss::Lax),
    }
}
