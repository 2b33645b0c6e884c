//! An object whose members may be holes: what is before each of them, and what is left for later.

use pyo3::ffi;

use crate::memory::push;

use super::holes::{Comma, Expected, Hole};
use super::node::{Call, Computed, Field, FieldKind, Fields, Node, Object};
use super::output::Output;
use super::state::{Outcome, State, Stop};

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
            push(&mut state.holes, Hole::end(state.out.len()));
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
            push(&mut state.holes, Hole::comma(state.out.len()));
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
            push(&mut self.holes, Hole::late(place.length, self.depth, node, value, Expected { length, holes: inner }));
        }
        Ok(())
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
            push(&mut self.holes, Hole::call(self.out.len(), self.depth, call, owner, value));
        }
        Ok(())
    }

    /// Leave holes for the computed fields.
    pub unsafe fn encode_computed(&mut self, fields: &Fields, record: &mut Record, owner: Object) -> Outcome {
        if self.options.round_trip || self.options.exclude_computed || fields.computed.is_empty() {
            return Ok(());
        }
        let by_alias = self.by_alias(fields)?;
        if self.depth > 1 {
            self.give_away(owner); // no field follows here, but the same object may
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
            push(&mut self.holes, hole);
        }
    }
}
