//! Python functions around native objects, without any layer between the interpreter and the Rust function.
//!
//! A `#[pymethods]` function converts its arguments and its result; for a model of five fields that is a quarter of the
//! whole work. A built-in function with the vectorcall convention costs about 15 ns.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::PyClass;
use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;

use crate::memory::OutOfMemory;

/// The arguments of a vectorcall: `values` holds the positional ones, then the keyword ones in the order of `names`.
#[derive(Clone, Copy)]
pub struct Arguments {
    values: *const *mut ffi::PyObject,
    positional: usize,
    names: *mut ffi::PyObject,
}

impl Arguments {
    /// The only argument, if there is exactly one and it is positional.
    #[inline]
    pub fn only(&self) -> Option<*mut ffi::PyObject> {
        // SAFETY: the interpreter passes as many values as it says.
        (self.positional == 1 && self.names.is_null()).then(|| unsafe { *self.values })
    }

    /// The first positional argument.
    #[inline]
    pub fn first(&self) -> Option<*mut ffi::PyObject> {
        // SAFETY: the interpreter passes as many values as it says.
        (self.positional > 0).then(|| unsafe { *self.values })
    }

    /// The same arguments but for the first positional one, which must be there.
    #[inline]
    pub fn without_first(&self) -> Self {
        debug_assert!(self.positional > 0);
        Self {
            // SAFETY: the caller says that there is a first value; the others follow it.
            values: unsafe { self.values.add(1) },
            positional: self.positional - 1,
            names: self.names,
        }
    }

    /// Number of positional arguments.
    #[inline]
    pub fn positional(&self) -> usize {
        self.positional
    }

    /// The keyword arguments, borrowed: name and value.
    pub fn keywords(&self) -> impl Iterator<Item = (*mut ffi::PyObject, *mut ffi::PyObject)> + '_ {
        let count = if self.names.is_null() {
            0
        } else {
            // SAFETY: `names` is a tuple of strings while the call lasts.
            unsafe { ffi::PyTuple_GET_SIZE(self.names) }
        };
        (0..count).map(|index| {
            // SAFETY: the interpreter passes a value for each name, behind the positional ones.
            unsafe { (ffi::PyTuple_GET_ITEM(self.names, index), *self.values.add(self.positional + index as usize)) }
        })
    }

    /// Call another callable with the very same arguments. Returns a new reference, or null with an exception set.
    pub fn forward(&self, callable: &Py<PyAny>) -> *mut ffi::PyObject {
        // SAFETY: the caller holds the callable.
        unsafe { self.forward_to(callable.as_ptr()) }
    }

    /// The same for a callable that is known by its address.
    ///
    /// # Safety
    /// `callable` is alive while the call lasts.
    pub unsafe fn forward_to(&self, callable: *mut ffi::PyObject) -> *mut ffi::PyObject {
        // SAFETY: the interpreter keeps the arguments alive while the call lasts; the caller vouches for the callable.
        unsafe { ffi::PyObject_Vectorcall(callable, self.values, self.positional, self.names) }
    }

    /// Call another callable with `first` and behind it the very same arguments. Returns a new reference, or null with
    /// an exception set.
    pub fn forward_behind(&self, first: &Bound<'_, PyAny>, callable: &Py<PyAny>) -> *mut ffi::PyObject {
        let rest = self.positional + self.keywords().count();
        let mut values = Vec::with_capacity(rest + 1);
        values.push(first.as_ptr());
        // SAFETY: the interpreter passes that many values and keeps them alive while the call lasts.
        values.extend((0..rest).map(|index| unsafe { *self.values.add(index) }));
        // SAFETY: all values are alive, the first held by the caller; the names are of the last of them, as before.
        unsafe { ffi::PyObject_Vectorcall(callable.as_ptr(), values.as_ptr(), self.positional + 1, self.names) }
    }
}

/// A native object that is called from Python through [`bound`].
pub trait Callable: PyClass<Frozen = True> + Sync {
    /// What the function is called in Python.
    const FUNCTION: &'static CStr;

    /// Run. Returns a new reference, or null with an exception set.
    fn call(&self, py: Python<'_>, arguments: Arguments) -> *mut ffi::PyObject;
}

unsafe extern "C" fn trampoline<T: Callable>(
    slf: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter holds the GIL when it calls a built-in function.
    let py = unsafe { Python::assume_attached() };
    let arguments = Arguments { values, positional: positional as usize, names };
    // SAFETY: `bound` puts an instance of T here, and the function object keeps it alive.
    let object = unsafe { pyo3::Borrowed::from_ptr(py, slf).cast_unchecked::<T>() };
    // A panic must not unwind into the interpreter.
    catch_unwind(AssertUnwindSafe(|| object.get().call(py, arguments))).unwrap_or_else(|cause| {
        // SAFETY: the GIL is held. PyO3 panics where the interpreter has had no memory for an object.
        unsafe {
            let is_set = || !ffi::PyErr_Occurred().is_null();
            if cause.is::<OutOfMemory>() || (is_set() && ffi::PyErr_ExceptionMatches(ffi::PyExc_MemoryError) != 0) {
                return ffi::PyErr_NoMemory();
            }
        }
        PySystemError::new_err("the native core failed; please report it with the model's definition").restore(py);
        std::ptr::null_mut()
    })
}

struct Definition(ffi::PyMethodDef);

// SAFETY: never written to; the interpreter only reads it.
unsafe impl Sync for Definition {}

struct DefinitionOf<T>(std::marker::PhantomData<T>);

impl<T: Callable> DefinitionOf<T> {
    const DEFINITION: &'static Definition = &Definition(ffi::PyMethodDef {
        ml_name: T::FUNCTION.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: trampoline::<T> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: std::ptr::null(),
    });
}

/// Return a built-in function that calls `object`.
pub fn bound<T: Callable>(object: Bound<'_, T>) -> PyResult<Bound<'_, PyAny>> {
    let definition: *const ffi::PyMethodDef = &DefinitionOf::<T>::DEFINITION.0;
    // SAFETY: the definition lives as long as the process; the function takes its own reference to the object.
    unsafe {
        let function = ffi::PyCFunction_NewEx(definition.cast_mut(), object.as_ptr(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(object.py(), function)
    }
}
