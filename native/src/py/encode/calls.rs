//! Calls of serializers that the user wrote, with the arguments that Pydantic gives them.

use pyo3::ffi;

use crate::py::object::Owned;

use super::fill::{Outcome, Passed, Unfilled, failed};
use super::node::{Call, Object, Program};
use super::options::Warnings;

/// Call a serializer for a value. `owner` is the model of which the value is a field.
pub fn call<O>(
    program: &Program<O>,
    call: &Call,
    owner: Option<&Owned>,
    value: &Owned,
    passed: &Passed<'_>,
) -> Outcome<Owned> {
    let handler = handler(program, call, passed)?;
    let info = match call.make_info {
        Some(make) => Some(made(make, &[], passed)?),
        None => None,
    };
    let mut arguments = Vec::with_capacity(4);
    if call.takes_model {
        arguments.push(owner.map_or(std::ptr::null_mut(), Owned::as_ptr));
    }
    arguments.push(value.as_ptr());
    arguments.extend(handler.iter().chain(&info).map(Owned::as_ptr));
    // SAFETY: function and arguments are held for the call; a call that takes a model is only left where there is one.
    let found = unsafe {
        let names = std::ptr::null_mut();
        Owned::from_new(ffi::PyObject_Vectorcall(call.function, arguments.as_ptr(), arguments.len(), names))
    };
    found.ok_or_else(|| failed(program, call.result.name))
}

/// What a wrap serializer calls for what Pydantic would write.
fn handler<O>(program: &Program<O>, call: &Call, passed: &Passed<'_>) -> Outcome<Option<Owned>> {
    let (Some(plain), Some(make)) = (call.handler, call.make_handler) else {
        return Ok(None);
    };
    let names = &program.support.names;
    let mode = match passed.options.warnings {
        Warnings::Silent => names.none,
        Warnings::Error => names.error,
        // SAFETY: the program holds the handler.
        Warnings::Warn if passed.keywords.is_empty() => return Ok(Some(unsafe { Owned::from_borrowed(plain) })),
        Warnings::Warn => names.warn,
    };
    made(make, &[mode], passed).map(Some)
}

/// Make an argument with the options of the call.
fn made(make: Object, first: &[Object], passed: &Passed<'_>) -> Outcome<Owned> {
    let values: Vec<Object> = first.iter().copied().chain(passed.keywords.iter().map(|(_, value)| *value)).collect();
    // SAFETY: everything in the lists is held by the program, or by the caller of the encoder.
    unsafe {
        let names = Owned::from_new(ffi::PyTuple_New(passed.keywords.len() as isize)).ok_or(Unfilled::Raised)?;
        for (index, (name, _)) in passed.keywords.iter().enumerate() {
            ffi::Py_INCREF(*name);
            ffi::PyTuple_SET_ITEM(names.as_ptr(), index as isize, *name);
        }
        Owned::from_new(ffi::PyObject_Vectorcall(make, values.as_ptr(), first.len(), names.as_ptr()))
            .ok_or(Unfilled::Raised)
    }
}
