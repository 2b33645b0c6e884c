//! The fields of a model, a typed dict or a dataclass, as members of an object.

use pyo3::ffi;

use crate::json::number::InfNan;

use super::holes::{Comma, Expected, Hole};
use super::node::{Call, Computed, Default, Field, FieldKind, Fields, Node, Object};
use super::output::{Output, Piece};
use super::scalar::text_of;
use super::state::{Outcome, State, Stop};
use super::table::{InPlace, Walk};

/// An object whose members are being written, some of which may be holes.
pub struct Record {
    start: usize,
    /// Bytes that were left for the number of members.
    head: usize,
    /// Members that are there in any case.
    members: usize,
    /// How many holes were there before it.
    holes_before: usize,
    has_holes: bool,
}

impl Record {
    /// Begin an object of so many members, or fewer, beside its holes.
    pub fn begin<O: Output>(state: &mut State<'_, O>, at_most: usize) -> Self {
        let start = state.out.len();
        let head = if O::IS_COUNTED {
            state.out.begin_members(at_most)
        } else {
            state.out.begin_dict(0);
            0
        };
        Self { start, head, members: 0, holes_before: state.holes.len(), has_holes: false }
    }

    pub fn end<O: Output>(self, state: &mut State<'_, O>) {
        if !O::IS_COUNTED {
            state.out.end_dict();
        } else if self.has_holes {
            // The number is known when the holes are filled.
            let begin = Hole::begin(self.start, self.head, self.members);
            state.holes.insert(self.holes_before, begin);
            state.holes.push(Hole::end(state.out.len()));
        } else {
            state.end_members(self.start, self.head, self.members, self.holes_before);
        }
    }

    /// Write what stands before a native member.
    #[inline]
    pub fn member<O: Output>(&mut self, state: &mut State<'_, O>) {
        if self.members > 0 {
            state.out.next(false);
        } else if self.has_holes && !O::IS_COUNTED {
            state.holes.push(Hole::comma(state.out.len()));
        }
        self.members += 1;
    }

    /// What stands before a hole.
    fn hole(&mut self) -> Comma {
        let comma = match (self.members > 0, self.has_holes) {
            (true, _) => Comma::Always,
            (false, true) => Comma::AfterHoles,
            (false, false) => Comma::First,
        };
        self.has_holes = true;
        comma
    }
}

/// Each has the contract of [`State::encode`].
impl<O: Output> State<'_, O> {
    /// Write the fields of an instance that has no extra attributes, with nothing left out and nothing left to Pydantic.
    ///
    /// In the order of the dict: usually that of the schema, with the schema's own key objects.
    #[inline]
    pub unsafe fn encode_fields<const STRICT: bool>(&mut self, fields: &Fields, attributes: Object) -> Outcome {
        // SAFETY: the dict is held; the walk notices changes; values that may run Python code hold themselves.
        unsafe {
            let by_alias = self.by_alias(fields)?;
            let Some(mut walk) = InPlace::over(attributes) else {
                let mut record = Record::begin(self, fields.fields.len());
                let nothing = std::ptr::null_mut();
                self.encode_filtered::<STRICT>(fields, &mut record, nothing, attributes, nothing)?;
                record.end(self);
                return Ok(());
            };
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
    fn end_members(&mut self, start: usize, head: usize, members: usize, holes_before: usize) {
        let moved = self.out.end_members(start, head, members);
        if moved != 0 {
            self.holes[holes_before..].iter_mut().for_each(|hole| hole.shift(moved));
        }
    }

    /// Whether fields are written by their aliases.
    #[inline]
    fn by_alias(&self, fields: &Fields) -> Result<bool, Stop> {
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
                    let mut overflow = 0;
                    let number = ffi::PyLong_AsLongLongAndOverflow(value, &raw mut overflow);
                    self.out.reserve(name.room() + O::INT_ROOM);
                    self.out.put_name(name);
                    if overflow != 0 {
                        self.push_int(value)?;
                        return Ok(false);
                    }
                    self.out.put_int(number);
                }
                Node::Float(InfNan::Constants) if O::IS_COUNTED && ffi::PyFloat_CheckExact(value) != 0 => {
                    self.out.push_name(name);
                    self.out.push_float(ffi::PyFloat_AS_DOUBLE(value), true);
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
        attributes: Object,
        given: Object,
    ) -> Outcome {
        let mut required = 0;
        // SAFETY: the dict is held, and each value is while it is written: looking into the set may run Python code.
        unsafe {
            let mut walk = Walk::over(attributes);
            while let Some((key, value)) = walk.next()? {
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

    /// Write one member, unless an option leaves it out.
    pub unsafe fn encode_member<const STRICT: bool>(
        &mut self,
        fields: &Fields,
        field: &Field,
        record: &mut Record,
        owner: Object,
        value: Object,
    ) -> Outcome {
        // SAFETY: the caller holds owner and value.
        unsafe {
            let node = match &field.kind {
                FieldKind::Native(node) => node,
                FieldKind::Excluded => return Ok(()),
                FieldKind::Detour(detour) => {
                    if STRICT {
                        return Err(Stop::Decline);
                    }
                    self.by_alias(fields)?;
                    let call = (fields.serializer, owner);
                    let (include, keeps) = (detour.include, detour.keeps_warnings);
                    let hole = Hole::member(self.out.len(), self.depth, record.hole(), call, include, keeps);
                    self.leave_hole(hole);
                    if detour.gives_owner {
                        self.give_away(owner);
                    }
                    return Ok(());
                }
            };
            if self.options.exclude_none && value == ffi::Py_None() {
                return Ok(());
            }
            if self.options.exclude_defaults && self.is_default(&field.default, value)? {
                return Ok(());
            }
            let by_alias = self.by_alias(fields)?;
            record.member(self);
            self.out.push_first_name(&field.names[usize::from(by_alias)]);
            if let Node::Call(call) = node {
                if call.gives_owner {
                    self.give_away(owner);
                }
                return self.leave_call::<STRICT>(call, owner, value);
            }
            self.encode_in::<STRICT>(owner, node, value)
        }
    }

    /// Write a value, or leave it for later where code that is given its owner may change it before its turn comes.
    pub unsafe fn encode_in<const STRICT: bool>(&mut self, owner: Object, node: &Node, value: Object) -> Outcome {
        // SAFETY: the caller holds the value; the node belongs to the program.
        unsafe {
            if !self.is_given_away(owner) || self.is_constant(value) {
                return self.encode::<STRICT>(node, value);
            }
            if STRICT {
                return Err(Stop::Decline);
            }
            // It is written all the same, so that nothing declines when the code has run.
            let (place, holes) = (self.out.place(), self.holes.len());
            self.encode::<STRICT>(node, value)?;
            let length = self.out.len() - place.length;
            self.out.go_back(place);
            let inner = self.holes.split_off(holes);
            self.holes.push(Hole::late(place.length, self.depth, node, value, Expected { length, holes: inner }));
        }
        Ok(())
    }

    /// Whether a value is of a class whose instances never change.
    unsafe fn is_constant(&self, value: Object) -> bool {
        // SAFETY: the value is alive; addresses of static types.
        unsafe {
            let class = ffi::Py_TYPE(value);
            let times = &*ffi::PyDateTimeAPI();
            let support = &self.program.support;
            value == ffi::Py_None()
                || class == &raw mut ffi::PyUnicode_Type
                || class == &raw mut ffi::PyLong_Type
                || class == &raw mut ffi::PyFloat_Type
                || class == &raw mut ffi::PyBool_Type
                || class == &raw mut ffi::PyBytes_Type
                || class == times.DateTimeType
                || class == times.DateType
                || class == times.TimeType
                || class == times.DeltaType
                || class == support.decimal
                || class == support.uuid
                || class == support.url
        }
    }

    /// Leave a hole for what a function of the user's makes of a value.
    pub unsafe fn leave_call<const STRICT: bool>(&mut self, call: &Call, owner: Object, value: Object) -> Outcome {
        // SAFETY: the caller holds owner and value; the node belongs to the program.
        unsafe {
            if let Some(nothing) = &call.nothing
                && value == ffi::Py_None()
            {
                return self.encode::<STRICT>(nothing, value);
            }
            if STRICT || (call.takes_model && owner.is_null()) {
                return Err(Stop::Decline);
            }
            self.holes.push(Hole::call(self.out.len(), self.depth, call, owner, value));
        }
        Ok(())
    }

    /// Leave holes for the computed fields.
    pub unsafe fn encode_computed(&mut self, fields: &Fields, record: &mut Record, owner: Object) -> Outcome {
        if self.options.round_trip || self.options.exclude_computed || fields.computed.is_empty() {
            return Ok(());
        }
        let by_alias = self.by_alias(fields)?;
        // No field follows here, but the owner may stand in another place that follows, which holds it then, beside this
        // place and this walk.
        // SAFETY: the owner is alive.
        if self.depth > 1 && unsafe { ffi::Py_REFCNT(owner) } > 2 {
            self.give_away(owner);
        }
        for computed in &fields.computed {
            let (at, depth, comma) = (self.out.len(), self.depth, record.hole());
            // SAFETY: the caller holds the owner; the rest belongs to the program.
            let hole = unsafe {
                match computed {
                    Computed::Detour(detour) => {
                        let call = (fields.serializer, owner);
                        Hole::member(at, depth, comma, call, detour.include, detour.keeps_warnings)
                    }
                    Computed::Property(property) => Hole::property(at, depth, comma, property, owner, by_alias),
                }
            };
            self.leave_hole(hole);
        }
        Ok(())
    }

    fn leave_hole(&mut self, hole: Hole) {
        if !self.holes.last_mut().is_some_and(|last| last.absorb(&hole)) {
            self.holes.push(hole);
        }
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

    /// Whether Pydantic finds a value equal to its field's default.
    unsafe fn is_default(&self, default: &Default, value: Object) -> Result<bool, Stop> {
        let default = match default {
            Default::Absent => return Ok(false),
            Default::Opaque => return Err(Stop::Decline),
            Default::Plain(default) => *default,
        };
        // SAFETY: both are alive and of classes whose `==` runs no code of the user.
        unsafe {
            if !self.compares_plainly(value) {
                return Err(Stop::Decline);
            }
            let equal = ffi::PyObject_RichCompare(value, default, ffi::Py_EQ);
            if equal.is_null() {
                ffi::PyErr_Clear();
                return Err(Stop::Decline);
            }
            let is_equal = equal == ffi::Py_True();
            ffi::Py_DECREF(equal);
            Ok(is_equal)
        }
    }

    unsafe fn compares_plainly(&self, value: Object) -> bool {
        // SAFETY: the value is alive; addresses of static types.
        unsafe {
            let class = ffi::Py_TYPE(value);
            self.is_constant(value)
                || class == &raw mut ffi::PyList_Type
                || class == &raw mut ffi::PyDict_Type
                || class == &raw mut ffi::PyTuple_Type
                || class == &raw mut ffi::PySet_Type
                || class == &raw mut ffi::PyFrozenSet_Type
        }
    }
}
