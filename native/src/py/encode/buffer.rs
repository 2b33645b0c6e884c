//! The text being written: a byte vector that is written to with few checks.

use crate::json::escape::{ESCAPES, escape};
use crate::json::number::{LONGEST_FLOAT, LONGEST_INT, write_float, write_int};

/// Text that stands in every document of a type, padded so that it is copied without a loop where it is short.
pub struct Piece {
    head: [[u8; 16]; 2],
    /// What does not fit into the head.
    tail: Box<[u8]>,
    length: usize,
    is_ascii: bool,
}

impl Piece {
    pub fn new(text: &[u8]) -> Self {
        let mut head = [[0; 16]; 2];
        let (first, tail) = text.split_at(text.len().min(32));
        head.as_flattened_mut()[..first.len()].copy_from_slice(first);
        Self { head, tail: tail.into(), length: text.len(), is_ascii: text.is_ascii() }
    }

    /// What has to be reserved to write it.
    #[inline(always)]
    pub fn room(&self) -> usize {
        32 + self.tail.len()
    }
}

/// How much more room than its length a string needs: quotes, and the rest of its last block.
pub const STRING_ROOM: usize = 18;

#[derive(Default)]
pub struct Buffer {
    pub bytes: Vec<u8>,
    /// Some text was not ASCII.
    pub wide: bool,
}

impl Buffer {
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    #[inline]
    pub fn extend(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
    }

    /// Make sure that so many bytes can be written.
    #[inline]
    pub fn reserve(&mut self, room: usize) {
        self.bytes.reserve(room);
    }

    /// # Safety
    /// [`Piece::room`] was reserved.
    #[inline(always)]
    pub unsafe fn put_piece(&mut self, piece: &Piece) {
        let length = self.bytes.len();
        self.wide |= !piece.is_ascii;
        // SAFETY: room for the head was reserved; as much of it as the piece is long is text.
        unsafe {
            let target = self.bytes.as_mut_ptr().add(length).cast::<[u8; 16]>();
            target.write_unaligned(piece.head[0]);
            target.add(1).write_unaligned(piece.head[1]);
            self.bytes.set_len(length + piece.length.min(32));
        }
        if piece.length > 32 {
            self.extend(&piece.tail);
        }
    }

    #[inline]
    pub fn push_piece(&mut self, piece: &Piece) {
        self.reserve(piece.room());
        // SAFETY: reserved above.
        unsafe { self.put_piece(piece) }
    }

    /// Write a piece without its first character, a comma.
    #[inline]
    pub fn push_piece_behind_comma(&mut self, piece: &Piece) {
        self.wide |= !piece.is_ascii;
        self.extend(&piece.head.as_flattened()[1..piece.length.min(32)]);
        self.extend(&piece.tail);
    }

    #[inline]
    pub fn push_int(&mut self, value: i64) {
        self.reserve(LONGEST_INT);
        // SAFETY: reserved above.
        unsafe { self.put_int(value) }
    }

    /// # Safety
    /// [`LONGEST_INT`] was reserved.
    #[inline(always)]
    pub unsafe fn put_int(&mut self, value: i64) {
        let length = self.bytes.len();
        // SAFETY: that many bytes were reserved; `write_int` says how many of them it wrote, and does not read them.
        unsafe {
            let target = &mut *self.bytes.as_mut_ptr().add(length).cast::<[u8; LONGEST_INT]>();
            let written = write_int(target, value);
            self.bytes.set_len(length + written);
        }
    }

    #[inline]
    pub fn push_float(&mut self, value: f64, exponent_sign: bool) {
        self.reserve(LONGEST_FLOAT);
        let length = self.bytes.len();
        // SAFETY: as in `put_int`.
        unsafe {
            let target = &mut *self.bytes.as_mut_ptr().add(length).cast::<[u8; LONGEST_FLOAT]>();
            let written = write_float(target, value, exponent_sign);
            self.bytes.set_len(length + written);
        }
    }

    /// Write text that has nothing to escape between quotes.
    #[inline]
    pub fn push_quoted(&mut self, text: &[u8]) {
        self.bytes.reserve(text.len() + 2);
        self.push(b'"');
        self.extend(text);
        self.push(b'"');
    }

    /// Write a string: UTF-8, escaped and between quotes.
    #[inline]
    pub fn push_string(&mut self, text: &[u8]) {
        self.reserve(text.len() + STRING_ROOM);
        // SAFETY: reserved above.
        unsafe { self.put_string(text) }
    }

    /// # Safety
    /// The length of the text and [`STRING_ROOM`] were reserved.
    #[inline(always)]
    pub unsafe fn put_string(&mut self, text: &[u8]) {
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

    /// The rest of a string whose first character is one that is escaped.
    #[cold]
    #[inline(never)]
    fn push_escaped(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some((first, tail)) = rest.split_first() {
            if ESCAPES[*first as usize] != 0 {
                let (written, length) = escape(*first);
                self.extend(&written[..length]);
                rest = tail;
                continue;
            }
            let length = self.bytes.len();
            self.bytes.reserve(rest.len() + 16);
            // SAFETY: as in `push_string`.
            unsafe {
                let clean = copy_clean(rest, self.bytes.as_mut_ptr().add(length));
                self.bytes.set_len(length + clean);
                rest = &rest[clean..];
            }
        }
        self.push(b'"');
    }
}

/// Copy text up to the first character that is escaped; return how much that is.
///
/// # Safety
/// `target` has room for the text and 16 bytes more.
#[cfg(target_arch = "x86_64")]
#[inline]
unsafe fn copy_clean(text: &[u8], target: *mut u8) -> usize {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_set_epi64x, _mm_storeu_si128};

    let mut at = 0;
    // SAFETY: blocks are read only where 16 bytes are left; SSE2 is part of x86-64; for writes the caller vouches.
    unsafe {
        while text.len() - at >= 16 {
            let block = _mm_loadu_si128(text.as_ptr().add(at).cast::<__m128i>());
            _mm_storeu_si128(target.add(at).cast::<__m128i>(), block);
            let found = special(block);
            if found != 0 {
                return first_special(at, found);
            }
            at += 16;
        }
        let rest = &text[at..];
        if rest.is_empty() {
            return at;
        }
        let (low, high) = load_partial(rest);
        let block = _mm_set_epi64x(high as i64, low as i64);
        _mm_storeu_si128(target.add(at).cast::<__m128i>(), block);
        let found = special(block) & ((1 << rest.len()) - 1);
        if found != 0 { first_special(at, found) } else { text.len() }
    }
}

/// A call, so that what is written next does not wait for the answer where nothing is escaped.
#[cfg(target_arch = "x86_64")]
#[cold]
#[inline(never)]
fn first_special(at: usize, found: u32) -> usize {
    at + found.trailing_zeros() as usize
}

/// One bit for each byte that is escaped.
#[cfg(target_arch = "x86_64")]
#[inline]
fn special(block: std::arch::x86_64::__m128i) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};

    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
        let quote = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'"' as i8));
        let backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'\\' as i8));
        _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))) as u32
    }
}

/// Up to 15 bytes, at least 1, as two little-endian words; the bytes behind them are 0.
#[cfg(target_arch = "x86_64")]
#[inline]
fn load_partial(bytes: &[u8]) -> (u64, u64) {
    let length = bytes.len();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let half = |at: usize| u64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")));
    if length >= 8 {
        (word(0), word(length - 8).unbounded_shr(8 * (16 - length as u32)))
    } else if length >= 4 {
        (half(0) | half(length - 4) << (8 * (length - 4)), 0)
    } else {
        let middle = length / 2;
        let (first, second, third) = (bytes[0], bytes[middle], bytes[length - 1]);
        (u64::from(first) | u64::from(second) << (8 * middle) | u64::from(third) << (8 * (length - 1)), 0)
    }
}

/// Copy text up to the first character that is escaped; return how much that is.
///
/// # Safety
/// `target` has room for the text.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
unsafe fn copy_clean(text: &[u8], target: *mut u8) -> usize {
    let clean = text.iter().position(|byte| ESCAPES[*byte as usize] != 0).unwrap_or(text.len());
    // SAFETY: the caller says that there is room; what is written to is no part of the text.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), target, clean) };
    clean
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
                    let mut out = Buffer::default();
                    out.push_string(&text);
                    assert_eq!(out.bytes, plainly(&text));
                }
            }
        }
    }

    #[test]
    fn pieces_are_copied_whole() {
        for length in 0..50 {
            let text: Vec<u8> = (0..length).map(|byte| b'a' + byte % 26).collect();
            let mut out = Buffer::default();
            out.push(b'[');
            out.push_piece(&Piece::new(&text));
            assert_eq!(out.bytes[1..], text);
            if length > 0 {
                let mut out = Buffer::default();
                out.push_piece_behind_comma(&Piece::new(&text));
                assert_eq!(out.bytes, text[1..]);
            }
        }
    }

    #[test]
    fn the_bytes_of_short_texts_are_in_order() {
        for length in 1..16_usize {
            let bytes: Vec<u8> = (1..=length as u8).collect();
            let (low, high) = load_partial(&bytes);
            let all = [low.to_le_bytes(), high.to_le_bytes()].concat();
            assert_eq!(all[..length], bytes);
            assert!(all[length..].iter().all(|byte| *byte == 0), "{length}: {all:?}");
        }
    }
}
