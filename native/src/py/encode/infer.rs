//! Values whose type is not declared: written by what they are.

use pyo3::ffi;

use crate::memory::push;
use crate::py::int_object::as_i64;
use crate::py::object::Owned;

use super::holes::Hole;
use super::layout::{lookup, reads_plainly};
use super::node::{Class, Literal, Node, Object, TemporalMode};
use super::output::Output;
use super::scalar::text_of;
use super::state::{Outcome, State, Stop};
use crate::py::attributes::attribute;

/// Each has the contract of [`State::encode`].
impl<O: Output> State<'_, O> {
    pub unsafe fn encode_any<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive; the arms hold what they have to.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if class == &raw mut ffi::PyUnicode_Type {
                return self.push_text(value);
            }
            if class == &raw mut ffi::PyLong_Type {
                return self.push_int(value);
            }
            if class == &raw mut ffi::PyFloat_Type {
                return self.push_float(self.program.modes.inf_nan, ffi::PyFloat_AS_DOUBLE(value));
            }
            if class == &raw mut ffi::PyBool_Type {
                return self.encode_bool::<STRICT>(value);
            }
            if value == ffi::Py_None() {
                return self.null();
            }
            self.guarded(|state| state.encode_any_part::<STRICT>(class, value))
        }
    }

    #[inline(never)]
    unsafe fn encode_any_part<const STRICT: bool>(&mut self, class: Class, value: Object) -> Outcome {
        // SAFETY: as above.
        unsafe {
            if class == &raw mut ffi::PyDict_Type {
                return self.encode_dict::<STRICT>(&Node::Any, &Node::Any, value);
            }
            if class == &raw mut ffi::PyList_Type {
                return self.encode_list::<STRICT>(&Node::Any, value);
            }
            if class == &raw mut ffi::PyTuple_Type {
                return self.encode_any_tuple::<STRICT>(value);
            }
            if class == &raw mut ffi::PySet_Type || class == &raw mut ffi::PyFrozenSet_Type {
                return self.encode_set::<STRICT>(&Node::Any, class, value);
            }
            let modes = self.program.modes;
            let (support, times) = (&self.program.support, &*ffi::PyDateTimeAPI());
            if class == times.DateTimeType || class == times.DateType || class == times.TimeType {
                if modes.temporal != TemporalMode::Iso8601 {
                    return Err(Stop::Decline);
                }
                if class == times.DateTimeType {
                    return self.encode_datetime::<STRICT>(value);
                }
                if class == times.DateType {
                    return self.encode_date::<STRICT>(value);
                }
                return self.encode_time::<STRICT>(value);
            }
            if class == times.DeltaType {
                return self.encode_timedelta::<STRICT>(modes.timedelta, value);
            }
            if class == support.uuid {
                return self.encode_uuid::<STRICT>(value);
            }
            if class == support.decimal {
                return self.encode_decimal::<STRICT>(value);
            }
            if class == &raw mut ffi::PyBytes_Type {
                return self.encode_bytes::<STRICT>(modes.bytes, value);
            }
            if class == support.url || class == support.multi_host_url {
                return self.push_str_of(value);
            }
            if ffi::Py_TYPE(class.cast()) == support.enum_meta {
                return self.encode_any_enum::<STRICT>(class, value);
            }
            self.encode_any_model::<STRICT>(class, value)
        }
    }

    unsafe fn encode_any_tuple<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: a tuple is held and does not change.
        unsafe {
            self.enter()?;
            let _held = Self::hold(value);
            let length = ffi::PyTuple_GET_SIZE(value);
            self.out.begin_array(length as usize);
            for index in 0..length {
                self.out.next(index == 0);
                self.encode_any::<STRICT>(ffi::PyTuple_GET_ITEM(value, index))?;
            }
            self.out.end_array();
        }
        self.leave();
        Ok(())
    }

    /// A member of an enum is written as its value.
    unsafe fn encode_any_enum<const STRICT: bool>(&mut self, class: Class, value: Object) -> Outcome {
        let names = &self.program.support.names;
        // SAFETY: the value is held; the class's own attributes are compared, not called.
        unsafe {
            if lookup(class, names.value) != self.program.support.enum_value
                || !reads_plainly(class)
                || !lookup(class, names.serializer).is_null()
            {
                return Err(Stop::Decline);
            }
            let inner = self.value_of(value)?;
            self.encode_any::<STRICT>(inner.as_ptr())
        }
    }

    /// The value of a member of an enum, as `enum` keeps it.
    pub unsafe fn value_of(&self, member: Object) -> Result<Owned, Stop> {
        // SAFETY: the member is held while its dict is read.
        unsafe {
            let _held = Self::hold(member);
            attribute(member, self.program.support.names.inner_value).ok_or(Stop::Decline)
        }
    }

    /// An instance of a class that Pydantic manages is written by the serializer of its own class.
    unsafe fn encode_any_model<const STRICT: bool>(&mut self, class: Class, value: Object) -> Outcome {
        let (support, names) = (&self.program.support, &self.program.support.names);
        // SAFETY: the class's own attributes are compared, not called; the hole takes references of its own.
        unsafe {
            let serializer = lookup(class, names.serializer);
            if STRICT
                || !self.program.options.undeclared_models
                || serializer.is_null()
                || ffi::Py_TYPE(serializer) != support.schema_serializer
                || lookup(class, names.getattribute) != support.getattribute
            {
                return Err(Stop::Decline);
            }
            let hole = Hole::undeclared(self.out.len(), self.depth, serializer, value);
            push(&mut self.holes, hole);
        }
        Ok(())
    }

    /// Inside a union: write the value if it is one of a literal's.
    pub unsafe fn encode_checked_literal(&mut self, literal: &Literal, value: Object) -> Outcome {
        // SAFETY: the value is held; `in` compares it with constants and members of enums, whose `==` is not the user's.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if value == ffi::Py_None() {
                return self.null();
            }
            let is_plain = class == &raw mut ffi::PyUnicode_Type
                || class == &raw mut ffi::PyLong_Type
                || class == &raw mut ffi::PyBool_Type
                || class == &raw mut ffi::PyFloat_Type;
            if !is_plain && !literal.enums.contains(&class) {
                return Err(self.refuse::<true>(value));
            }
            let _held = Self::hold(value);
            if ffi::PyUnicode_Check(value) != 0 {
                let (text, _) = text_of(value).ok_or(Stop::Decline)?;
                if literal.strings.iter().any(|known| **known == *text) {
                    return self.push_text(value);
                }
            } else if ffi::PyLong_Check(value) != 0
                && class != &raw mut ffi::PyBool_Type
                && let Some(number) = as_i64(value)
                && literal.ints.contains(&number)
            {
                self.out.push_int(number);
                return Ok(());
            }
            match ffi::PySequence_Contains(literal.others, value) {
                0 => Err(Stop::Reject),
                1 => self.encode_any::<true>(value),
                _ => {
                    ffi::PyErr_Clear();
                    Err(Stop::Decline)
                }
            }
        }
    }
}
