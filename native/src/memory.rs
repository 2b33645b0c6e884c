//! The end of memory, as an error and not as the end of the process.
//!
//! Rust's collections end the process where an allocation fails. What an input makes long grows through this module
//! instead: where there is no memory for it, the call is left by unwinding, and Python raises `MemoryError`
//! ([`crate::py::function`]). Small pieces come out of a reserve by then ([`crate::py::allocator`]).

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::ops::{Deref, DerefMut};
use std::panic::resume_unwind;

/// What a call is left with.
pub struct OutOfMemory;

/// Leave the call.
#[cold]
#[inline(never)]
pub fn give_up() -> ! {
    resume_unwind(Box::new(OutOfMemory))
}

/// A collection that can be asked for room.
pub trait Room {
    /// Say whether there is room for so many more now.
    fn make_room(&mut self, more: usize) -> bool;
}

impl<T> Room for Vec<T> {
    fn make_room(&mut self, more: usize) -> bool {
        self.try_reserve(more).is_ok()
    }
}

impl Room for String {
    fn make_room(&mut self, more: usize) -> bool {
        self.try_reserve(more).is_ok()
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Room for HashMap<K, V, S> {
    fn make_room(&mut self, more: usize) -> bool {
        self.try_reserve(more).is_ok()
    }
}

impl<K: Eq + Hash, S: BuildHasher> Room for HashSet<K, S> {
    fn make_room(&mut self, more: usize) -> bool {
        self.try_reserve(more).is_ok()
    }
}

/// Make room for so many more.
pub fn room(collection: &mut impl Room, more: usize) {
    if !collection.make_room(more) {
        give_up();
    }
}

/// A list with room for so many.
pub fn with_room<T>(items: usize) -> Vec<T> {
    let mut list = Vec::new();
    if list.try_reserve_exact(items).is_err() {
        give_up();
    }
    list
}

/// A copy of bytes.
pub fn copied(bytes: &[u8]) -> Vec<u8> {
    let mut copy = with_room(bytes.len());
    copy.extend_from_slice(bytes);
    copy
}

/// Append an item.
#[inline]
pub fn push<T>(list: &mut Vec<T>, item: T) {
    // In each branch it is known whether there is room: the check of `Vec` itself goes away.
    if list.len() < list.capacity() {
        list.push(item);
    } else {
        push_slowly(list, item);
    }
}

#[cold]
#[inline(never)]
fn push_slowly<T>(list: &mut Vec<T>, item: T) {
    room(list, 1);
    list.push(item);
}

#[cold]
#[inline(never)]
fn grow<T>(list: &mut Vec<T>, more: usize) {
    room(list, more);
}

/// Bytes that grow through this module. What is written to the `Vec` inside needs room that was reserved.
#[derive(Default)]
pub struct Buffer(Vec<u8>);

impl Buffer {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Bytes with room for so many.
    pub fn with_room(bytes: usize) -> Self {
        Self(with_room(bytes))
    }

    #[inline]
    pub fn reserve(&mut self, more: usize) {
        if self.0.capacity() - self.0.len() < more {
            grow(&mut self.0, more);
        }
    }

    #[inline]
    pub fn push(&mut self, byte: u8) {
        push(&mut self.0, byte);
    }

    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        if self.0.capacity() - self.0.len() >= bytes.len() {
            self.0.extend_from_slice(bytes);
        } else {
            self.extend_slowly(bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn extend_slowly(&mut self, bytes: &[u8]) {
        room(&mut self.0, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub fn into_inner(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    #[inline]
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn what_cannot_be_had_leaves_the_call() {
        for ask in [|| drop(with_room::<u8>(isize::MAX as usize)), || Buffer::default().reserve(isize::MAX as usize)] {
            assert!(catch_unwind(ask).unwrap_err().is::<OutOfMemory>());
        }
    }

    #[test]
    fn what_can_be_had_is_written() {
        let mut buffer = Buffer::with_room(1);
        buffer.push(b'a');
        buffer.extend_from_slice(b"bc");
        assert_eq!(buffer.into_inner(), copied(b"abc"));
    }
}
