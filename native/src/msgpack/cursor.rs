//! A strict, forward-only reader of MessagePack, without a tree in between.
//!
//! Nothing is believed of what a document claims: a length is compared with the bytes that are left before anybody
//! allocates anything by it. What is not certain (extension types, keys that are no strings) ends the reading.

use super::json;
use crate::memory::{Buffer, push};

/// What stands for bytes where a document is read as JSON, which has none.
#[derive(Clone, Copy)]
pub enum Binary<'t> {
    /// The text that they are in UTF-8.
    Text,
    /// A string: this beginning of a JSON string, and base64.
    Marked(&'t [u8]),
}

/// A position in a document.
#[derive(Clone)]
pub struct Cursor<'t> {
    data: &'t [u8],
    position: usize,
    binary: Binary<'t>,
}

/// One value, or the head of an array or map: how many items or members follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'t> {
    Null,
    Truth(bool),
    Number(Num),
    /// Not yet known to be UTF-8.
    String(&'t [u8]),
    Binary(&'t [u8]),
    Array(usize),
    Map(usize),
}

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Num {
    Integer(i64),
    /// Beyond the signed integers.
    Large(u64),
    Float(f64),
}

impl<'t> Cursor<'t> {
    /// Start at the beginning of a document.
    pub fn new(data: &'t [u8], binary: Binary<'t>) -> Self {
        Self { data, position: 0, binary }
    }

    /// Where the cursor stands, in bytes.
    #[inline(always)]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Go back to a position where the cursor has been.
    #[inline(always)]
    pub fn rewind(&mut self, position: usize) {
        self.position = position;
    }

    /// What stands for bytes.
    pub fn binary(&self) -> Binary<'t> {
        self.binary
    }

    /// The document between two positions.
    pub fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.data.get(start..end).unwrap_or_default()
    }

    /// Say whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.position == self.data.len()
    }

    /// The first byte of the next value, which is not taken.
    #[inline(always)]
    pub fn peek(&self) -> Option<u8> {
        self.data.get(self.position).copied()
    }

    /// What is left of the document.
    #[inline(always)]
    pub fn rest(&self) -> &'t [u8] {
        &self.data[self.position..]
    }

    /// Go on by so many bytes, which [`Self::rest`] has.
    #[inline(always)]
    pub fn advance(&mut self, count: usize) {
        self.position += count;
    }

    /// Take so many bytes.
    #[inline(always)]
    fn take(&mut self, count: usize) -> Option<&'t [u8]> {
        let taken = self.rest().get(..count)?;
        self.position += count;
        Some(taken)
    }

    #[inline(always)]
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = *self.rest().first_chunk::<N>()?;
        self.position += N;
        Some(taken)
    }

    /// Take a length of one, two or four bytes.
    #[inline(always)]
    fn length(&mut self, width: u8) -> Option<usize> {
        Some(match width {
            0 => usize::from(self.bytes::<1>()?[0]),
            1 => usize::from(u16::from_be_bytes(self.bytes()?)),
            _ => u32::from_be_bytes(self.bytes()?) as usize,
        })
    }

    /// The number of items that an array claims, each of at least so many bytes.
    #[inline(always)]
    fn claimed(&self, count: usize, least: usize) -> Option<usize> {
        (count <= self.rest().len() / least).then_some(count)
    }

    /// Take a number; `None` for anything else.
    #[inline(always)]
    pub fn number(&mut self) -> Option<Num> {
        let first = self.peek()?;
        if !(0x80..0xe0).contains(&first) {
            self.position += 1;
            return Some(Num::Integer(i64::from(first as i8)));
        }
        self.wide_number(first)
    }

    #[inline]
    fn wide_number(&mut self, first: u8) -> Option<Num> {
        self.position += 1;
        Some(match first {
            0xca => Num::Float(f64::from(f32::from_be_bytes(self.bytes()?))),
            0xcb => Num::Float(f64::from_be_bytes(self.bytes()?)),
            0xcc => Num::Integer(self.bytes::<1>()?[0].into()),
            0xcd => Num::Integer(u16::from_be_bytes(self.bytes()?).into()),
            0xce => Num::Integer(u32::from_be_bytes(self.bytes()?).into()),
            0xcf => {
                let value = u64::from_be_bytes(self.bytes()?);
                i64::try_from(value).map_or(Num::Large(value), Num::Integer)
            }
            0xd0 => Num::Integer((self.bytes::<1>()?[0] as i8).into()),
            0xd1 => Num::Integer(i16::from_be_bytes(self.bytes()?).into()),
            0xd2 => Num::Integer(i32::from_be_bytes(self.bytes()?).into()),
            0xd3 => Num::Integer(i64::from_be_bytes(self.bytes()?)),
            _ => {
                self.position -= 1;
                return None;
            }
        })
    }

    /// Take the bytes of a string, which nobody has found to be UTF-8 yet; `None` for anything else.
    #[inline(always)]
    pub fn string(&mut self) -> Option<&'t [u8]> {
        let first = self.peek()?;
        if first & 0xe0 == 0xa0 {
            self.position += 1;
            return self.take(usize::from(first & 0x1f));
        }
        self.long_string(first)
    }

    #[inline]
    fn long_string(&mut self, first: u8) -> Option<&'t [u8]> {
        let width = first.checked_sub(0xd9).filter(|width| *width <= 2)?;
        self.position += 1;
        let length = self.length(width)?;
        self.take(length)
    }

    /// Take the head of an array; `None` for anything else.
    #[inline(always)]
    pub fn array(&mut self) -> Option<usize> {
        let first = self.peek()?;
        let count = if first & 0xf0 == 0x90 {
            self.position += 1;
            usize::from(first & 0x0f)
        } else {
            let width = first.checked_sub(0xdb).filter(|width| matches!(width, 1 | 2))?;
            self.position += 1;
            self.length(width)?
        };
        self.claimed(count, 1)
    }

    /// Take the head of a map; `None` for anything else.
    #[inline(always)]
    pub fn map(&mut self) -> Option<usize> {
        let first = self.peek()?;
        let count = if first & 0xf0 == 0x80 {
            self.position += 1;
            usize::from(first & 0x0f)
        } else {
            let width = first.checked_sub(0xdd).filter(|width| matches!(width, 1 | 2))?;
            self.position += 1;
            self.length(width)?
        };
        self.claimed(count, 2)
    }

    /// Take bytes; `None` for anything else.
    pub fn bin(&mut self) -> Option<&'t [u8]> {
        let width = self.peek()?.checked_sub(0xc4).filter(|width| *width <= 2)?;
        self.position += 1;
        let length = self.length(width)?;
        self.take(length)
    }

    /// Take whatever comes next: a value, or the head of an array or map.
    pub fn token(&mut self) -> Option<Token<'t>> {
        Some(match self.peek()? {
            0x00..=0x7f | 0xca..=0xd3 | 0xe0..=0xff => Token::Number(self.number()?),
            0x80..=0x8f | 0xde | 0xdf => Token::Map(self.map()?),
            0x90..=0x9f | 0xdc | 0xdd => Token::Array(self.array()?),
            0xa0..=0xbf | 0xd9..=0xdb => Token::String(self.string()?),
            0xc4..=0xc6 => Token::Binary(self.bin()?),
            byte @ (0xc0 | 0xc2 | 0xc3) => {
                self.position += 1;
                if byte == 0xc0 { Token::Null } else { Token::Truth(byte == 0xc3) }
            }
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return None, // no type, and types of somebody's own
        })
    }

    /// Take a value of an extension type, which is nobody's here; `None` for anything else.
    pub fn extension(&mut self) -> Option<&'t [u8]> {
        let first = self.peek()?;
        let fixed = match first {
            0xd4..=0xd8 => Some(1_usize << (first - 0xd4)),
            0xc7..=0xc9 => None,
            _ => return None,
        };
        self.position += 1;
        let length = match fixed {
            Some(length) => length,
            None => self.length(first - 0xc7)?,
        };
        self.take(1 + length)
    }

    /// Skip one value that can be read as JSON, nested at most `levels` deep.
    pub fn skip_value(&mut self, levels: usize) -> Option<()> {
        match self.token()? {
            Token::Null | Token::Truth(_) | Token::Number(_) => Some(()),
            Token::String(bytes) => is_text(bytes).then_some(()),
            Token::Binary(bytes) => match self.binary {
                Binary::Text => is_text(bytes).then_some(()),
                Binary::Marked(_) => Some(()),
            },
            Token::Array(count) => {
                let levels = levels.checked_sub(1)?;
                (0..count).try_for_each(|_| self.skip_value(levels))
            }
            Token::Map(count) => {
                let levels = levels.checked_sub(1)?;
                (0..count).try_for_each(|_| {
                    self.string().filter(|key| is_text(key))?;
                    self.skip_value(levels)
                })
            }
        }
    }

    /// Skip one value that has no map with a key twice, nested at most `levels` deep. What else is wrong with it is left to
    /// its reader.
    pub fn skip_distinct(&mut self, levels: usize) -> Option<()> {
        match self.token()? {
            Token::Array(count) => {
                let levels = levels.checked_sub(1)?;
                (0..count).try_for_each(|_| self.skip_distinct(levels))
            }
            Token::Map(count) => {
                let levels = levels.checked_sub(1)?;
                let mut keys = Vec::new(); // as many as there are, not as many as are claimed
                for _ in 0..count {
                    push(&mut keys, self.string()?);
                    self.skip_distinct(levels)?;
                }
                keys.sort_unstable();
                keys.windows(2).all(|pair| pair[0] != pair[1]).then_some(())
            }
            _ => Some(()),
        }
    }

    /// The JSON text of the values up to a position.
    pub fn json_until(&mut self, end: usize) -> Option<Vec<u8>> {
        let mut text = Buffer::with_room((end - self.position) * 2);
        while self.position < end {
            json::write_value(self, &mut text, json::DEEPEST)?;
        }
        Some(text.into_inner())
    }
}

/// Say whether bytes are UTF-8.
#[inline]
pub fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(data: &[u8]) -> bool {
        let mut cursor = Cursor::new(data, Binary::Text);
        cursor.skip_value(200).is_some() && cursor.is_at_end()
    }

    fn number(data: &[u8]) -> Option<Num> {
        Cursor::new(data, Binary::Text).number()
    }

    #[test]
    fn numbers_have_many_forms() {
        for (data, value) in [
            (&b"\x00"[..], 0),
            (b"\x7f", 127),
            (b"\xff", -1),
            (b"\xe0", -32),
            (b"\xcc\xff", 255),
            (b"\xcd\xff\xff", 65_535),
            (b"\xce\xff\xff\xff\xff", 4_294_967_295),
            (b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", i64::MAX),
            (b"\xd0\x80", -128),
            (b"\xd1\x80\x00", -32_768),
            (b"\xd2\x80\x00\x00\x00", -2_147_483_648),
            (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", i64::MIN),
        ] {
            assert_eq!(number(data), Some(Num::Integer(value)), "{data:?}");
            assert_eq!(number(&data[..data.len() - 1]), None, "{data:?}");
        }
        assert_eq!(number(b"\xcf\x80\0\0\0\0\0\0\0"), Some(Num::Large(1 << 63)));
        assert_eq!(number(b"\xca\x3f\xc0\0\0"), Some(Num::Float(1.5)));
        assert_eq!(number(b"\xcb\x3f\xf8\0\0\0\0\0\0"), Some(Num::Float(1.5)));
        assert_eq!(number(b"\xc0"), None);
    }

    #[test]
    fn valid_documents_are_skipped_whole() {
        for data in [
            &b"\xc0"[..],
            b"\x93\xc2\xc3\xc0",
            b"\x82\xa1a\x01\xd9\x01b\x90",
            b"\xdc\x00\x01\xda\x00\x01x",
            b"\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x01x\xdd\x00\x00\x00\x00",
            b"\xde\x00\x01\xa0\x80",
            b"\xc4\x01a",
            b"\xc5\x00\x01a",
            b"\xc6\x00\x00\x00\x01a",
            b"\xa2\xc3\xa9",
        ] {
            assert!(accepts(data), "{data:?}");
            assert!(!accepts(&data[..data.len() - 1]), "{data:?}");
            assert!(!accepts(&[data, b"\xc0"].concat()), "{data:?}");
        }
    }

    #[test]
    fn what_is_not_certain_is_not_skipped() {
        for data in [
            &b""[..],
            b"\xc1",
            b"\xd4\x01\x00",
            b"\xd6\xff\x00\x00\x00\x01",
            b"\xc7\x00\x06",
            b"\x81\x01\x02",
            b"\x81\xc0\x02",
            b"\x81\xc4\x01a\x02",
            b"\xa1\xff",
            b"\x81\xa1\xff\x01",
            b"\xc4\x01\xff",
            b"\xdd\xff\xff\xff\xff",
            b"\xdf\xff\xff\xff\xff",
            b"\xdb\xff\xff\xff\xff",
            b"\xc6\xff\xff\xff\xff",
        ] {
            assert!(!accepts(data), "{data:?}");
        }
    }

    #[test]
    fn a_claim_is_compared_with_what_is_left() {
        let mut cursor = Cursor::new(b"\xdd\x00\x00\x00\x03\x01\x02", Binary::Text);
        assert_eq!(cursor.array(), None);
        let mut cursor = Cursor::new(b"\xdf\x00\x00\x00\x02\xa0\x01\xa0", Binary::Text);
        assert_eq!(cursor.map(), None);
        let mut cursor = Cursor::new(b"\x92\x01\x02", Binary::Text);
        assert_eq!(cursor.array(), Some(2));
    }

    #[test]
    fn bytes_that_are_marked_need_not_be_text() {
        let mut cursor = Cursor::new(b"\xc4\x01\xff", Binary::Marked(b"\"m"));
        assert!(cursor.skip_value(0).is_some());
    }

    #[test]
    fn keys_that_stand_twice_are_found_in_every_form_and_depth() {
        for (data, expected) in [
            (&b"\x82\xa1a\x01\xa1b\x01"[..], true),
            (b"\x82\xa1a\x01\xd9\x01a\x01", false),
            (b"\x91\x81\xa1a\x82\xa1x\x01\xa1x\x01", false),
            (b"\x92\x81\xa1a\x01\x81\xa1a\x01", true),
            (b"\x82\xa1a\x01", false),
            (b"\xa1a", true),
        ] {
            assert_eq!(Cursor::new(data, Binary::Text).skip_distinct(9).is_some(), expected, "{data:?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let data = [vec![0x91; 200], vec![0xc0]].concat();
        assert!(Cursor::new(&data, Binary::Text).skip_value(199).is_none());
        assert!(Cursor::new(&data, Binary::Text).skip_value(200).is_some());
    }

    #[test]
    fn any_bytes_are_read_to_an_end() {
        // A linear congruential generator (Knuth's MMIX constants): the same bytes every time.
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        for _ in 0..20_000 {
            let data: Vec<u8> = (0..24).map(|_| next()).collect();
            let mut cursor = Cursor::new(&data, Binary::Marked(b"\"m"));
            if cursor.skip_value(200).is_some() {
                let end = cursor.position();
                assert!(end <= data.len());
                cursor.rewind(0);
                assert!(cursor.json_until(end).is_some(), "{data:?}");
            }
        }
    }
}
