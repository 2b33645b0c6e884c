//! The text of what a caller passed.

use pyo3::ffi;

use crate::memory::copied;
use crate::py::object::forget;

/// The bytes of a document, borrowed from the object that was passed.
pub struct Input {
    data: *const u8,
    length: usize,
    /// Keeps the memory of a view.
    view: Option<Box<ffi::Py_buffer>>,
    /// What may be changed while the user's code runs is copied, and free for the user to change.
    copy: Option<Box<[u8]>>,
}

/// What is read besides `bytes` and `bytearray`.
#[derive(Clone, Copy)]
pub struct Accepts {
    /// `str`.
    pub text: bool,
    /// `memoryview`, if it is contiguous.
    pub views: bool,
}

impl Input {
    /// The bytes of an object of one of these types. `None` for everything else; no exception is set.
    ///
    /// # Safety
    /// `object` is alive as long as the result, and the GIL is held.
    #[inline]
    pub unsafe fn of(object: *mut ffi::PyObject, accepts: Accepts) -> Option<Self> {
        // SAFETY: said above; types are checked before their layout is used.
        unsafe {
            if ffi::PyBytes_CheckExact(object) != 0 {
                return Some(Self {
                    data: ffi::PyBytes_AS_STRING(object).cast(),
                    length: ffi::Py_SIZE(object) as usize,
                    view: None,
                    copy: None,
                });
            }
            if accepts.text && ffi::PyUnicode_CheckExact(object) != 0 {
                let mut length = 0;
                let data = ffi::PyUnicode_AsUTF8AndSize(object, &raw mut length);
                if data.is_null() {
                    forget();
                    return None;
                }
                return Some(Self { data: data.cast(), length: length as usize, view: None, copy: None });
            }
            if ffi::PyByteArray_CheckExact(object) == 0 && !(accepts.views && ffi::PyMemoryView_Check(object) != 0) {
                return None;
            }
            let mut view = Box::new(ffi::Py_buffer::new());
            if ffi::PyObject_GetBuffer(object, &raw mut *view, ffi::PyBUF_SIMPLE) < 0 {
                ffi::PyErr_Clear();
                return None;
            }
            let (data, length, is_fixed) = (view.buf.cast(), view.len as usize, view.readonly != 0);
            let mut input = Self { data, length, view: Some(view), copy: None };
            if !is_fixed {
                let copy = copied(input.text()).into_boxed_slice();
                input.data = copy.as_ptr();
                input.copy = Some(copy);
                input.release();
            }
            Some(input)
        }
    }

    /// Whether the memory is that of an object which could change it, and is locked meanwhile.
    pub fn is_locked(&self) -> bool {
        self.view.is_some()
    }

    /// Let go of the view.
    fn release(&mut self) {
        if let Some(mut view) = self.view.take() {
            // SAFETY: the view was filled by PyObject_GetBuffer, and the GIL is held.
            unsafe { ffi::PyBuffer_Release(&raw mut *view) }
        }
    }

    /// The bytes.
    #[inline]
    pub fn text(&self) -> &[u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: the object, the view or the copy keeps the memory alive, and none of them changes it.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.release();
    }
}
