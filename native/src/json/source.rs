//! JSON text as a source of values.

use std::borrow::Cow;

use super::cursor::{Cursor, needs_escape};
use super::raw_number::RawNumber;
use super::unescape::unescape;
use crate::source::{Document, Expected, Kind, Number, RawString, Source};

/// Pydantic refuses integers with more digits.
const MOST_DIGITS: usize = 4300;

/// Integers with more characters its versions read differently into a `float`.
const FLOAT_DIGITS: usize = 18;

/// An array or object that is being read.
#[derive(Clone, Copy)]
pub struct Open {
    closing: u8,
    is_first: bool,
}

/// A key with its colon; one that would have to be escaped is never expected.
pub fn expected_key(key: &[u8]) -> Expected {
    if needs_escape(key) { Expected::nothing() } else { Expected::new(&[b"\"", key, b"\":"].concat()) }
}

impl Number for RawNumber<'_> {
    #[inline(always)]
    fn is_integer(&self) -> bool {
        self.is_integer
    }

    #[inline(always)]
    fn as_i64(&self) -> Option<i64> {
        RawNumber::as_i64(self)
    }

    #[inline(always)]
    fn as_small_f64(&self) -> Option<f64> {
        // Pydantic reads an integer first, so `-0` is 0.0 here.
        RawNumber::as_i64(self).filter(|_| self.bytes.len() <= FLOAT_DIGITS).map(|value| value as f64)
    }

    #[inline(always)]
    fn as_f64(&self) -> Option<f64> {
        RawNumber::as_f64(self)
    }

    fn digits(&self) -> Option<Cow<'_, [u8]>> {
        (self.bytes.len() <= MOST_DIGITS).then_some(Cow::Borrowed(self.bytes))
    }
}

impl Document for Cursor<'_> {
    fn json(&self, start: usize, end: usize) -> Option<Cow<'_, [u8]>> {
        Some(Cow::Borrowed(self.slice(start, end)))
    }

    fn key_at(&self, position: usize) -> Option<String> {
        let mut cursor = self.clone();
        cursor.rewind(position);
        let raw = cursor.string()?;
        let mut text = String::new();
        unescape(raw.bytes, &mut text)?;
        Some(text)
    }
}

impl<'t> Source<'t> for Cursor<'t> {
    type Number = RawNumber<'t>;
    type Open = Open;

    #[inline(always)]
    fn position(&self) -> usize {
        Cursor::position(self)
    }

    #[inline(always)]
    fn next_position(&mut self) -> usize {
        self.peek();
        Cursor::position(self)
    }

    #[inline(always)]
    fn rewind(&mut self, position: usize) {
        Cursor::rewind(self, position);
    }

    #[inline(always)]
    fn kind(&mut self) -> Kind {
        match self.peek() {
            Some(b'"') => Kind::String,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Truth,
            _ => Kind::Other, // NaN, Infinity, or no JSON at all
        }
    }

    #[inline(always)]
    fn is_null(&mut self) -> bool {
        self.peek() == Some(b'n')
    }

    #[inline(always)]
    fn is_number(&mut self) -> bool {
        matches!(self.peek(), Some(b'-' | b'0'..=b'9'))
    }

    #[inline(always)]
    fn is_string(&mut self) -> bool {
        self.peek() == Some(b'"')
    }

    #[inline(always)]
    fn is_array(&mut self) -> bool {
        self.peek() == Some(b'[')
    }

    #[inline(always)]
    fn is_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    #[inline(always)]
    fn null(&mut self) -> Option<()> {
        self.word(b"null")
    }

    #[inline(always)]
    fn truth(&mut self) -> Option<bool> {
        let is_true = self.peek() == Some(b't');
        self.word(if is_true { b"true" } else { b"false" }).map(|()| is_true)
    }

    #[inline(always)]
    fn number(&mut self) -> Option<RawNumber<'t>> {
        Cursor::number(self)
    }

    #[inline(always)]
    fn string(&mut self) -> Option<RawString<'t>> {
        Cursor::string(self)
    }

    fn binary(&mut self) -> Option<&'t [u8]> {
        None
    }

    #[inline(always)]
    fn enter_array(&mut self) -> Option<Open> {
        self.step();
        Some(Open { closing: b']', is_first: true })
    }

    #[inline(always)]
    fn enter_object(&mut self) -> Option<Open> {
        self.step();
        Some(Open { closing: b'}', is_first: true })
    }

    #[inline(always)]
    fn goes_on(&mut self, open: &mut Open) -> Option<bool> {
        let is_first = std::mem::replace(&mut open.is_first, false);
        match self.peek() {
            Some(byte) if byte == open.closing => {
                self.step();
                Some(false)
            }
            Some(b',') if !is_first => {
                self.step();
                Some(true)
            }
            Some(_) if is_first => Some(true),
            _ => None,
        }
    }

    #[inline(always)]
    fn key(&mut self) -> Option<RawString<'t>> {
        if !self.is_string() {
            return None;
        }
        let raw = Cursor::string(self)?;
        self.take(b':').then_some(raw)
    }

    #[inline(always)]
    fn take_key(&mut self, expected: &Expected) -> bool {
        self.is_string() && self.take_expected(expected)
    }

    fn skip_value(&mut self, levels: usize) -> Option<()> {
        Cursor::skip_value(self, levels)
    }

    fn is_at_end(&mut self) -> bool {
        Cursor::is_at_end(self)
    }
}
