//! Lists, tuples, sets and mappings.

use pyo3::ffi;

use super::node::{Entries, Items, Node};
use super::reader::{Fit, Miss, Read, Reader, out_of_memory};
use super::scalar::{new_dict, set_item};
use crate::json::cursor::RawString;
use crate::py::object::Owned;

impl<'p, 't> Reader<'p, 't> {
    pub(super) fn list(&mut self, items: &'p Items) -> Read<Owned> {
        self.open(b'[')?;
        // All lists of a document share one stack, so that each is made once, in its final size.
        let base = self.stack.len();
        let read = self.list_items(items, base);
        let values = self.stack.drain(base..);
        read?;
        // SAFETY: a new list of this size; each place is filled once, with a reference that is given away.
        unsafe {
            let size = values.len() as ffi::Py_ssize_t;
            let list = Owned::from_new(ffi::PyList_New(size)).ok_or_else(out_of_memory)?;
            for (index, value) in values.enumerate() {
                ffi::PyList_SET_ITEM(list.as_ptr(), index as ffi::Py_ssize_t, value.into_ptr());
            }
            Ok(list)
        }
    }

    fn list_items(&mut self, items: &'p Items, base: usize) -> Read<()> {
        while self.goes_on(b']', self.stack.len() == base)? {
            // Pydantic takes a list of anything as it is, without a look at its items: it fits exactly.
            let item = match items.item {
                Node::Any => self.plain()?,
                _ => self.value(&items.item)?,
            };
            self.stack.push(item);
        }
        within(items, self.stack.len() - base)
    }

    pub(super) fn tuple_of(&mut self, items: &'p Items) -> Read<Owned> {
        self.lower_fit(Fit::Strict);
        let list = self.list(items)?;
        // SAFETY: the list is alive.
        unsafe { Owned::from_new(ffi::PyList_AsTuple(list.as_ptr())).ok_or_else(out_of_memory) }
    }

    pub(super) fn tuple(&mut self, items: &'p [Node]) -> Read<Owned> {
        self.lower_fit(Fit::Strict);
        self.open(b'[')?;
        let mut values = Vec::with_capacity(items.len());
        while self.goes_on(b']', values.is_empty())? {
            let node = items.get(values.len()).ok_or(Miss::Refused)?;
            values.push(self.value(node)?);
        }
        if values.len() < items.len() {
            return Err(Miss::Unknown); // an item may have a default
        }
        new_tuple(values)
    }

    pub(super) fn set(&mut self, items: &'p Items) -> Read<Owned> {
        // SAFETY: gives a new reference or null.
        let set = unsafe { Owned::from_new(ffi::PySet_New(std::ptr::null_mut())).ok_or_else(out_of_memory)? };
        self.fill_set(set, items)
    }

    pub(super) fn frozen_set(&mut self, items: &'p Items) -> Read<Owned> {
        // SAFETY: gives a new reference or null.
        let set = unsafe { Owned::from_new(ffi::PyFrozenSet_New(std::ptr::null_mut())).ok_or_else(out_of_memory)? };
        self.fill_set(set, items)
    }

    fn fill_set(&mut self, set: Owned, items: &'p Items) -> Read<Owned> {
        self.lower_fit(Fit::Strict);
        self.open(b'[')?;
        let mut is_first = true;
        while self.goes_on(b']', is_first)? {
            is_first = false;
            let item = self.value(&items.item)?;
            // SAFETY: a new set that nobody has seen; adding to a frozen one is allowed until then.
            if unsafe { ffi::PySet_Add(set.as_ptr(), item.as_ptr()) } < 0 {
                return Err(out_of_memory());
            }
        }
        // SAFETY: the set is alive.
        let count = unsafe { ffi::PySet_Size(set.as_ptr()) } as usize;
        within(items, count)?;
        Ok(set)
    }

    pub(super) fn dict(&mut self, entries: &'p Entries) -> Read<Owned> {
        self.open(b'{')?;
        let dict = new_dict()?;
        let mut is_first = true;
        while self.goes_on(b'}', is_first)? {
            is_first = false;
            let raw = self.key()?;
            let key = self.dict_key(&entries.key, raw)?;
            let value = self.value(&entries.value)?;
            set_item(&dict, &key, &value)?;
        }
        // SAFETY: the dictionary is alive.
        let count = unsafe { ffi::PyDict_Size(dict.as_ptr()) } as usize;
        if entries.length.allows(count) { Ok(dict) } else { Err(Miss::Refused) }
    }

    /// A key, read as a string by its declaration: Pydantic validates keys of JSON as strings.
    pub(super) fn dict_key(&mut self, node: &'p Node, raw: RawString<'t>) -> Read<Owned> {
        if let Node::Str(None) = node {
            self.lower_fit(Fit::Strict);
            return self.string_object(raw);
        }
        let Node::Int(_) = node else {
            // The key stands between quotes in the text, as a value would.
            let end = self.cursor.position();
            let start = raw.bytes.as_ptr() as usize - self.cursor.slice(0, end).as_ptr() as usize - 1;
            self.cursor.rewind(start);
            let key = self.value(node)?;
            self.cursor.rewind(end);
            if let Node::Date = node {
                self.lower_fit(Fit::Lax); // unlike a value
            }
            return Ok(key);
        };
        // The one form of an integer that Python's own `str` gives.
        let digits = raw.bytes.strip_prefix(b"-").unwrap_or(raw.bytes);
        let is_canonical = !digits.is_empty()
            && digits.len() <= 18
            && digits.iter().all(u8::is_ascii_digit)
            && (digits[0] != b'0' || raw.bytes == b"0");
        if !is_canonical {
            return Err(Miss::Unknown);
        }
        self.lower_fit(Fit::Lax);
        let end = self.cursor.position();
        let start = raw.bytes.as_ptr() as usize - self.cursor.slice(0, end).as_ptr() as usize;
        self.cursor.rewind(start);
        let key = self.value(node)?;
        self.cursor.rewind(end);
        Ok(key)
    }
}

fn within(items: &Items, count: usize) -> Read<()> {
    if items.length.allows(count) { Ok(()) } else { Err(Miss::Refused) }
}

/// Make a tuple of values.
pub(super) fn new_tuple(values: Vec<Owned>) -> Read<Owned> {
    // SAFETY: a new tuple of this size; each place is filled once, with a reference that is given away.
    unsafe {
        let tuple = Owned::from_new(ffi::PyTuple_New(values.len() as ffi::Py_ssize_t)).ok_or_else(out_of_memory)?;
        for (index, value) in values.into_iter().enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as ffi::Py_ssize_t, value.into_ptr());
        }
        Ok(tuple)
    }
}
