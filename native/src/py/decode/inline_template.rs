//! The attributes of an instance, made as the interpreter keeps them where nobody has asked for `__dict__`.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::py::encode::layout::lookup;
use crate::py::inline_values::{HEAD, InlineValues, SharedKeys, are_known};
use crate::py::object::Owned;

type Object = *mut ffi::PyObject;

/// Makes blocks of values for the instances of one class.
pub struct InlineTemplate {
    keys: SharedKeys,
    head: Box<[u64]>,
    count: usize,
    capacity: usize,
}

// SAFETY: the keys belong to the class, which the owner holds; they are only used while the GIL is held.
unsafe impl Send for InlineTemplate {}
// SAFETY: as above.
unsafe impl Sync for InlineTemplate {}

/// A block that nobody has yet.
pub struct Block {
    first: *mut Object,
    head: usize,
    count: usize,
}

impl InlineTemplate {
    /// `None` where the interpreter would not keep just these attributes in that way: where a class has had too many
    /// instances without them, it has no room for their names any more.
    pub fn new(class: &Bound<'_, PyType>, names: &[Py<PyAny>]) -> Option<Self> {
        let py = class.py();
        let raw = class.as_type_ptr();
        // SAFETY: the class is alive. Its instances are made and filled without any code of the user's: by
        // `object.__new__` and `object.__setattr__`, with nothing in the class under these names; classes with `__del__` are
        // left to Pydantic.
        unsafe {
            let keys = SharedKeys::of(raw)?;
            let hides_none = names.iter().all(|name| lookup(raw, name.as_ptr()).is_null());
            if !are_known() || !hides_none || names.is_empty() || keys.capacity() < names.len() {
                return None;
            }
            let new = (*raw).tp_new?;
            let nothing = Owned::from_new(ffi::PyTuple_New(0))?;
            let instance = || Owned::from_new(new(raw, nothing.as_ptr(), std::ptr::null_mut()));
            let first = instance()?;
            for (number, name) in names.iter().enumerate() {
                let value = (1000 + number).into_pyobject(py).ok()?;
                if ffi::PyObject_GenericSetAttr(first.as_ptr(), name.as_ptr(), value.as_ptr()) < 0 {
                    ffi::PyErr_Clear();
                    return None;
                }
            }
            // Each new instance makes the blocks of later ones smaller, by a place that was not needed so far.
            for _ in 1..keys.room() {
                instance()?;
            }
            let block = InlineValues::of(first.as_ptr())?;
            if block.count() != names.len() || !block.is_in_order() {
                return None;
            }
            for (number, name) in names.iter().enumerate() {
                let [key, _] = *keys.entries().add(number);
                let value = Bound::from_borrowed_ptr_or_opt(py, block.get(number))?;
                if key != name.as_ptr() || value.extract::<usize>().ok()? != 1000 + number {
                    return None;
                }
            }
            Some(Self::made(keys, names.len()))
        }
    }

    unsafe fn made(keys: SharedKeys, count: usize) -> Self {
        // SAFETY: the class of the keys is alive.
        let capacity = unsafe { keys.capacity() };
        let size = (capacity + HEAD).next_multiple_of(size_of::<Object>());
        let mut head = vec![0_u8; size];
        head[size - 1] = size as u8;
        head[size - 2] = count as u8;
        for index in 0..count {
            head[size - HEAD - 1 - index] = index as u8;
        }
        let words = head.chunks_exact(8).map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap_or_default()));
        Self { keys, head: words.collect(), count, capacity }
    }

    /// Start a new block. `None` if memory ran out.
    #[inline(always)]
    pub fn start(&self) -> Option<Block> {
        // SAFETY: a new piece of memory of this size.
        unsafe {
            let words = self.head.len() + self.capacity;
            let start = ffi::PyMem_Malloc(words * size_of::<u64>()).cast::<u64>();
            if start.is_null() {
                return None;
            }
            for (index, word) in self.head.iter().enumerate() {
                *start.add(index) = *word;
            }
            let first = start.add(self.head.len()).cast::<Object>();
            for index in 0..self.capacity {
                *first.add(index) = std::ptr::null_mut();
            }
            Some(Block { first, head: self.head.len(), count: self.count })
        }
    }

    /// Say whether the class still has the keys that the blocks are made for.
    ///
    /// # Safety
    /// The class is the one that the template was made for, and alive.
    #[inline(always)]
    pub unsafe fn fits(&self, class: *mut ffi::PyTypeObject) -> bool {
        // SAFETY: said above.
        unsafe { SharedKeys::of(class) == Some(self.keys) }
    }
}

impl Block {
    /// Give the block, which is filled, to a new instance.
    ///
    /// # Safety
    /// An instance, without dict and block, of the class that the block was made for.
    #[inline(always)]
    pub unsafe fn give_to(self, instance: Object) {
        let values = InlineValues::at(self.first);
        std::mem::forget(self);
        // SAFETY: said above.
        unsafe { values.give_to(instance) }
    }

    /// Put the value of an attribute that has none yet.
    #[inline(always)]
    pub fn put(&mut self, index: usize, value: Owned) {
        debug_assert!(index < self.count);
        // SAFETY: within the block, where a null was.
        unsafe { self.first.add(index).write(value.into_ptr()) }
    }
}

impl Drop for Block {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: the block is nobody else's; the references in it are owned.
        unsafe {
            for index in 0..self.count {
                ffi::Py_XDECREF(*self.first.add(index));
            }
            ffi::PyMem_Free(self.first.cast::<u64>().sub(self.head).cast());
        }
    }
}
