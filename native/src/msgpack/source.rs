//! MessagePack as a source of values.

use std::borrow::Cow;
use std::ops::Range;

use super::cursor::{Binary, Cursor, Num, is_text};
use crate::source::{Document, Expected, Kind, Number, RawString, Source};

/// Larger integers the versions of Pydantic read differently into a `float`.
const LARGEST_FLOAT: u64 = 1 << 53;

/// The shortest form of a string: what every writer makes of a key.
pub fn expected_key(key: &[u8]) -> Expected {
    match u8::try_from(key.len()) {
        Ok(length @ 0..=31) => Expected::new(&[&[0xa0 | length], key].concat()),
        Ok(length) => Expected::new(&[&[0xd9, length], key].concat()),
        Err(_) => Expected::nothing(),
    }
}

impl Number for Num {
    #[inline(always)]
    fn is_integer(&self) -> bool {
        !matches!(self, Self::Float(_))
    }

    #[inline(always)]
    fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    #[inline(always)]
    fn as_small_f64(&self) -> Option<f64> {
        self.as_i64().filter(|value| value.unsigned_abs() <= LARGEST_FLOAT).map(|value| value as f64)
    }

    #[inline(always)]
    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) if value.is_finite() => Some(*value),
            _ => None,
        }
    }

    fn digits(&self) -> Option<Cow<'_, [u8]>> {
        let mut buffer = itoa::Buffer::new();
        Some(Cow::Owned(match self {
            Self::Integer(value) => buffer.format(*value).as_bytes().to_vec(),
            Self::Large(value) => buffer.format(*value).as_bytes().to_vec(),
            Self::Float(_) => return None,
        }))
    }
}

impl Document for Cursor<'_> {
    fn json(&self, start: usize, end: usize) -> Option<Cow<'_, [u8]>> {
        let mut cursor = self.clone();
        cursor.rewind(start);
        cursor.json_until(end).map(Cow::Owned)
    }

    fn key_at(&self, position: usize) -> Option<String> {
        let mut cursor = self.clone();
        cursor.rewind(position);
        String::from_utf8(Cursor::string(&mut cursor)?.to_vec()).ok()
    }
}

impl<'t> Source<'t> for Cursor<'t> {
    type Number = Num;
    /// Items or members that are still to come.
    type Open = usize;

    const EVERY_VALUE_COUNTS: bool = false;

    #[inline(always)]
    fn position(&self) -> usize {
        Cursor::position(self)
    }

    #[inline(always)]
    fn next_position(&mut self) -> usize {
        Cursor::position(self)
    }

    #[inline(always)]
    fn rewind(&mut self, position: usize) {
        Cursor::rewind(self, position);
    }

    #[inline(always)]
    fn kind(&mut self) -> Kind {
        match self.peek() {
            Some(0x00..=0x7f | 0xca..=0xd3 | 0xe0..=0xff) => Kind::Number,
            Some(0x80..=0x8f | 0xde | 0xdf) => Kind::Object,
            Some(0x90..=0x9f | 0xdc | 0xdd) => Kind::Array,
            Some(0xa0..=0xbf | 0xd9..=0xdb) => Kind::String,
            Some(0xc0) => Kind::Null,
            Some(0xc2 | 0xc3) => Kind::Truth,
            Some(0xc4..=0xc6) if matches!(Cursor::binary(self), Binary::Marked(_)) => Kind::Binary,
            _ => Kind::Other,
        }
    }

    #[inline(always)]
    fn is_null(&mut self) -> bool {
        self.peek() == Some(0xc0)
    }

    #[inline(always)]
    fn is_number(&mut self) -> bool {
        matches!(self.peek(), Some(0x00..=0x7f | 0xca..=0xd3 | 0xe0..=0xff))
    }

    #[inline(always)]
    fn is_string(&mut self) -> bool {
        matches!(self.peek(), Some(0xa0..=0xbf | 0xd9..=0xdb))
    }

    #[inline(always)]
    fn is_array(&mut self) -> bool {
        matches!(self.peek(), Some(0x90..=0x9f | 0xdc | 0xdd))
    }

    #[inline(always)]
    fn is_object(&mut self) -> bool {
        matches!(self.peek(), Some(0x80..=0x8f | 0xde | 0xdf))
    }

    #[inline(always)]
    fn null(&mut self) -> Option<()> {
        self.advance(1);
        Some(())
    }

    #[inline(always)]
    fn truth(&mut self) -> Option<bool> {
        let is_true = self.peek() == Some(0xc3);
        self.advance(1);
        Some(is_true)
    }

    #[inline(always)]
    fn number(&mut self) -> Option<Num> {
        Cursor::number(self)
    }

    #[inline(always)]
    fn string(&mut self) -> Option<RawString<'t>> {
        let bytes = Cursor::string(self)?;
        let is_ascii = bytes.is_ascii();
        (is_ascii || is_text(bytes)).then_some(RawString { bytes, is_ascii, has_escapes: false })
    }

    fn binary(&mut self) -> Option<&'t [u8]> {
        match Cursor::binary(self) {
            Binary::Marked(_) => self.bin(),
            Binary::Text => None,
        }
    }

    #[inline(always)]
    fn enter_array(&mut self) -> Option<usize> {
        self.array()
    }

    #[inline(always)]
    fn enter_object(&mut self) -> Option<usize> {
        self.map()
    }

    #[inline(always)]
    fn goes_on(&mut self, open: &mut usize) -> Option<bool> {
        match open.checked_sub(1) {
            Some(left) => {
                *open = left;
                Some(true)
            }
            None => Some(false),
        }
    }

    #[inline(always)]
    fn key(&mut self) -> Option<RawString<'t>> {
        Source::string(self)
    }

    #[inline(always)]
    fn take_key(&mut self, expected: &Expected) -> bool {
        let length = expected.length_in(self.rest());
        self.advance(length);
        length != 0
    }

    fn skip_value(&mut self, levels: usize) -> Option<()> {
        Cursor::skip_value(self, levels)
    }

    fn is_at_end(&mut self) -> bool {
        Cursor::is_at_end(self)
    }

    fn all_counting(&self, position: usize, levels: usize) -> Option<Range<usize>> {
        let mut cursor = self.clone();
        Cursor::rewind(&mut cursor, position);
        cursor.skip_distinct(levels)?;
        Some(position..Cursor::position(&cursor))
    }
}
