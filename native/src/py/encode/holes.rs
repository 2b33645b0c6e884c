//! Places in the text that Pydantic fills, after everything else is certain.
//!
//! The first phase writes what is native and leaves holes where the user's code would run; if it declines, none of that
//! code has run. The second phase asks Pydantic for each hole, in order, and puts the text together.

use pyo3::ffi;

use crate::json::members;
use crate::py::object::Owned;

use super::node::{Object, Program};
use super::options::{Options, Warnings};

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
    /// Name and value of each keyword argument, without `warnings`.
    pub keywords: &'a [(Object, Object)],
    pub max_depth: usize,
}

/// Ask Pydantic for each hole, and put the text together.
pub fn fill(program: &Program, text: &[u8], holes: Vec<Hole>, passed: &Passed<'_>) -> Filled {
    let mut out = Vec::with_capacity(text.len() + 64 * holes.len());
    let (mut copied, mut has_members) = (0, false);
    for hole in holes {
        out.extend_from_slice(&text[copied..hole.at]);
        copied = hole.at;
        match hole.kind {
            Kind::Comma => {
                if has_members {
                    out.push(b',');
                }
            }
            Kind::Whole(call) => match ask(program, &call, passed) {
                Ok(found) => {
                    // SAFETY: `ask` gives bytes.
                    let found = unsafe { bytes_of(&found) };
                    if hole.depth + members::depth(found) > passed.max_depth {
                        return Filled::Whole;
                    }
                    out.extend_from_slice(found);
                }
                Err(filled) => return filled,
            },
            Kind::Member { call, comma } => match ask(program, &call, passed) {
                Ok(found) => {
                    // SAFETY: `ask` gives bytes.
                    let found = unsafe { bytes_of(&found) };
                    let Some(inner) = found.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) else {
                        return Filled::Whole;
                    };
                    if hole.depth + members::depth(found) > passed.max_depth + 1 {
                        return Filled::Whole;
                    }
                    if comma == Comma::First {
                        has_members = false;
                    }
                    if !inner.is_empty() {
                        if comma == Comma::Always || (comma == Comma::AfterHoles && has_members) {
                            out.push(b',');
                        }
                        has_members = true;
                        out.extend_from_slice(inner);
                    }
                }
                Err(filled) => return filled,
            },
        }
    }
    out.extend_from_slice(&text[copied..]);
    Filled::Text(out)
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
    let names = &program.support.names;
    let mode = match passed.options.warnings {
        Warnings::Silent => names.none,
        Warnings::Error => names.error,
        // A part that would warn is an error, so that one warning can list all of them; but for code that could catch it.
        Warnings::Warn if call.keeps_warnings(program) => names.warn,
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
