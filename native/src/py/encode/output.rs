//! What the walk writes to: a form of output, and the pieces of it that are made beforehand.
//!
//! The walk is compiled once for each form, so that none of them costs the other anything.

use pyo3::ffi;
use pyo3::prelude::*;

use crate::memory::Buffer;

use super::node::Object;

/// What stands in every document of a type, padded so that it is copied without a loop where it is short.
pub struct Piece {
    head: [[u8; 16]; 2],
    /// What does not fit into the head.
    tail: Box<[u8]>,
    length: usize,
    pub is_ascii: bool,
}

impl Piece {
    pub fn new(bytes: &[u8]) -> Self {
        let mut head = [[0; 16]; 2];
        let (first, tail) = bytes.split_at(bytes.len().min(32));
        head.as_flattened_mut()[..first.len()].copy_from_slice(first);
        Self { head, tail: tail.into(), length: bytes.len(), is_ascii: bytes.is_ascii() }
    }

    /// What has to be reserved to write it.
    #[inline(always)]
    pub fn room(&self) -> usize {
        32 + self.tail.len()
    }

    /// Write it.
    ///
    /// # Safety
    /// [`Piece::room`] was reserved.
    #[inline(always)]
    pub unsafe fn put(&self, out: &mut Vec<u8>) {
        let length = out.len();
        // SAFETY: room for the head was reserved; as much of it as the piece is long is content.
        unsafe {
            let target = out.as_mut_ptr().add(length).cast::<[u8; 16]>();
            target.write_unaligned(self.head[0]);
            target.add(1).write_unaligned(self.head[1]);
            out.set_len(length + self.length.min(32));
        }
        if self.length > 32 {
            out.extend_from_slice(&self.tail);
        }
    }

    /// Write it without its first byte.
    #[inline]
    pub fn push_rest(&self, out: &mut Buffer) {
        out.extend_from_slice(&self.head.as_flattened()[1..self.length.min(32)]);
        out.extend_from_slice(&self.tail);
    }
}

/// A place in the output that can be gone back to.
#[derive(Clone, Copy)]
pub struct Place {
    pub length: usize,
    pub wide: bool,
}

/// A form of output.
///
/// What begins with `put_` needs room that was reserved. `None` and `false` say that the form has no bytes for a value.
pub trait Output: Sized {
    /// Arrays and objects begin with their number of items, and no two members of an object have one name.
    const IS_COUNTED: bool;
    /// How much more room than its length a text needs.
    const TEXT_ROOM: usize;
    /// Room for every 64-bit integer.
    const INT_ROOM: usize;
    /// Room for every finite double.
    const FLOAT_ROOM: usize;

    /// Write behind what is there.
    fn behind(bytes: Buffer) -> Self;
    fn bytes(&mut self) -> &mut Buffer;
    fn len(&self) -> usize;
    /// Everything that was written is ASCII, as far as the form wants to know.
    fn is_ascii(&self) -> bool;
    fn place(&self) -> Place;
    fn go_back(&mut self, place: Place);
    /// Nothing was too long for the form.
    fn is_complete(&self) -> bool;

    #[inline]
    fn reserve(&mut self, room: usize) {
        self.bytes().reserve(room);
    }

    fn push_null(&mut self);
    fn push_bool(&mut self, value: bool);

    /// # Safety
    /// [`Output::INT_ROOM`] was reserved.
    unsafe fn put_int(&mut self, value: i64);

    #[inline]
    fn push_int(&mut self, value: i64) {
        self.reserve(Self::INT_ROOM);
        // SAFETY: reserved above.
        unsafe { self.put_int(value) }
    }

    /// Write an integer beyond 64 bits with a sign, given by its digits.
    #[must_use]
    fn push_large_int(&mut self, digits: &[u8]) -> bool;

    /// Write a finite double. `exponent_sign`: as the version of Pydantic writes it, where that makes a difference.
    ///
    /// # Safety
    /// [`Output::FLOAT_ROOM`] was reserved.
    unsafe fn put_float(&mut self, value: f64, exponent_sign: bool);

    #[inline]
    fn push_float(&mut self, value: f64, exponent_sign: bool) {
        self.reserve(Self::FLOAT_ROOM);
        // SAFETY: reserved above.
        unsafe { self.put_float(value, exponent_sign) }
    }

    /// Write NaN or an infinity as itself.
    fn push_infinite(&mut self, value: f64);

    /// Write UTF-8; `wide` says that it is not all ASCII.
    ///
    /// # Safety
    /// The length of the text and [`Output::TEXT_ROOM`] were reserved.
    unsafe fn put_text(&mut self, text: &[u8], wide: bool);

    #[inline]
    fn push_text(&mut self, text: &[u8], wide: bool) {
        self.reserve(text.len() + Self::TEXT_ROOM);
        // SAFETY: reserved above.
        unsafe { self.put_text(text, wide) }
    }

    /// Write a text of so many ASCII characters, none of which is ever escaped, by what `write` adds.
    fn push_plain(&mut self, length: usize, write: impl FnOnce(&mut Vec<u8>));

    /// Write a text of ASCII characters, none of which is ever escaped.
    #[inline]
    fn push_ascii(&mut self, text: &[u8]) {
        self.push_plain(text.len(), |out| out.extend_from_slice(text));
    }

    /// Write bytes as bytes.
    #[must_use]
    fn push_binary(&mut self, bytes: &[u8]) -> bool;

    /// Write a piece that is a value or the key of a dict.
    fn push_piece(&mut self, piece: &Piece);

    fn begin_array(&mut self, length: usize);
    fn end_array(&mut self);
    fn begin_dict(&mut self, length: usize);
    fn end_dict(&mut self);
    /// Write what stands before an item of an array or a dict.
    fn next(&mut self, is_first: bool);
    /// Write what stands between a key and its value.
    fn colon(&mut self);

    /// A field's name, with what stands around it behind another member.
    fn name_piece(name: &str) -> Piece;

    /// Write such a piece.
    ///
    /// # Safety
    /// [`Piece::room`] was reserved.
    unsafe fn put_name(&mut self, piece: &Piece);

    /// Write such a piece without what stands before it.
    fn push_first_name(&mut self, piece: &Piece);

    #[inline]
    fn push_name(&mut self, piece: &Piece) {
        self.reserve(piece.room());
        // SAFETY: reserved above.
        unsafe { self.put_name(piece) }
    }

    /// Begin an object of at most so many members, whose number is known at the end; return how many bytes that takes.
    fn begin_members(&mut self, at_most: usize) -> usize;

    /// End an object whose members all begin with [`Output::put_name`].
    ///
    /// Args:
    ///     start: Where it began.
    ///     head: What [`Output::begin_members`] gave.
    ///     members: How many there are.
    ///
    /// Returns by how many bytes everything behind the object's beginning has moved: forward, or back.
    fn end_members(&mut self, start: usize, head: usize, members: usize) -> isize;

    /// What was written, as Python wants it. Returns a new reference, or null with an exception set.
    fn result(bytes: &[u8], is_ascii: bool, as_text: bool) -> Object;
}

/// Results of this size are copied without the GIL: that takes as long as other threads are let wait.
const LONG: usize = 1 << 20;

/// Make `bytes` of what was written. Null, with an exception set, if memory ran out.
#[inline]
pub fn bytes_object(bytes: &[u8]) -> Object {
    if bytes.len() >= LONG {
        return long_bytes_object(bytes);
    }
    // SAFETY: the object is made from as many bytes as there are.
    unsafe { ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), bytes.len() as isize) }
}

#[cold]
fn long_bytes_object(bytes: &[u8]) -> Object {
    // SAFETY: this runs within a call that holds the GIL; the object is as large as what is copied, and nobody else has it.
    unsafe {
        let object = ffi::PyBytes_FromStringAndSize(std::ptr::null(), bytes.len() as isize);
        if !object.is_null() {
            let target = std::slice::from_raw_parts_mut(ffi::PyBytes_AsString(object).cast::<u8>(), bytes.len());
            Python::assume_attached().detach(|| target.copy_from_slice(bytes));
        }
        object
    }
}
