//! An owned reference that costs nothing beyond its reference count.
//!
//! `pyo3::Py` asks, on every drop, whether this thread is attached. The hot paths run inside one C call that holds the
//! GIL from start to end, so they use this type instead.

use std::ptr::NonNull;

use pyo3::ffi;

use crate::memory::give_up;

/// A strong reference, dropped with a plain `Py_DECREF`. Only for code that runs while the GIL is held.
#[repr(transparent)]
pub struct Owned(NonNull<ffi::PyObject>);

impl Owned {
    /// Take over a new reference, or return `None` for null (an exception is then set).
    ///
    /// # Safety
    /// `pointer` is null or a strong reference that the caller gives away, and the GIL is held for the result's life.
    #[inline]
    pub unsafe fn from_new(pointer: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    /// Take a reference of one's own to a borrowed object.
    ///
    /// # Safety
    /// `pointer` is a live object, and the GIL is held for the result's life.
    #[inline]
    pub unsafe fn from_borrowed(pointer: *mut ffi::PyObject) -> Self {
        // SAFETY: the caller says that the object is alive, so it is not null and may be referenced.
        unsafe {
            ffi::Py_INCREF(pointer);
            Self(NonNull::new_unchecked(pointer))
        }
    }

    /// The object, borrowed.
    #[inline]
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    /// Give the reference away.
    #[inline]
    pub fn into_ptr(self) -> *mut ffi::PyObject {
        let pointer = self.0.as_ptr();
        std::mem::forget(self);
        pointer
    }
}

impl Drop for Owned {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: made with the GIL held, and only used within one call that holds it.
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) }
    }
}

/// Forget the exception that is set: something else is tried. Where memory has run out, nothing is; the call is left.
///
/// # Safety
/// The GIL is held.
#[cold]
pub unsafe fn forget() {
    // SAFETY: an exception is compared with only where there is one.
    unsafe {
        if !ffi::PyErr_Occurred().is_null() && ffi::PyErr_ExceptionMatches(ffi::PyExc_MemoryError) != 0 {
            give_up();
        }
        ffi::PyErr_Clear();
    }
}

/// Take the exception that is set, with its traceback.
///
/// # Safety
/// An exception is set, and the GIL is held for the result's life.
pub unsafe fn caught() -> Option<Owned> {
    let (mut class, mut error, mut trace) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: what is fetched is owned here, or null.
    unsafe {
        ffi::PyErr_Fetch(&raw mut class, &raw mut error, &raw mut trace);
        ffi::PyErr_NormalizeException(&raw mut class, &raw mut error, &raw mut trace);
        if !error.is_null() && !trace.is_null() {
            ffi::PyException_SetTraceback(error, trace);
        }
        ffi::Py_XDECREF(class);
        ffi::Py_XDECREF(trace);
        Owned::from_new(error)
    }
}
