//! A strict, forward-only reader of JSON text (RFC 8259), without a tree in between.
//!
//! It knows what is certain and nothing more: any text that is not plainly valid makes a method return `None`, and the
//! caller hands the whole document to Pydantic, whose verdict counts.

use memchr::memchr2;

use super::raw_number::RawNumber;
use crate::source::{Expected, RawString};

/// A position in JSON text.
#[derive(Clone)]
pub struct Cursor<'t> {
    text: &'t [u8],
    position: usize,
}

impl<'t> Cursor<'t> {
    /// Start at the beginning of a text.
    pub fn new(text: &'t [u8]) -> Self {
        Self { text, position: 0 }
    }

    /// Where the cursor stands, in bytes.
    #[inline]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Go back to a position that [`Self::position`] gave.
    #[inline]
    pub fn rewind(&mut self, position: usize) {
        self.position = position;
    }

    /// The text between two positions.
    pub fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Skip white space and return the next byte without taking it.
    #[inline(always)]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.position)?;
            if byte > b' ' {
                return Some(byte);
            }
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return None;
            }
            self.position += 1;
        }
    }

    /// Take the byte that [`Self::peek`] gave.
    #[inline(always)]
    pub fn step(&mut self) {
        self.position += 1;
    }

    /// Skip white space and take the next byte if it is this one.
    #[inline(always)]
    pub fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    /// Take these very bytes if they come next, without any white space before them.
    #[inline]
    pub fn take_exactly(&mut self, expected: &[u8]) -> bool {
        let found = self.text[self.position..].starts_with(expected);
        if found {
            self.position += expected.len();
        }
        found
    }

    /// Say whether nothing but white space is left.
    pub fn is_at_end(&mut self) -> bool {
        self.peek().is_none() && self.position == self.text.len()
    }

    /// Take a word such as `true`, after [`Self::peek`].
    #[inline]
    pub fn word(&mut self, word: &[u8]) -> Option<()> {
        self.take_exactly(word).then_some(())
    }

    /// Take a string, after [`Self::peek`] gave its opening quote.
    #[inline(always)]
    pub fn string(&mut self) -> Option<RawString<'t>> {
        let start = self.position + 1;
        let mut at = start;
        let mut is_ascii = true;
        let mut has_escapes = false;
        loop {
            at = skip_plain(self.text, at, &mut is_ascii);
            match *self.text.get(at)? {
                b'"' => break,
                b'\\' => {
                    // No escape has such a byte, and the run behind it would not know of it.
                    if !self.text.get(at + 1)?.is_ascii() {
                        return None;
                    }
                    has_escapes = true;
                    at += 2;
                }
                byte if byte < b' ' => return None,
                _ => at += 1,
            }
        }
        self.position = at + 1;
        let bytes = self.text.get(start..at)?;
        if !is_ascii && std::str::from_utf8(bytes).is_err() {
            return None;
        }
        Some(RawString { bytes, is_ascii, has_escapes })
    }

    /// Take these bytes if they come next.
    #[inline(always)]
    pub fn take_expected(&mut self, expected: &Expected) -> bool {
        let length = expected.length_in(&self.text[self.position..]);
        self.position += length;
        length != 0
    }

    /// Take a number, after [`Self::peek`] gave its first byte.
    #[inline(always)]
    pub fn number(&mut self) -> Option<RawNumber<'t>> {
        let start = self.position;
        let whole = start + usize::from(self.text.get(start) == Some(&b'-'));
        let mut digits = 0_u64;
        let mut at = self.digits(whole, &mut digits);
        // At least one digit, and no zero before others.
        if at == whole || (at > whole + 1 && self.text[whole] == b'0') {
            return None;
        }
        let mut number = RawNumber::EMPTY;
        if self.text.get(at) == Some(&b'.') {
            let fraction = at + 1;
            at = self.digits(fraction, &mut digits);
            number.is_integer = false;
            number.decimals = at - fraction;
            if number.decimals == 0 {
                return None;
            }
        }
        if let Some(b'e' | b'E') = self.text.get(at) {
            number.is_integer = false;
            number.has_exponent = true;
            at += 1;
            at += usize::from(matches!(self.text.get(at), Some(b'+' | b'-')));
            let exponent = at;
            at = self.digits(exponent, &mut 0);
            if at == exponent {
                return None;
            }
        }
        self.position = at;
        number.digits = digits;
        number.bytes = &self.text[start..at];
        Some(number)
    }

    /// Go over digits, and add them to a value.
    #[inline(always)]
    fn digits(&self, mut at: usize, value: &mut u64) -> usize {
        while let Some(byte) = self.text.get(at) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            *value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        at
    }

    /// Skip one value of any kind; it must be valid JSON and nested at most `levels` deep.
    pub fn skip_value(&mut self, levels: usize) -> Option<()> {
        match self.peek()? {
            b'"' => {
                let raw = self.string()?;
                if raw.has_escapes {
                    super::unescape::unescape(raw.bytes, &mut String::new())?;
                }
                Some(())
            }
            b'{' => {
                let levels = levels.checked_sub(1)?;
                self.position += 1;
                if self.take(b'}') {
                    return Some(());
                }
                loop {
                    if self.peek()? != b'"' {
                        return None;
                    }
                    let key = self.string()?;
                    if key.has_escapes {
                        super::unescape::unescape(key.bytes, &mut String::new())?;
                    }
                    if !self.take(b':') {
                        return None;
                    }
                    self.skip_value(levels)?;
                    if self.take(b'}') {
                        return Some(());
                    }
                    if !self.take(b',') {
                        return None;
                    }
                }
            }
            b'[' => {
                let levels = levels.checked_sub(1)?;
                self.position += 1;
                if self.take(b']') {
                    return Some(());
                }
                loop {
                    self.skip_value(levels)?;
                    if self.take(b']') {
                        return Some(());
                    }
                    if !self.take(b',') {
                        return None;
                    }
                }
            }
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number().and_then(|number| {
                // Pydantic refuses integers of more than 4300 digits, even where nobody reads them.
                (number.bytes.len() <= 4300).then_some(())
            }),
        }
    }
}

/// Skip bytes that mean nothing within a string, eight at a time, and note whether all of them are ASCII.
#[inline]
fn skip_plain(text: &[u8], mut at: usize, is_ascii: &mut bool) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut seen_high = 0;
    let long = at + BLOCK;
    while let Some(chunk) = text.get(at..at + 8) {
        let word = u64::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7]]);
        // The zero-byte test of "Hacker's Delight", once for each byte that ends a run; exact for the lowest hit.
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        let ends = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let ends = ends & HIGH;
        if ends == 0 {
            seen_high |= word & HIGH;
            at += 8;
            if at == long {
                let high;
                (at, high) = skip_blocks(text, at);
                seen_high |= u64::from(high) & HIGH;
            }
            continue;
        }
        let step = (ends.trailing_zeros() / 8) as usize;
        let before = if step == 0 { 0 } else { word & (u64::MAX >> (64 - 8 * step)) };
        seen_high |= before & HIGH;
        at += step;
        if seen_high != 0 {
            *is_ascii = false;
        }
        return at;
    }
    while let Some(&byte) = text.get(at) {
        if byte == b'"' || byte == b'\\' || byte < b' ' {
            break;
        }
        seen_high |= u64::from(byte & 0x80);
        at += 1;
    }
    if seen_high != 0 {
        *is_ascii = false;
    }
    at
}

/// Bytes of a long string that are looked at together.
const BLOCK: usize = 64;

/// Skip whole blocks of such bytes. Returns where they end, and all of them or-ed together.
///
/// Written so that the compiler makes vector instructions of it; that pays for strings of some hundred bytes.
#[inline(never)]
fn skip_blocks(text: &[u8], mut at: usize) -> (usize, u8) {
    let mut seen = 0;
    while let Some(block) = text[at..].first_chunk::<BLOCK>() {
        let (mut ends, mut all) = (0, 0);
        for &byte in block {
            ends |= u8::from(byte == b'"') | u8::from(byte == b'\\') | u8::from(byte < b' ');
            all |= byte;
        }
        if ends != 0 {
            break;
        }
        seen |= all;
        at += BLOCK;
    }
    (at, seen)
}

/// Find a byte that cannot be inside a key without ending or changing it.
pub fn needs_escape(text: &[u8]) -> bool {
    memchr2(b'"', b'\\', text).is_some() || text.iter().any(|byte| *byte < b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(text: &str) -> bool {
        let mut cursor = Cursor::new(text.as_bytes());
        cursor.skip_value(200).is_some() && cursor.is_at_end()
    }

    #[test]
    fn valid_documents_are_skipped_whole() {
        for text in [
            "0",
            "-0",
            "12.5e-3",
            " [1, 2 ,{\"a\" : null}] ",
            "\"\\u00e9\\n\"",
            "true",
            "{}",
            "[]",
            "\"\u{e9}\u{10ffff}\"",
            "\"abcdefghijklmnopqrstuvwxyz\"",
            "[\"12345678\\\"901\"]",
        ] {
            assert!(accepts(text), "{text}");
        }
    }

    #[test]
    fn invalid_documents_are_not() {
        for text in [
            "",
            "01",
            "1.",
            ".5",
            "-",
            "+1",
            "1e",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "\"\n\"",
            "\"a",
            "tru",
            "nul",
            "[1 2]",
            "\"\\x\"",
            "\"\\ud800\"",
            "1 2",
            "\u{feff}1",
            "NaN",
            "\"\t\"",
            "\"1234567\u{1}\"",
        ] {
            assert!(!accepts(text), "{text}");
        }
    }

    #[test]
    fn a_run_ends_at_the_first_special_byte_wherever_it_stands() {
        for length in (0..40).chain(56..80).chain(120..210) {
            for special in [b'"', b'\\', 0x1f] {
                let mut text = vec![b'a'; length];
                text.push(special);
                text.extend_from_slice(b"\xc3\xa9 and more text behind it");
                let mut is_ascii = true;
                assert_eq!(skip_plain(&text, 0, &mut is_ascii), length);
                assert!(is_ascii);
            }
            let mut text = vec![b'a'; length];
            text.extend_from_slice("é\"".as_bytes());
            let mut is_ascii = true;
            assert_eq!(skip_plain(&text, 0, &mut is_ascii), length + 2);
            assert!(!is_ascii);
        }
    }

    #[test]
    fn the_bytes_of_a_string_are_utf8_and_ascii_where_it_says_so() {
        for text in [&b"\"\\\xff\""[..], b"\"\\\xc3\xa9\"", b"\"\\n\xff\"", b"\"\\"] {
            assert!(Cursor::new(text).string().is_none(), "{text:?}");
        }
        let raw = Cursor::new("\"\\n\u{e9}\"".as_bytes()).string().unwrap();
        assert!(raw.has_escapes && !raw.is_ascii);
    }

    #[test]
    fn nesting_is_bounded() {
        let text = "[".repeat(201) + &"]".repeat(201);
        assert!(Cursor::new(text.as_bytes()).skip_value(200).is_none());
        assert!(Cursor::new(text.as_bytes()).skip_value(201).is_some());
    }
}
