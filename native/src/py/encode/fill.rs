//! The second phase: fill the holes in order, and put the output together.

use pyo3::ffi;

use crate::memory::{self, Buffer};
use crate::py::object::{Owned, caught};

use super::calls;
use super::holes::{Call, Comma, Hole, Kind};
use super::node::{Node, Object, Program, Returned};
use super::options::{Options, Warnings};
use super::parts::{Parts, Refusals};
use super::scalar::text_of;
use super::state::State;

/// Why holes were not filled.
pub enum Unfilled {
    /// Pydantic has to do the whole call: it would warn, or the output is too deep.
    Whole,
    /// An exception is set.
    Raised,
}

pub type Outcome<T = ()> = Result<T, Unfilled>;

/// The options of the call that the holes pass on: borrowed.
pub struct Passed<'a> {
    pub options: Options,
    /// There is one part at most that Pydantic is asked for: it may warn by itself.
    pub is_alone: bool,
    /// There is one part at most, of whatever kind.
    pub is_only: bool,
    /// Name and value of each keyword argument, without `warnings`.
    pub keywords: &'a [(Object, Object)],
    pub max_depth: usize,
    /// Says of the value of a part that may hold `null` whether the part is to be done without.
    pub check: Option<Object>,
}

/// Fill the holes in order, and put the output together.
pub fn fill<O: Parts>(program: &Program<O>, bytes: &[u8], holes: Vec<Hole>, passed: &Passed<'_>) -> Outcome<O> {
    let out = O::behind(Buffer::with_room(bytes.len() + 64 * holes.len()));
    let state = State::new(out, program, passed.options, passed.max_depth);
    let mut filling = Filling { state, passed, refusals: Refusals::new(program.pack) };
    filling.fill(bytes, holes)?;
    filling.refusals.raise()?;
    if filling.state.out.is_complete() { Ok(filling.state.out) } else { Err(Unfilled::Whole) }
}

struct Filling<'a, O> {
    /// What is written goes behind what has been put together.
    state: State<'a, O>,
    passed: &'a Passed<'a>,
    refusals: Refusals,
}

/// An object that has begun, and what it has so far.
struct Open {
    start: usize,
    head: usize,
    members: usize,
}

impl<O: Parts> Filling<'_, O> {
    fn fill(&mut self, bytes: &[u8], holes: Vec<Hole>) -> Outcome {
        let (mut copied, mut has_members) = (0, false);
        let mut open: Vec<Open> = Vec::new();
        for hole in holes {
            self.state.out.bytes().extend_from_slice(&bytes[copied..hole.at]);
            copied = hole.at;
            self.state.item_done();
            let depth = hole.depth;
            let levels = self.passed.max_depth.saturating_sub(depth);
            match hole.kind {
                Kind::Comma => self.state.out.next(!has_members),
                Kind::Begin { head, members } => open.push(Open { start: self.state.out.len(), head, members }),
                Kind::End => {
                    let Open { start, head, members } = open.pop().ok_or(Unfilled::Whole)?;
                    self.state.out.end_members(start, head, members);
                }
                Kind::Whole(call) => {
                    let found = self.ask(&call, self.passed.is_alone)?;
                    self.state.out.push_part(&found, levels, &mut self.refusals)?;
                }
                Kind::Member { call, comma } => {
                    let found = self.ask(&call, self.passed.is_alone)?;
                    has_members &= comma != Comma::First;
                    let is_first = !comma.is_needed(has_members);
                    let count = self.state.out.push_members(&found, levels + 1, is_first, &mut self.refusals)?;
                    has_members |= count > 0;
                    if let Some(object) = open.last_mut() {
                        object.members += count;
                    }
                }
                Kind::Function { call, owner, value } => {
                    // SAFETY: the node belongs to the program.
                    let call = unsafe { &*call };
                    let found = calls::call(self.state.program, call, owner.as_ref(), &value, self.passed)?;
                    self.write_returned(&call.result, &found, depth)?;
                }
                Kind::Late { node, value, .. } => {
                    // SAFETY: the node belongs to the program.
                    if !self.write_natively(unsafe { &*node }, &value, depth)? {
                        return Err(Unfilled::Whole);
                    }
                }
                Kind::Property { property, owner, by_alias, comma } => {
                    // SAFETY: the node belongs to the program; the owner is held.
                    let (property, found) = unsafe {
                        let property = &*property;
                        let found = ffi::PyObject_GetAttr(owner.as_ptr(), property.attribute);
                        (
                            property,
                            Owned::from_new(found).ok_or_else(|| failed(self.state.program, property.result.name))?,
                        )
                    };
                    has_members &= comma != Comma::First;
                    // SAFETY: the singleton lives as long as the interpreter.
                    if self.passed.options.exclude_none && found.as_ptr() == unsafe { ffi::Py_None() } {
                        continue;
                    }
                    let name = &property.names[usize::from(by_alias)];
                    if comma.is_needed(has_members) {
                        self.state.out.push_name(name);
                    } else {
                        self.state.out.push_first_name(name);
                    }
                    has_members = true;
                    if let Some(object) = open.last_mut() {
                        object.members += 1;
                    }
                    self.write_returned(&property.result, &found, depth)?;
                }
            }
        }
        self.state.out.bytes().extend_from_slice(&bytes[copied..]);
        Ok(())
    }

    /// Write a value, and fill its holes; return whether it is written.
    fn write_natively(&mut self, node: &Node, value: &Owned, depth: usize) -> Outcome<bool> {
        let place = self.state.out.place();
        self.state.depth = depth;
        // SAFETY: the value is held.
        let outcome = unsafe { self.state.encode::<false>(node, value.as_ptr()) };
        self.state.forget_owners();
        if self.state.holes.is_empty() && outcome.is_ok() {
            return Ok(true);
        }
        let mut holes = std::mem::take(&mut self.state.holes);
        if outcome.is_err() {
            self.state.out.go_back(place);
            return Ok(false);
        }
        let out = self.state.out.bytes();
        let written = memory::copied(&out[place.length..]);
        out.truncate(place.length);
        holes.iter_mut().for_each(|hole| hole.at -= place.length);
        self.fill(&written, holes)?;
        Ok(true)
    }

    /// Write what code of the user's has returned: natively, or by a serializer for just that.
    fn write_returned(&mut self, returned: &Returned, value: &Owned, depth: usize) -> Outcome {
        if self.write_natively(&returned.node, value, depth)? {
            return Ok(());
        }
        let levels = self.passed.max_depth.saturating_sub(depth);
        // SAFETY: the serializer belongs to the program; the value is held.
        let mut call = unsafe { Call::new(returned.whole, value.as_ptr(), None, true) };
        let Some(field) = returned.field else {
            let found = self.ask(&call, self.passed.is_only)?;
            return self.state.out.push_part(&found, levels, &mut self.refusals);
        };
        // SAFETY: the dict is owned here; the name belongs to the program; the value is held.
        unsafe {
            let dict = Owned::from_new(ffi::PyDict_New()).ok_or(Unfilled::Raised)?;
            if ffi::PyDict_SetItem(dict.as_ptr(), field, value.as_ptr()) != 0 {
                return Err(Unfilled::Raised);
            }
            call.value = dict;
        }
        let found = self.ask(&call, self.passed.is_only)?;
        self.state.out.push_only_member(&found, field, levels, &mut self.refusals)
    }

    /// Call a serializer for a part. `may_warn`: nothing else can give a warning that would have to stand beside this one's.
    fn ask(&self, call: &Call, may_warn: bool) -> Outcome<Owned> {
        let names = &self.state.program.support.names;
        let mode = match self.passed.options.warnings {
            // SAFETY: the singletons live as long as the interpreter. Pydantic reads them much faster than the texts.
            Warnings::Silent => unsafe { ffi::Py_False() },
            Warnings::Error => names.error,
            // SAFETY: as above.
            Warnings::Warn if may_warn => unsafe { ffi::Py_True() },
            // A part that would warn is an error, so that one warning can list all of them.
            Warnings::Warn => names.error,
        };
        let mut values = vec![call.serializer.as_ptr(), call.value.as_ptr(), mode];
        let mut keywords = vec![names.warnings];
        if let Some(include) = &call.include {
            keywords.push(names.include);
            values.push(include.as_ptr());
        }
        let (method, option) = O::method(names);
        for (name, value) in option.iter().chain(self.passed.keywords) {
            keywords.push(*name);
            values.push(*value);
        }
        // SAFETY: everything in the two lists is held by the hole, the program, or the arguments of the call.
        unsafe {
            let tuple = ffi::PyTuple_New(keywords.len() as isize);
            let Some(tuple) = Owned::from_new(tuple) else {
                return Err(Unfilled::Raised);
            };
            for (index, name) in keywords.iter().enumerate() {
                ffi::Py_INCREF(*name);
                ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as isize, *name);
            }
            let found = ffi::PyObject_VectorcallMethod(method, values.as_ptr(), 2, tuple.as_ptr());
            let found = Owned::from_new(found).ok_or_else(|| raised(self.state.program))?;
            if let Some(check) = self.passed.check
                && O::may_hold_null(&found)
            {
                let mut value = [call.value.as_ptr()];
                let answer = ffi::PyObject_Vectorcall(check, value.as_mut_ptr(), 1, std::ptr::null_mut());
                let answer = Owned::from_new(answer).ok_or(Unfilled::Raised)?;
                if answer.as_ptr() != ffi::Py_False() {
                    return Err(Unfilled::Whole);
                }
            }
            Ok(found)
        }
    }
}

/// Turn the exception that is set into the one that Pydantic raises for it.
#[cold]
pub fn failed<O>(program: &Program<O>, name: Object) -> Unfilled {
    // SAFETY: an exception is set; what is fetched is owned here; the function is not the user's.
    unsafe {
        let Some(error) = caught() else {
            return Unfilled::Whole;
        };
        let mut arguments = [name, error.as_ptr()];
        let raised = ffi::PyObject_Vectorcall(program.failure, arguments.as_mut_ptr(), 2, std::ptr::null_mut());
        let Some(raised) = Owned::from_new(raised) else {
            return Unfilled::Raised;
        };
        if raised.as_ptr() == ffi::Py_None() {
            return Unfilled::Whole;
        }
        ffi::PyErr_SetObject(ffi::Py_TYPE(raised.as_ptr()).cast(), raised.as_ptr());
        Unfilled::Raised
    }
}

/// Whether the exception that is set stands for a warning.
unsafe fn raised<O>(program: &Program<O>) -> Unfilled {
    // SAFETY: an exception is set; what is fetched is held or put back.
    unsafe {
        if ffi::PyErr_ExceptionMatches(program.support.serialization_error) == 0 {
            return Unfilled::Raised;
        }
        let (mut class, mut error, mut trace) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        ffi::PyErr_Fetch(&raw mut class, &raw mut error, &raw mut trace);
        ffi::PyErr_NormalizeException(&raw mut class, &raw mut error, &raw mut trace);
        let message = Owned::from_new(ffi::PyObject_Str(error));
        let is_warning = message.as_ref().is_some_and(|message| {
            text_of(message.as_ptr())
                .is_some_and(|(text, _)| memchr::memmem::find(text, b"Pydantic serializer warnings:").is_some())
        });
        if is_warning {
            ffi::Py_XDECREF(class);
            ffi::Py_XDECREF(error);
            ffi::Py_XDECREF(trace);
            return Unfilled::Whole;
        }
        ffi::PyErr_Clear();
        ffi::PyErr_Restore(class, error, trace);
        Unfilled::Raised
    }
}
