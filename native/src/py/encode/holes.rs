//! Places in the text that Pydantic fills, after everything else is certain.
//!
//! The first phase writes what is native and leaves holes where the user's code would run; if it declines, none of that
//! code has run. The second phase asks Pydantic for each hole, in order, and puts the text together.

use pyo3::ffi;

use crate::json::members;
use crate::py::object::Owned;

use super::buffer::Buffer;
use super::calls;
use super::node::{self, Object, Program, Property, Returned};
use super::options::{Options, Warnings};
use super::state::State;

pub struct Hole {
    at: usize,
    depth: usize,
    kind: Kind,
}

enum Kind {
    /// A whole value.
    Whole(Call),
    /// Members of an object that one call gives.
    Member { call: Call, comma: Comma },
    /// The comma before a member that is native, where only holes are before it.
    Comma,
    /// What a function of the user's makes of a value.
    Function { call: *const node::Call, owner: Option<Owned>, value: Owned },
    /// A computed field.
    Property { property: *const Property, owner: Owned, by_alias: bool, comma: Comma },
}

/// Whether a member needs a comma before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Comma {
    /// There is a member before it.
    Always,
    /// It is the first in its object.
    First,
    /// Only holes are before it, which may give nothing.
    AfterHoles,
}

struct Call {
    serializer: Owned,
    value: Owned,
    include: Option<Owned>,
    keeps_warnings: bool,
    is_undeclared: bool,
}

impl Hole {
    /// # Safety
    /// The objects are alive, and the GIL is held while the hole exists.
    pub unsafe fn whole(at: usize, depth: usize, serializer: Object, value: Object, keeps_warnings: bool) -> Self {
        // SAFETY: the caller's promise.
        let call = unsafe { Call::new(serializer, value, None, keeps_warnings) };
        Self { at, depth, kind: Kind::Whole(call) }
    }

    /// A value whose class was not known when the program was made.
    ///
    /// # Safety
    /// The objects are alive, and the GIL is held while the hole exists.
    pub unsafe fn undeclared(at: usize, depth: usize, serializer: Object, value: Object) -> Self {
        // SAFETY: the caller's promise.
        let mut call = unsafe { Call::new(serializer, value, None, false) };
        call.is_undeclared = true;
        Self { at, depth, kind: Kind::Whole(call) }
    }

    /// # Safety
    /// The objects are alive, and the GIL is held while the hole exists.
    pub unsafe fn member(
        at: usize,
        depth: usize,
        comma: Comma,
        (serializer, value): (Object, Object),
        include: Object,
        keeps_warnings: bool,
    ) -> Self {
        // SAFETY: the caller's promise.
        let call = unsafe { Call::new(serializer, value, Some(include), keeps_warnings) };
        Self { at, depth, kind: Kind::Member { call, comma } }
    }

    /// # Safety
    /// As for [`Hole::whole`]; the owner may be null, and the node outlives the hole.
    pub unsafe fn call(at: usize, depth: usize, call: &node::Call, owner: Object, value: Object) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let owner = (!owner.is_null()).then(|| Owned::from_borrowed(owner));
            Self { at, depth, kind: Kind::Function { call, owner, value: Owned::from_borrowed(value) } }
        }
    }

    /// # Safety
    /// As for [`Hole::whole`]; the node outlives the hole.
    pub unsafe fn property(
        at: usize,
        depth: usize,
        comma: Comma,
        property: &Property,
        owner: Object,
        by_alias: bool,
    ) -> Self {
        // SAFETY: the caller's promise.
        let owner = unsafe { Owned::from_borrowed(owner) };
        Self { at, depth, kind: Kind::Property { property, owner, by_alias, comma } }
    }

    /// Take another part of the same instance into this hole, if they are side by side: one call gives both.
    pub fn absorb(&mut self, other: &Self) -> bool {
        let (Kind::Member { call: own, .. }, Kind::Member { call, .. }) = (&mut self.kind, &other.kind) else {
            return false;
        };
        let is_beside = self.at == other.at
            && own.value.as_ptr() == call.value.as_ptr()
            && own.serializer.as_ptr() == call.serializer.as_ptr();
        let (true, Some(names), Some(more)) = (is_beside, &own.include, &call.include) else {
            return false;
        };
        // SAFETY: both are sets of names, which are held; the new set is owned here.
        unsafe {
            let Some(both) = Owned::from_new(ffi::PyNumber_Or(names.as_ptr(), more.as_ptr())) else {
                ffi::PyErr_Clear();
                return false;
            };
            own.include = Some(both);
        }
        own.keeps_warnings |= call.keeps_warnings;
        true
    }

    /// Whether it stands for a part, and not for a comma.
    pub fn is_part(&self) -> bool {
        !matches!(self.kind, Kind::Comma)
    }

    /// Whether Pydantic is called for it in any case.
    pub fn is_asked(&self) -> bool {
        matches!(self.kind, Kind::Whole(_) | Kind::Member { .. })
    }

    /// Whether code of the user's could catch a warning that has become an error.
    pub fn keeps_warnings(&self, program: &Program) -> bool {
        match &self.kind {
            Kind::Whole(call) | Kind::Member { call, .. } => call.keeps_warnings(program),
            _ => false,
        }
    }

    pub fn comma(at: usize) -> Self {
        Self { at, depth: 0, kind: Kind::Comma }
    }
}

impl Call {
    unsafe fn new(serializer: Object, value: Object, include: Option<Object>, keeps_warnings: bool) -> Self {
        // SAFETY: the caller says that all are alive.
        unsafe {
            Self {
                serializer: Owned::from_borrowed(serializer),
                value: Owned::from_borrowed(value),
                include: include.map(|include| Owned::from_borrowed(include)),
                keeps_warnings,
                is_undeclared: false,
            }
        }
    }

    /// Whether code of the user's could catch a warning that has become an error.
    fn keeps_warnings(&self, program: &Program) -> bool {
        if !self.is_undeclared {
            return self.keeps_warnings;
        }
        // SAFETY: everything is held by the hole or the program; the function is not the user's.
        unsafe {
            let class = ffi::Py_TYPE(self.value.as_ptr()).cast();
            let Some(answer) = Owned::from_new(ffi::PyObject_CallOneArg(program.may_catch, class)) else {
                ffi::PyErr_Clear();
                return true;
            };
            answer.as_ptr() == ffi::Py_True()
        }
    }
}

/// What came of filling the holes.
pub enum Filled {
    Text(Vec<u8>),
    /// Pydantic has to do the whole call: it would warn, or the text is too deep.
    Whole,
    /// An exception of Pydantic's own is set.
    Raised,
}

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
}

/// Fill the holes in order, and put the text together.
pub fn fill(program: &Program, text: &[u8], holes: Vec<Hole>, passed: &Passed<'_>) -> Filled {
    let mut out = Vec::with_capacity(text.len() + 64 * holes.len());
    match fill_into(&mut out, program, text, holes, passed) {
        Ok(()) => Filled::Text(out),
        Err(filled) => filled,
    }
}

fn fill_into(
    out: &mut Vec<u8>,
    program: &Program,
    text: &[u8],
    holes: Vec<Hole>,
    passed: &Passed<'_>,
) -> Result<(), Filled> {
    let (mut copied, mut has_members) = (0, false);
    for hole in holes {
        out.extend_from_slice(&text[copied..hole.at]);
        copied = hole.at;
        let depth = hole.depth;
        match hole.kind {
            Kind::Comma => {
                if has_members {
                    out.push(b',');
                }
            }
            Kind::Whole(call) => {
                let found = ask(program, &call, passed)?;
                // SAFETY: `ask` gives bytes.
                let found = unsafe { bytes_of(&found) };
                if depth + members::depth(found) > passed.max_depth {
                    return Err(Filled::Whole);
                }
                out.extend_from_slice(found);
            }
            Kind::Member { call, comma } => {
                let found = ask(program, &call, passed)?;
                // SAFETY: `ask` gives bytes.
                let found = unsafe { bytes_of(&found) };
                let inner = found.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).ok_or(Filled::Whole)?;
                if depth + members::depth(found) > passed.max_depth + 1 {
                    return Err(Filled::Whole);
                }
                has_members &= comma != Comma::First;
                if !inner.is_empty() {
                    if comma == Comma::Always || (comma == Comma::AfterHoles && has_members) {
                        out.push(b',');
                    }
                    has_members = true;
                    out.extend_from_slice(inner);
                }
            }
            Kind::Function { call, owner, value } => {
                // SAFETY: the node belongs to the program.
                let call = unsafe { &*call };
                let found = calls::call(program, call, owner.as_ref(), &value, passed)?;
                write_returned(out, program, &call.result, &found, depth, passed)?;
            }
            Kind::Property { property, owner, by_alias, comma } => {
                // SAFETY: the node belongs to the program; the owner is held.
                let (property, found) = unsafe {
                    let property = &*property;
                    let found = ffi::PyObject_GetAttr(owner.as_ptr(), property.attribute);
                    (property, Owned::from_new(found).ok_or_else(|| failed(program, property.result.name))?)
                };
                has_members &= comma != Comma::First;
                // SAFETY: the singleton lives as long as the interpreter.
                if passed.options.exclude_none && found.as_ptr() == unsafe { ffi::Py_None() } {
                    continue;
                }
                let mut name = Buffer { bytes: std::mem::take(out), wide: false };
                if comma == Comma::Always || (comma == Comma::AfterHoles && has_members) {
                    name.push_piece(&property.names[usize::from(by_alias)]);
                } else {
                    name.push_piece_behind_comma(&property.names[usize::from(by_alias)]);
                }
                *out = name.bytes;
                has_members = true;
                write_returned(out, program, &property.result, &found, depth, passed)?;
            }
        }
    }
    out.extend_from_slice(&text[copied..]);
    Ok(())
}

/// Write what code of the user's has returned: natively, or by a serializer for just that.
fn write_returned(
    out: &mut Vec<u8>,
    program: &Program,
    returned: &Returned,
    value: &Owned,
    depth: usize,
    passed: &Passed<'_>,
) -> Result<(), Filled> {
    let start = out.len();
    let buffer = Buffer { bytes: std::mem::take(out), wide: false };
    let mut state = State::new(buffer, program, passed.options, passed.max_depth);
    state.depth = depth;
    // SAFETY: the value is held.
    let outcome = unsafe { state.encode::<false>(&returned.node, value.as_ptr()) };
    let State { out: written, mut holes, .. } = state;
    *out = written.bytes;
    if outcome.is_ok() {
        if holes.is_empty() {
            return Ok(());
        }
        let text = out.split_off(start);
        holes.iter_mut().for_each(|hole| hole.at -= start);
        return fill_into(out, program, &text, holes, passed);
    }
    out.truncate(start);
    drop(holes);
    // SAFETY: the serializer belongs to the program.
    let mut call = unsafe { Call::new(returned.whole, value.as_ptr(), None, true) };
    if !returned.prefix.is_empty() {
        let name = &returned.prefix[2..returned.prefix.len() - 2];
        // SAFETY: the new objects are owned here; the name is valid UTF-8 that has nothing to escape, as checked when the
        // program was made.
        unsafe {
            let dict = Owned::from_new(ffi::PyDict_New()).ok_or(Filled::Raised)?;
            let key = ffi::PyUnicode_FromStringAndSize(name.as_ptr().cast(), name.len() as isize);
            let key = Owned::from_new(key).ok_or(Filled::Raised)?;
            if ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) != 0 {
                return Err(Filled::Raised);
            }
            call.value = dict;
        }
    }
    let found = ask_with(program, &call, passed, passed.is_only)?;
    // SAFETY: `ask` gives bytes.
    let found = unsafe { bytes_of(&found) };
    let inner = match found.strip_prefix(&*returned.prefix) {
        Some(inner) if returned.prefix.is_empty() => inner,
        Some(inner) => inner.strip_suffix(b"}").ok_or(Filled::Whole)?,
        None => return Err(Filled::Whole), // left out
    };
    if depth + members::depth(inner) > passed.max_depth {
        return Err(Filled::Whole);
    }
    out.extend_from_slice(inner);
    Ok(())
}

/// Turn the exception that is set into the one that Pydantic raises for it.
#[cold]
pub fn failed(program: &Program, name: Object) -> Filled {
    // SAFETY: an exception is set; what is fetched is owned here; the function is not the user's.
    unsafe {
        let (mut class, mut error, mut trace) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        ffi::PyErr_Fetch(&raw mut class, &raw mut error, &raw mut trace);
        ffi::PyErr_NormalizeException(&raw mut class, &raw mut error, &raw mut trace);
        ffi::Py_XDECREF(class);
        ffi::Py_XDECREF(trace);
        let Some(error) = Owned::from_new(error) else {
            return Filled::Whole;
        };
        let mut arguments = [name, error.as_ptr()];
        let raised = ffi::PyObject_Vectorcall(program.failure, arguments.as_mut_ptr(), 2, std::ptr::null_mut());
        let Some(raised) = Owned::from_new(raised) else {
            return Filled::Raised;
        };
        if raised.as_ptr() == ffi::Py_None() {
            return Filled::Whole;
        }
        ffi::PyErr_SetObject(ffi::Py_TYPE(raised.as_ptr()).cast(), raised.as_ptr());
        Filled::Raised
    }
}

unsafe fn bytes_of(object: &Owned) -> &[u8] {
    // SAFETY: the caller says that these are bytes, which do not change while they are held.
    unsafe {
        let data = ffi::PyBytes_AS_STRING(object.as_ptr()).cast::<u8>();
        std::slice::from_raw_parts(data, ffi::PyBytes_Size(object.as_ptr()) as usize)
    }
}

/// Call a serializer's `to_json` for a part.
fn ask(program: &Program, call: &Call, passed: &Passed<'_>) -> Result<Owned, Filled> {
    ask_with(program, call, passed, passed.is_alone)
}

/// `may_warn`: nothing else can give a warning that would have to stand beside this one's.
fn ask_with(program: &Program, call: &Call, passed: &Passed<'_>, may_warn: bool) -> Result<Owned, Filled> {
    let names = &program.support.names;
    let mode = match passed.options.warnings {
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
    for (name, value) in passed.keywords {
        keywords.push(*name);
        values.push(*value);
    }
    // SAFETY: everything in the two lists is held by the hole, the program, or the arguments of the call.
    unsafe {
        let tuple = ffi::PyTuple_New(keywords.len() as isize);
        let Some(tuple) = Owned::from_new(tuple) else {
            return Err(Filled::Raised);
        };
        for (index, name) in keywords.iter().enumerate() {
            ffi::Py_INCREF(*name);
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as isize, *name);
        }
        let found = ffi::PyObject_VectorcallMethod(names.to_json, values.as_ptr(), 2, tuple.as_ptr());
        let Some(found) = Owned::from_new(found) else {
            return Err(raised(program));
        };
        if ffi::PyBytes_CheckExact(found.as_ptr()) == 0 {
            return Err(Filled::Whole);
        }
        Ok(found)
    }
}

/// Whether the exception that is set stands for a warning.
unsafe fn raised(program: &Program) -> Filled {
    // SAFETY: an exception is set; what is fetched is held or put back.
    unsafe {
        if ffi::PyErr_ExceptionMatches(program.support.serialization_error) == 0 {
            return Filled::Raised;
        }
        let (mut class, mut error, mut trace) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        ffi::PyErr_Fetch(&raw mut class, &raw mut error, &raw mut trace);
        ffi::PyErr_NormalizeException(&raw mut class, &raw mut error, &raw mut trace);
        let message = Owned::from_new(ffi::PyObject_Str(error));
        let is_warning = message.as_ref().is_some_and(|message| {
            super::scalar::text_of(message.as_ptr())
                .is_some_and(|(text, _)| memchr::memmem::find(text, b"Pydantic serializer warnings:").is_some())
        });
        if is_warning {
            ffi::Py_XDECREF(class);
            ffi::Py_XDECREF(error);
            ffi::Py_XDECREF(trace);
            return Filled::Whole;
        }
        ffi::PyErr_Clear();
        ffi::PyErr_Restore(class, error, trace);
        Filled::Raised
    }
}
