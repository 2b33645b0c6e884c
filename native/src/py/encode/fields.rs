//! The fields of a model, a typed dict or a dataclass, as members of an object.

use pyo3::ffi;

use crate::py::attributes::Attributes;
use crate::py::entries::{Beside, InPlace, Table, Walk};
use crate::py::int_object::as_i64;

use super::node::{FieldKind, Fields, Node, Object};
use super::output::{Output, Piece};
use super::record::Record;
use super::scalar::text_of;
use super::state::{Outcome, State, Stop};

/// Each has the contract of [`State::encode`].
impl<O: Output> State<'_, O> {
    /// Write the fields of an instance that has no extra attributes, with nothing left out and nothing left to Pydantic.
    #[inline]
    pub unsafe fn encode_fields<const STRICT: bool>(
        &mut self,
        fields: &Fields,
        instance: Object,
        attributes: &Attributes,
    ) -> Outcome {
        // SAFETY: instance and dict are held.
        unsafe {
            let Attributes::Dict(dict) = attributes else {
                let walk = Beside::instance(instance).ok_or(Stop::Decline)?;
                return self.encode_entries::<STRICT>(fields, walk);
            };
            if let Some(walk) = Table::over(dict.as_ptr()) {
                return self.encode_entries::<STRICT>(fields, walk);
            }
            if let Some(walk) = Beside::dict(dict.as_ptr()) {
                return self.encode_entries::<STRICT>(fields, walk);
            }
            let mut record = Record::begin(self, fields.fields.len());
            let nothing = std::ptr::null_mut();
            self.encode_filtered::<STRICT>(fields, &mut record, nothing, Walk::over(dict.as_ptr()), nothing)?;
            record.end(self);
        }
        Ok(())
    }

    /// In the order of the walk: usually that of the schema, with the schema's own key objects.
    #[inline(always)]
    unsafe fn encode_entries<const STRICT: bool>(&mut self, fields: &Fields, mut walk: impl InPlace) -> Outcome {
        // SAFETY: the walk notices changes; values that may run Python code hold themselves.
        unsafe {
            let by_alias = self.by_alias(fields)?;
            let (start, holes_before) = (self.out.len(), self.holes.len());
            let head = self.out.begin_members(fields.fields.len());
            let (mut next, mut required, mut members) = (0, 0, 0);
            while let Some((key, value)) = walk.take() {
                let field = match fields.fields.get(next) {
                    Some(field) if field.key == key => field,
                    _ => match Self::find(fields, key)? {
                        Some(index) => {
                            next = index;
                            &fields.fields[index]
                        }
                        None if STRICT => return Err(Stop::Reject),
                        None => continue,
                    },
                };
                next += 1;
                required += usize::from(field.required);
                if let FieldKind::Native(node) = &field.kind {
                    members += 1;
                    if !self.encode_named::<STRICT>(&field.names[usize::from(by_alias)], node, value)? {
                        walk.check()?;
                    }
                }
            }
            if STRICT && required < fields.required {
                return Err(Stop::Reject);
            }
            self.end_members(start, head, members, holes_before);
        }
        Ok(())
    }

    /// End an object whose number of members is known.
    #[inline]
    pub fn end_members(&mut self, start: usize, head: usize, members: usize, holes_before: usize) {
        let moved = self.out.end_members(start, head, members);
        if moved != 0 {
            self.holes[holes_before..].iter_mut().for_each(|hole| hole.shift(moved));
        }
    }

    /// Whether fields are written by their aliases.
    #[inline]
    pub fn by_alias(&self, fields: &Fields) -> Result<bool, Stop> {
        let by_alias = self.options.by_alias.unwrap_or(fields.by_alias);
        if O::IS_COUNTED && by_alias && fields.share_aliases {
            return Err(Stop::Decline);
        }
        Ok(by_alias)
    }

    /// Write a name and its value; what models have most without a call. Returns whether no Python code can have run.
    #[inline(always)]
    unsafe fn encode_named<const STRICT: bool>(
        &mut self,
        name: &Piece,
        node: &Node,
        value: Object,
    ) -> Result<bool, Stop> {
        // SAFETY: the value is alive; its type is checked before it is read; what is written was reserved.
        unsafe {
            match node {
                Node::Str if ffi::PyUnicode_CheckExact(value) != 0 => {
                    let (text, wide) = text_of(value).ok_or(Stop::Decline)?;
                    self.out.reserve(name.room() + text.len() + O::TEXT_ROOM);
                    self.out.put_name(name);
                    self.out.put_text(text, wide);
                }
                Node::Int if ffi::PyLong_CheckExact(value) != 0 => {
                    self.out.reserve(name.room() + O::INT_ROOM);
                    self.out.put_name(name);
                    let Some(number) = as_i64(value) else {
                        self.push_int(value)?;
                        return Ok(false);
                    };
                    self.out.put_int(number);
                }
                // Whatever is declared for others, such a number is written as it is.
                Node::Float(_) if is_finite_float(value) => {
                    self.out.reserve(name.room() + O::FLOAT_ROOM);
                    self.out.put_name(name);
                    self.out.put_float(ffi::PyFloat_AS_DOUBLE(value), self.program.exponent_sign);
                }
                Node::Bool => {
                    self.out.push_name(name);
                    self.encode_bool::<STRICT>(value)?;
                }
                _ => {
                    self.out.push_name(name);
                    self.encode_other::<STRICT>(node, value)?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The same with everything that can be: options that leave fields out, fields that Pydantic writes.
    ///
    /// `given` holds the names to be written, or is null.
    #[inline(never)]
    pub unsafe fn encode_filtered<const STRICT: bool>(
        &mut self,
        fields: &Fields,
        record: &mut Record,
        owner: Object,
        mut attributes: Walk,
        given: Object,
    ) -> Outcome {
        let mut required = 0;
        // SAFETY: the dict is held, and each value is while it is written: looking into the set may run Python code.
        unsafe {
            while let Some((key, value)) = attributes.next()? {
                let (key, value) = (Self::hold(key), Self::hold(value));
                let Some(index) = Self::find(fields, key.as_ptr())? else {
                    if STRICT {
                        return Err(Stop::Reject);
                    }
                    continue;
                };
                let field = &fields.fields[index];
                required += usize::from(field.required);
                if !given.is_null() {
                    match ffi::PySet_Contains(given, key.as_ptr()) {
                        0 => continue,
                        1 => {}
                        _ => {
                            ffi::PyErr_Clear();
                            return Err(Stop::Decline);
                        }
                    }
                }
                self.encode_member::<STRICT>(fields, field, record, owner, value.as_ptr())?;
            }
        }
        if STRICT && required < fields.required {
            return Err(Stop::Reject);
        }
        Ok(())
    }

    /// Which field has this name, `None` if it is none of them.
    #[cold]
    #[inline(never)]
    unsafe fn find(fields: &Fields, key: Object) -> Result<Option<usize>, Stop> {
        if let Some(index) = fields.fields.iter().position(|field| field.key == key) {
            return Ok(Some(index));
        }
        // SAFETY: the key is alive; it is a string where it is read as one.
        unsafe {
            if ffi::PyUnicode_CheckExact(key) == 0 {
                return Err(Stop::Decline);
            }
            let (name, _) = text_of(key).ok_or(Stop::Decline)?;
            Ok(fields.by_name.get(name).copied())
        }
    }

    /// Decline where an extra attribute has the name of a field: two members of one name are not always written.
    pub unsafe fn refuse_known_name(&self, fields: &Fields, name: Object) -> Outcome {
        // SAFETY: the name is alive; it is a string where it is read as one.
        unsafe {
            if ffi::PyUnicode_CheckExact(name) == 0 {
                return Err(Stop::Decline);
            }
            let (name, _) = text_of(name).ok_or(Stop::Decline)?;
            if fields.taken.contains(name) { Err(Stop::Decline) } else { Ok(()) }
        }
    }
}

/// # Safety
/// The value is alive.
#[inline(always)]
unsafe fn is_finite_float(value: Object) -> bool {
    // SAFETY: the type is checked before it is read as a float.
    unsafe { ffi::PyFloat_CheckExact(value) != 0 && ffi::PyFloat_AS_DOUBLE(value).is_finite() }
}
