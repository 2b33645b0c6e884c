//! JSON text, as an [`Output`].

use pyo3::ffi;

use crate::json::escape::{ESCAPES, escape};
use crate::json::number::{LONGEST_FLOAT, LONGEST_INT, write_float, write_int};
use crate::memory::Buffer;

use super::clean_copy::copy_clean;
use super::node::Object;
use super::output::{Output, Piece, Place, bytes_object};

#[derive(Default)]
pub struct JsonText {
    bytes: Buffer,
    /// Some text was not ASCII.
    wide: bool,
}

impl Output for JsonText {
    const IS_COUNTED: bool = false;
    /// Quotes, and the rest of the last block.
    const TEXT_ROOM: usize = 18;
    const INT_ROOM: usize = LONGEST_INT;
    const FLOAT_ROOM: usize = LONGEST_FLOAT;

    #[inline]
    fn behind(bytes: Buffer) -> Self {
        Self { bytes, wide: false }
    }

    #[inline]
    fn bytes(&mut self) -> &mut Buffer {
        &mut self.bytes
    }

    #[inline]
    fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn is_ascii(&self) -> bool {
        !self.wide
    }

    #[inline]
    fn place(&self) -> Place {
        Place { length: self.bytes.len(), wide: self.wide }
    }

    fn go_back(&mut self, place: Place) {
        self.bytes.truncate(place.length);
        self.wide = place.wide;
    }

    #[inline]
    fn is_complete(&self) -> bool {
        true
    }

    #[inline]
    fn push_null(&mut self) {
        self.bytes.extend_from_slice(b"null");
    }

    #[inline]
    fn push_bool(&mut self, value: bool) {
        self.bytes.extend_from_slice(if value { b"true" } else { b"false" });
    }

    #[inline(always)]
    unsafe fn put_int(&mut self, value: i64) {
        let length = self.bytes.len();
        // SAFETY: that many bytes were reserved; `write_int` says how many of them it wrote, and does not read them.
        unsafe {
            let target = &mut *self.bytes.as_mut_ptr().add(length).cast::<[u8; LONGEST_INT]>();
            let written = write_int(target, value);
            self.bytes.set_len(length + written);
        }
    }

    fn push_large_int(&mut self, digits: &[u8]) -> bool {
        self.bytes.extend_from_slice(digits);
        true
    }

    #[inline]
    unsafe fn put_float(&mut self, value: f64, exponent_sign: bool) {
        let length = self.bytes.len();
        // SAFETY: as in `put_int`.
        unsafe {
            let target = &mut *self.bytes.as_mut_ptr().add(length).cast::<[u8; LONGEST_FLOAT]>();
            let written = write_float(target, value, exponent_sign);
            self.bytes.set_len(length + written);
        }
    }

    fn push_infinite(&mut self, value: f64) {
        self.bytes.extend_from_slice(constant(value));
    }

    #[inline(always)]
    unsafe fn put_text(&mut self, text: &[u8], wide: bool) {
        self.wide |= wide;
        let length = self.bytes.len();
        // SAFETY: every write stays within the text's length, rounded up to a block, plus the two quotes.
        unsafe {
            let start = self.bytes.as_mut_ptr().add(length);
            start.write(b'"');
            let clean = copy_clean(text, start.add(1));
            if clean < text.len() {
                self.bytes.set_len(length + 1 + clean);
                self.push_escaped(&text[clean..]);
                return;
            }
            start.add(1 + clean).write(b'"');
            self.bytes.set_len(length + 2 + clean);
        }
    }

    #[inline]
    fn push_plain(&mut self, length: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.reserve(length + 2);
        self.bytes.push(b'"');
        write(&mut self.bytes);
        self.bytes.push(b'"');
    }

    /// JSON has no bytes.
    fn push_binary(&mut self, _: &[u8]) -> bool {
        false
    }

    #[inline]
    fn push_piece(&mut self, piece: &Piece) {
        self.push_name(piece);
    }

    #[inline]
    fn begin_array(&mut self, _: usize) {
        self.bytes.push(b'[');
    }

    #[inline]
    fn end_array(&mut self) {
        self.bytes.push(b']');
    }

    #[inline]
    fn begin_dict(&mut self, _: usize) {
        self.bytes.push(b'{');
    }

    #[inline]
    fn end_dict(&mut self) {
        self.bytes.push(b'}');
    }

    #[inline]
    fn next(&mut self, is_first: bool) {
        if !is_first {
            self.bytes.push(b',');
        }
    }

    #[inline]
    fn colon(&mut self) {
        self.bytes.push(b':');
    }

    /// `,"name":`
    fn name_piece(name: &str) -> Piece {
        let mut text = Self::default();
        text.next(false);
        text.push_text(name.as_bytes(), !name.is_ascii());
        text.colon();
        Piece::new(&text.bytes)
    }

    #[inline(always)]
    unsafe fn put_name(&mut self, piece: &Piece) {
        self.wide |= !piece.is_ascii;
        // SAFETY: the caller has reserved it.
        unsafe { piece.put(&mut self.bytes) }
    }

    #[inline]
    fn push_first_name(&mut self, piece: &Piece) {
        self.wide |= !piece.is_ascii;
        piece.push_rest(&mut self.bytes);
    }

    /// The comma of the first member becomes the bracket.
    #[inline]
    fn begin_members(&mut self, _: usize) -> usize {
        0
    }

    #[inline]
    fn end_members(&mut self, start: usize, _: usize, _: usize) -> isize {
        if self.bytes.len() == start {
            self.bytes.push(b'{');
        } else {
            self.bytes[start] = b'{';
        }
        self.bytes.push(b'}');
        0
    }

    #[inline]
    fn result(bytes: &[u8], is_ascii: bool, as_text: bool) -> Object {
        // SAFETY: the object is as large as the text, and nobody else has it yet.
        unsafe {
            if !as_text {
                return bytes_object(bytes);
            }
            if !is_ascii {
                return ffi::PyUnicode_DecodeUTF8(bytes.as_ptr().cast(), bytes.len() as isize, std::ptr::null());
            }
            let object = ffi::PyUnicode_New(bytes.len() as isize, 127);
            if !object.is_null() {
                let data = object.cast::<ffi::PyASCIIObject>().add(1).cast::<u8>();
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len());
            }
            object
        }
    }
}

/// The name of NaN or an infinity.
pub fn constant(value: f64) -> &'static [u8] {
    match (value.is_nan(), value > 0.0) {
        (true, _) => b"NaN",
        (_, true) => b"Infinity",
        (_, false) => b"-Infinity",
    }
}

impl JsonText {
    /// The rest of a string whose first character is one that is escaped.
    #[cold]
    #[inline(never)]
    fn push_escaped(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some((first, tail)) = rest.split_first() {
            if ESCAPES[*first as usize] != 0 {
                let (written, length) = escape(*first);
                self.bytes.extend_from_slice(&written[..length]);
                rest = tail;
                continue;
            }
            let length = self.bytes.len();
            self.bytes.reserve(rest.len() + 16);
            // SAFETY: as in `put_text`.
            unsafe {
                let clean = copy_clean(rest, self.bytes.as_mut_ptr().add(length));
                self.bytes.set_len(length + clean);
                rest = &rest[clean..];
            }
        }
        self.bytes.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plainly(text: &[u8]) -> Vec<u8> {
        let mut out = vec![b'"'];
        for byte in text {
            if ESCAPES[*byte as usize] == 0 {
                out.push(*byte);
            } else {
                let (written, length) = escape(*byte);
                out.extend_from_slice(&written[..length]);
            }
        }
        out.push(b'"');
        out
    }

    #[test]
    fn strings_of_every_length_with_an_escape_at_every_place_are_written() {
        for length in 0..70 {
            for special in [b'a', b'"', b'\\', b'\n', 0, 0x1f, 0x20, 0x7f, 0x80, 0xff] {
                for at in 0..=length {
                    let mut text = vec![b'x'; length];
                    if at < length {
                        text[at] = special;
                        text[length - 1 - at] = special;
                    }
                    let mut out = JsonText::default();
                    out.push_text(&text, false);
                    assert_eq!(*out.bytes, plainly(&text));
                }
            }
        }
    }

    #[test]
    fn pieces_are_copied_whole() {
        for length in 0..50 {
            let text: Vec<u8> = (0..length).map(|byte| b'a' + byte % 26).collect();
            let mut out = JsonText::default();
            out.begin_array(1);
            out.push_piece(&Piece::new(&text));
            assert_eq!(out.bytes[1..], text);
            if length > 0 {
                let mut out = JsonText::default();
                out.push_first_name(&Piece::new(&text));
                assert_eq!(*out.bytes, text[1..]);
            }
        }
    }
}
