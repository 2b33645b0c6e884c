//! Lists, tuples, sets and mappings.

use pyo3::ffi;

use super::node::{Entries, Items, Node};
use super::reader::{Fit, Miss, Read, Reader, out_of_memory};
use super::scalar::{new_dict, new_integer, set_item};
use crate::memory::push;
use crate::py::object::Owned;
use crate::source::Source;

impl<'p, 't, S: Source<'t>> Reader<'p, 't, S> {
    pub(super) fn list(&mut self, items: &'p Items) -> Read<Owned> {
        let open = self.open_array()?;
        // All lists of a document share one stack, so that each is made once, in its final size.
        let base = self.stack.len();
        let read = self.list_items(items, open, base);
        let values = self.stack.drain(base..);
        read?;
        list_of(values)
    }

    fn list_items(&mut self, items: &'p Items, mut open: S::Open, base: usize) -> Read<()> {
        while self.goes_on(&mut open)? {
            // Pydantic takes a list of anything as it is, without a look at its items: it fits exactly.
            let item = match items.item {
                Node::Any => self.plain()?,
                _ => self.value(&items.item)?,
            };
            push(&mut self.stack, item);
            self.item_done();
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
        let mut open = self.open_array()?;
        let mut values = Vec::with_capacity(items.len());
        while self.goes_on(&mut open)? {
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
        let mut open = self.open_array()?;
        while self.goes_on(&mut open)? {
            let item = self.value(&items.item)?;
            // SAFETY: a new set that nobody has seen; adding to a frozen one is allowed until then.
            if unsafe { ffi::PySet_Add(set.as_ptr(), item.as_ptr()) } < 0 {
                return Err(out_of_memory());
            }
            self.item_done();
        }
        // SAFETY: the set is alive.
        let count = unsafe { ffi::PySet_Size(set.as_ptr()) } as usize;
        within(items, count)?;
        Ok(set)
    }

    pub(super) fn dict(&mut self, entries: &'p Entries) -> Read<Owned> {
        let mut open = self.open_object()?;
        let dict = new_dict()?;
        while self.goes_on(&mut open)? {
            let key = self.dict_key(&entries.key)?;
            let value = self.value(&entries.value)?;
            set_item(&dict, &key, &value)?;
            self.item_done();
        }
        // SAFETY: the dictionary is alive.
        let count = unsafe { ffi::PyDict_Size(dict.as_ptr()) } as usize;
        if entries.length.allows(count) { Ok(dict) } else { Err(Miss::Refused) }
    }

    /// A key, read as a string by its declaration: Pydantic validates keys of JSON as strings.
    pub(super) fn dict_key(&mut self, node: &'p Node) -> Read<Owned> {
        if let Node::Str(None) = node {
            let raw = self.key()?;
            self.lower_fit(Fit::Strict);
            return self.string_object(raw);
        }
        let start = self.cursor.next_position();
        let raw = self.key()?;
        let Node::Int(bounds) = node else {
            // The key stands there as a value would.
            let end = self.cursor.position();
            self.cursor.rewind(start);
            let key = self.value(node)?;
            self.cursor.rewind(end);
            if let Node::Date = node {
                self.lower_fit(Fit::Lax); // unlike a value
            }
            return Ok(key);
        };
        let value = canonical_integer(raw.bytes).ok_or(Miss::Unknown)?;
        self.lower_fit(Fit::Lax);
        match bounds {
            Some(bounds) if !bounds.allows(value) => Err(Miss::Refused),
            _ => new_integer(value),
        }
    }
}

/// The value of an integer in the one form that Python's own `str` gives, if it is short.
fn canonical_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_canonical = !digits.is_empty()
        && digits.len() <= 18
        && digits.iter().all(u8::is_ascii_digit)
        && (digits[0] != b'0' || text == b"0");
    is_canonical.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

fn within(items: &Items, count: usize) -> Read<()> {
    if items.length.allows(count) { Ok(()) } else { Err(Miss::Refused) }
}

/// Make a list of values, without touching them: most have long left the processor's caches.
pub(super) fn list_of(values: impl ExactSizeIterator<Item = Owned>) -> Read<Owned> {
    // SAFETY: a new list of this size; each place is filled once, with a reference that is given away.
    unsafe {
        let list = Owned::from_new(ffi::PyList_New(values.len() as ffi::Py_ssize_t)).ok_or_else(out_of_memory)?;
        for (index, value) in values.enumerate() {
            ffi::PyList_SET_ITEM(list.as_ptr(), index as ffi::Py_ssize_t, value.into_ptr());
        }
        Ok(list)
    }
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
