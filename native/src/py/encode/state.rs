//! One run of an encoder: the text so far, and the walk from node to node.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use pyo3::ffi;
use pyo3::prelude::*;

use super::holes::Hole;
use super::node::{Node, Object, Program};
use super::options::Options;
use super::output::Output;
use crate::memory::{push, room};
use crate::py::object::Owned;
use crate::py::pause::Pauses;
use crate::py::stack;

/// Why a value was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is not certain what Pydantic does: let it do the whole call.
    Decline,
    /// Inside a union: Pydantic does not take this choice.
    Reject,
}

impl From<crate::py::entries::Changed> for Stop {
    fn from(_: crate::py::entries::Changed) -> Self {
        Self::Decline
    }
}

pub type Outcome = Result<(), Stop>;

pub struct State<'p, O> {
    pub out: O,
    pub program: &'p Program<O>,
    pub options: Options,
    /// Levels of arrays and objects around the current place.
    pub depth: usize,
    /// Levels of Pydantic's own recursion guard.
    guards: usize,
    max_depth: usize,
    pub holes: Vec<Hole>,
    /// Turns for other threads between the items of containers.
    pauses: Pauses,
    /// Addresses of objects that code of the user's is given.
    given_away: HashSet<usize, BuildHasherDefault<AddressHasher>>,
}

/// Addresses are as good as random but for their lowest bits.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = (address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15); // Fibonacci hashing: Knuth, volume 3, 6.4
    }
}

impl<'p, O: Output> State<'p, O> {
    pub fn new(out: O, program: &'p Program<O>, options: Options, max_depth: usize) -> Self {
        Self {
            out,
            program,
            options,
            depth: 0,
            guards: 0,
            max_depth,
            holes: Vec::new(),
            pauses: Pauses::default(),
            given_away: HashSet::default(),
        }
    }

    /// Note that code of the user's is given an object.
    pub fn give_away(&mut self, object: Object) {
        room(&mut self.given_away, 1);
        self.given_away.insert(object.addr());
    }

    /// Forget these objects: the code has run.
    pub fn forget_owners(&mut self) {
        if !self.given_away.is_empty() {
            self.given_away.clear();
        }
    }

    /// Whether code of the user's is given an object before its turn comes.
    pub fn is_given_away(&self, object: Object) -> bool {
        !self.given_away.is_empty() && self.given_away.contains(&object.addr())
    }

    /// Note that an item is done. Any Python code may have run in another thread when this returns.
    #[inline]
    pub fn item_done(&mut self) {
        // SAFETY: an encoder only runs while the GIL is held.
        self.pauses.item(unsafe { Python::assume_attached() });
    }

    /// Go one level down into an array or object.
    #[inline]
    pub fn enter(&mut self) -> Outcome {
        if self.depth >= self.max_depth {
            return Err(Stop::Decline);
        }
        self.depth += 1;
        if self.depth.is_multiple_of(stack::STRIDE) { look_at_stack() } else { Ok(()) }
    }

    #[inline]
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Follow what Pydantic follows with its recursion guard, which ends at 255.
    #[inline]
    pub fn guarded(&mut self, inner: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        if self.guards >= 240 {
            return Err(Stop::Decline);
        }
        self.guards += 1;
        if self.guards.is_multiple_of(stack::STRIDE) {
            look_at_stack()?;
        }
        let outcome = inner(self);
        self.guards -= 1;
        outcome
    }

    #[inline]
    pub fn null(&mut self) -> Outcome {
        self.out.push_null();
        Ok(())
    }

    /// Write a value of a declared type.
    ///
    /// `STRICT`: inside a union, where Pydantic checks types and then writes the result by its own type.
    ///
    /// # Safety
    /// The value is alive, and stays so unless Python code runs: nodes that may run some hold a reference of their own.
    #[inline]
    pub unsafe fn encode<const STRICT: bool>(&mut self, node: &Node, value: Object) -> Outcome {
        // SAFETY: the caller's promise, for every arm; shortcuts for what models have most.
        unsafe {
            match node {
                Node::Str => self.encode_str::<STRICT>(value),
                Node::Int => self.encode_int::<STRICT>(value),
                Node::Float(mode) => self.encode_float::<STRICT>(*mode, value),
                Node::Bool => self.encode_bool::<STRICT>(value),
                Node::Model(model) => self.encode_model::<STRICT>(model, value),
                _ => self.encode_other::<STRICT>(node, value),
            }
        }
    }

    #[inline(never)]
    pub unsafe fn encode_other<const STRICT: bool>(&mut self, node: &Node, value: Object) -> Outcome {
        // SAFETY: the caller's promise, for every arm.
        unsafe {
            match node {
                Node::Str => self.encode_str::<STRICT>(value),
                Node::Int => self.encode_int::<STRICT>(value),
                Node::Float(mode) => self.encode_float::<STRICT>(*mode, value),
                Node::Bool => self.encode_bool::<STRICT>(value),
                Node::Nullable(inner) => {
                    if value == ffi::Py_None() {
                        return self.null();
                    }
                    self.encode::<STRICT>(inner, value)
                }
                Node::Model(model) => self.encode_model::<STRICT>(model, value),
                Node::List(item) => self.encode_list::<STRICT>(item, value),
                Node::Dict(pair) => self.encode_dict::<STRICT>(&pair.0, &pair.1, value),
                Node::Any => self.encode_any::<STRICT>(value),
                Node::Literal(literal) => {
                    if STRICT {
                        return self.encode_checked_literal(literal, value);
                    }
                    self.encode_any::<STRICT>(value)
                }
                Node::Enum(node) => self.encode_enum::<STRICT>(node, value),
                Node::Datetime => self.encode_datetime::<STRICT>(value),
                Node::Uuid => self.encode_uuid::<STRICT>(value),
                Node::Shared(_) => {
                    let program = self.program;
                    match program.resolved(node) {
                        Node::Model(model) => self.encode_model::<STRICT>(model, value),
                        inner => self.encode_other::<STRICT>(inner, value),
                    }
                }
                Node::Reference(index) => {
                    let program = self.program;
                    self.guarded(|state| state.encode::<STRICT>(&program.definitions[*index], value))
                }
                Node::Union(choices) => self.encode_union::<STRICT>(choices, value),
                Node::Tagged(tagged) => self.encode_tagged::<STRICT>(tagged, value),
                Node::None => {
                    if value == ffi::Py_None() {
                        return self.null();
                    }
                    Err(self.refuse::<STRICT>(value))
                }
                Node::Bytes(mode) => self.encode_bytes::<STRICT>(*mode, value),
                Node::Date => self.encode_date::<STRICT>(value),
                Node::Time => self.encode_time::<STRICT>(value),
                Node::Timedelta(mode) => self.encode_timedelta::<STRICT>(*mode, value),
                Node::Decimal => self.encode_decimal::<STRICT>(value),
                Node::Url(class) => self.encode_url::<STRICT>(*class, value),
                Node::Set(item) => self.encode_set::<STRICT>(item, &raw mut ffi::PySet_Type, value),
                Node::FrozenSet(item) => self.encode_set::<STRICT>(item, &raw mut ffi::PyFrozenSet_Type, value),
                Node::Tuple(tuple) => self.encode_tuple::<STRICT>(tuple, value),
                Node::Root(root) => self.encode_root::<STRICT>(root, value),
                Node::TypedDict(node) => self.encode_typed_dict::<STRICT>(node, value),
                Node::Dataclass(node) => self.encode_dataclass::<STRICT>(node, value),
                Node::Json(inner) => {
                    if self.options.round_trip {
                        return Err(Stop::Decline);
                    }
                    self.encode::<STRICT>(inner, value)
                }
                Node::Unsupported => Err(Stop::Decline),
                Node::Call(call) => self.leave_call::<STRICT>(call, std::ptr::null_mut(), value),
                Node::Whole(whole) => {
                    if STRICT {
                        return Err(Stop::Decline);
                    }
                    let hole = Hole::whole(self.out.len(), self.depth, whole.serializer, value, whole.keeps_warnings);
                    push(&mut self.holes, hole);
                    Ok(())
                }
            }
        }
    }

    /// What to do with a value of a type that the node does not write.
    ///
    /// Inside a union the answer is that the choice is not taken, if Pydantic's checks surely see nothing in this type.
    #[cold]
    #[inline(never)]
    pub unsafe fn refuse<const STRICT: bool>(&mut self, value: Object) -> Stop {
        // SAFETY: the value is alive.
        let class = unsafe { ffi::Py_TYPE(value) };
        if STRICT && (self.program.known.contains(&class.addr()) || is_builtin(self.program, class)) {
            Stop::Reject
        } else {
            Stop::Decline
        }
    }

    /// Hold a reference of one's own while Python code may run.
    ///
    /// # Safety
    /// The value is alive.
    #[inline]
    pub unsafe fn hold(value: Object) -> Owned {
        // SAFETY: the caller's promise; the whole run holds the GIL.
        unsafe { Owned::from_borrowed(value) }
    }
}

/// Let Pydantic, or what is in front of it, say what happens where the stack ends.
#[cold]
#[inline(never)]
fn look_at_stack() -> Outcome {
    if stack::has_room(0) { Ok(()) } else { Err(Stop::Decline) }
}

/// Say whether a class is exactly one that Pydantic tells apart without looking at attributes.
fn is_builtin<O>(program: &Program<O>, class: super::node::Class) -> bool {
    // SAFETY: addresses of static types, and of the datetime module's API, which was imported with this module.
    unsafe {
        let times = &*ffi::PyDateTimeAPI();
        class == &raw mut ffi::PyUnicode_Type
            || class == &raw mut ffi::PyLong_Type
            || class == &raw mut ffi::PyFloat_Type
            || class == &raw mut ffi::PyBool_Type
            || class == &raw mut ffi::PyDict_Type
            || class == &raw mut ffi::PyList_Type
            || class == &raw mut ffi::PyTuple_Type
            || class == &raw mut ffi::PyBytes_Type
            || class == &raw mut ffi::PySet_Type
            || class == &raw mut ffi::PyFrozenSet_Type
            || class == times.DateTimeType
            || class == times.DateType
            || class == times.TimeType
            || class == times.DeltaType
            || class == program.support.uuid
            || class == program.support.decimal
    }
}
