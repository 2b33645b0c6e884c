//! MessagePack, as an [`Output`].

use crate::memory::Buffer;
use crate::msgpack::write::{
    FALSE, Head, LONGEST_HEAD, NIL, TRUE, map_head_length, write_array_head, write_bin_head, write_float, write_int,
    write_map_head, write_str_head, write_uint,
};

use super::node::Object;
use super::output::{Output, Piece, Place, bytes_object};

#[derive(Default)]
pub struct Packed {
    bytes: Buffer,
    /// Something has more than 2^32 bytes or items.
    is_too_long: bool,
}

impl Packed {
    /// Write the head of something by one of the functions for it.
    #[inline(always)]
    fn push_head(&mut self, write: impl FnOnce(&mut Head) -> Option<usize>) {
        self.bytes.reserve(LONGEST_HEAD);
        // SAFETY: reserved above.
        unsafe { self.put_head(write) }
    }

    /// # Safety
    /// [`LONGEST_HEAD`] was reserved.
    #[inline(always)]
    unsafe fn put_head(&mut self, write: impl FnOnce(&mut Head) -> Option<usize>) {
        let length = self.bytes.len();
        // SAFETY: that many bytes were reserved; the function says how many of them it wrote, and does not read them.
        unsafe {
            let target = &mut *self.bytes.as_mut_ptr().add(length).cast::<Head>();
            match write(target) {
                Some(written) => self.bytes.set_len(length + written),
                None => self.is_too_long = true,
            }
        }
    }
}

/// Copy a text. Most are short, and cost more to call for than to copy: two words that may overlap hold them.
///
/// # Safety
/// There is room for it.
#[inline(always)]
unsafe fn copy(text: &[u8], target: *mut u8) {
    // SAFETY: each word lies within the text, and so within the room.
    unsafe {
        if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>())
            && text.len() <= 32
        {
            target.cast::<[u8; 16]>().write_unaligned(*first);
            target.add(text.len() - 16).cast::<[u8; 16]>().write_unaligned(*last);
        } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>())
            && text.len() < 16
        {
            target.cast::<[u8; 8]>().write_unaligned(*first);
            target.add(text.len() - 8).cast::<[u8; 8]>().write_unaligned(*last);
        } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>())
            && text.len() < 8
        {
            target.cast::<[u8; 4]>().write_unaligned(*first);
            target.add(text.len() - 4).cast::<[u8; 4]>().write_unaligned(*last);
        } else {
            target.copy_from_nonoverlapping(text.as_ptr(), text.len());
        }
    }
}

impl Output for Packed {
    const IS_COUNTED: bool = true;
    const TEXT_ROOM: usize = LONGEST_HEAD;
    const INT_ROOM: usize = LONGEST_HEAD;
    const FLOAT_ROOM: usize = LONGEST_HEAD;

    #[inline]
    fn behind(bytes: Buffer) -> Self {
        Self { bytes, is_too_long: false }
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
        false
    }

    #[inline]
    fn is_complete(&self) -> bool {
        !self.is_too_long
    }

    #[inline]
    fn place(&self) -> Place {
        Place { length: self.bytes.len(), wide: false }
    }

    fn go_back(&mut self, place: Place) {
        self.bytes.truncate(place.length);
    }

    #[inline]
    fn push_null(&mut self) {
        self.bytes.push(NIL);
    }

    #[inline]
    fn push_bool(&mut self, value: bool) {
        self.bytes.push(if value { TRUE } else { FALSE });
    }

    #[inline(always)]
    unsafe fn put_int(&mut self, value: i64) {
        // SAFETY: the caller has reserved it.
        unsafe { self.put_head(|head| Some(write_int(head, value))) }
    }

    fn push_large_int(&mut self, digits: &[u8]) -> bool {
        let Some(value) = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) else {
            return false;
        };
        self.push_head(|head| Some(write_uint(head, value)));
        true
    }

    #[inline(always)]
    unsafe fn put_float(&mut self, value: f64, _: bool) {
        // SAFETY: the caller has reserved it.
        unsafe { self.put_head(|head| Some(write_float(head, value))) }
    }

    #[inline]
    fn push_infinite(&mut self, value: f64) {
        self.push_float(value, false);
    }

    #[inline(always)]
    unsafe fn put_text(&mut self, text: &[u8], _: bool) {
        // SAFETY: the caller has reserved room for the head and the text.
        unsafe {
            self.put_head(|head| write_str_head(head, text.len()));
            let length = self.bytes.len();
            copy(text, self.bytes.as_mut_ptr().add(length));
            self.bytes.set_len(length + text.len());
        }
    }

    #[inline]
    fn push_plain(&mut self, length: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.reserve(length + LONGEST_HEAD);
        self.push_head(|head| write_str_head(head, length));
        write(&mut self.bytes);
    }

    fn push_binary(&mut self, bytes: &[u8]) -> bool {
        self.push_head(|head| write_bin_head(head, bytes.len()));
        self.bytes.extend_from_slice(bytes);
        true
    }

    #[inline]
    fn push_piece(&mut self, piece: &Piece) {
        self.push_name(piece);
    }

    #[inline]
    fn begin_array(&mut self, length: usize) {
        self.push_head(|head| write_array_head(head, length));
    }

    #[inline]
    fn end_array(&mut self) {}

    #[inline]
    fn begin_dict(&mut self, length: usize) {
        self.push_head(|head| write_map_head(head, length));
    }

    #[inline]
    fn end_dict(&mut self) {}

    #[inline]
    fn next(&mut self, _: bool) {}

    #[inline]
    fn colon(&mut self) {}

    fn name_piece(name: &str) -> Piece {
        let mut text = Self::default();
        text.push_text(name.as_bytes(), false);
        Piece::new(&text.bytes)
    }

    #[inline(always)]
    unsafe fn put_name(&mut self, piece: &Piece) {
        // SAFETY: the caller has reserved it.
        unsafe { piece.put(&mut self.bytes) }
    }

    #[inline]
    fn push_first_name(&mut self, piece: &Piece) {
        self.push_name(piece);
    }

    #[inline]
    fn begin_members(&mut self, at_most: usize) -> usize {
        if at_most < 16 {
            self.bytes.push(0);
            return 1;
        }
        let head = map_head_length(at_most);
        self.bytes.extend_from_slice(&[0; LONGEST_HEAD][..head]);
        head
    }

    #[inline]
    fn end_members(&mut self, start: usize, head: usize, members: usize) -> isize {
        if head == 1 && members < 16 {
            self.bytes[start] = 0x80 | members as u8;
            return 0;
        }
        self.put_members(start, head, members)
    }

    #[inline]
    fn result(bytes: &[u8], _: bool, _: bool) -> Object {
        bytes_object(bytes)
    }
}

impl Packed {
    /// Put the number of members into the head that was left for it, or make the head longer or shorter.
    #[cold]
    #[inline(never)]
    fn put_members(&mut self, start: usize, head: usize, members: usize) -> isize {
        let mut wanted = [0; LONGEST_HEAD];
        let Some(length) = write_map_head(&mut wanted, members) else {
            self.is_too_long = true;
            return 0;
        };
        if length == head {
            self.bytes[start..start + head].copy_from_slice(&wanted[..head]);
        } else {
            self.bytes.reserve(length);
            self.bytes.splice(start..start + head, wanted[..length].iter().copied());
        }
        length as isize - head as isize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind_a_byte() -> Packed {
        let mut out = Packed::default();
        out.push_bool(true);
        out
    }

    #[test]
    fn the_number_of_members_may_be_another_than_expected() {
        for expected in [0, 15, 16, 70_000] {
            for found in [0, 1, 15, 16, 65_535, 65_536] {
                let mut out = behind_a_byte();
                let head = out.begin_members(expected);
                out.push_text(b"content", false);
                let moved = out.end_members(1, head, found);
                let mut plain = behind_a_byte();
                plain.begin_dict(found);
                let length = plain.len();
                plain.push_text(b"content", false);
                assert_eq!(*out.bytes, *plain.bytes);
                assert_eq!(moved, length as isize - 1 - head as isize);
            }
        }
    }
}
