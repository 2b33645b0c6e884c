//! MessagePack as JSON text, for parts that somebody else reads.
//!
//! The text is what `pydantic_core.to_json(value, inf_nan_mode="constants")` gives for the same value.

use super::cursor::{Binary, Cursor, Num, Token, is_text};
use crate::json::escape::{ESCAPES, escape, push_base64};
use crate::json::number::{LONGEST_FLOAT, LONGEST_INT, write_float, write_int};
use crate::memory::Buffer;

/// Levels of arrays and maps that are written; what has been read is not nested so deep.
pub const DEEPEST: usize = 512;

/// Append the JSON text of the next value; `None` where it has none.
pub fn write_value(cursor: &mut Cursor<'_>, text: &mut Buffer, levels: usize) -> Option<()> {
    match cursor.token()? {
        Token::Null => text.extend_from_slice(b"null"),
        Token::Truth(truth) => text.extend_from_slice(if truth { b"true" } else { b"false" }),
        Token::Number(number) => write_number(text, number),
        Token::String(bytes) => write_string(text, bytes)?,
        Token::Binary(bytes) => match cursor.binary() {
            Binary::Text => write_string(text, bytes)?,
            Binary::Marked(mark) => write_marked(text, mark, bytes),
        },
        Token::Array(count) => {
            let levels = levels.checked_sub(1)?;
            text.push(b'[');
            for index in 0..count {
                if index > 0 {
                    text.push(b',');
                }
                write_value(cursor, text, levels)?;
            }
            text.push(b']');
        }
        Token::Map(count) => {
            let levels = levels.checked_sub(1)?;
            text.push(b'{');
            for index in 0..count {
                if index > 0 {
                    text.push(b',');
                }
                write_string(text, cursor.string()?)?;
                text.push(b':');
                write_value(cursor, text, levels)?;
            }
            text.push(b'}');
        }
    }
    Some(())
}

fn write_number(text: &mut Buffer, number: Num) {
    match number {
        Num::Integer(value) => {
            let mut digits = [0; LONGEST_INT];
            let length = write_int(&mut digits, value);
            text.extend_from_slice(&digits[..length]);
        }
        Num::Large(value) => text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        Num::Float(value) if value.is_nan() => text.extend_from_slice(b"NaN"),
        Num::Float(value) if value.is_infinite() => {
            text.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
        }
        Num::Float(value) => {
            let mut digits = [0; LONGEST_FLOAT];
            let length = write_float(&mut digits, value, false);
            text.extend_from_slice(&digits[..length]);
        }
    }
}

/// The JSON string of a text that goes on.
pub fn opened_string(text: &str) -> Vec<u8> {
    let mut out = Buffer::with_room(text.len() + 2);
    push_string(&mut out, text.as_bytes());
    out.pop(); // the quote
    out.into_inner()
}

/// Append a JSON string; `None` if the bytes are no text.
fn write_string(text: &mut Buffer, bytes: &[u8]) -> Option<()> {
    is_text(bytes).then(|| push_string(text, bytes))
}

fn push_string(text: &mut Buffer, bytes: &[u8]) {
    text.push(b'"');
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| ESCAPES[usize::from(*byte)] != 0) {
        text.extend_from_slice(&rest[..at]);
        let (escaped, length) = escape(rest[at]);
        text.extend_from_slice(&escaped[..length]);
        rest = &rest[at + 1..];
    }
    text.extend_from_slice(rest);
    text.push(b'"');
}

fn write_marked(text: &mut Buffer, mark: &[u8], bytes: &[u8]) {
    text.extend_from_slice(mark);
    let start = text.len();
    push_base64(text, bytes);
    for digit in &mut text[start..] {
        match digit {
            b'-' => *digit = b'+',
            b'_' => *digit = b'/',
            _ => {}
        }
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(data: &[u8], binary: Binary<'_>) -> Option<String> {
        let text = Cursor::new(data, binary).json_until(data.len())?;
        String::from_utf8(text).ok()
    }

    #[test]
    fn every_kind_of_value_has_its_text() {
        let data = b"\x84\xa1a\x93\x01\xff\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1\"\x93\xc0\xc2\xc3\xa0\
            \x93\xcb\x3f\xf8\0\0\0\0\0\0\xca\x7f\x80\0\0\xca\xff\x80\0\0\xa1\n\x80";
        let text = r#"{"a":[1,-1,18446744073709551615],"\"":[null,false,true],"":[1.5,Infinity,-Infinity],"\n":{}}"#;
        assert_eq!(json(data, Binary::Text).unwrap(), text);
        assert_eq!(json(b"\xca\x7f\xc0\0\0", Binary::Text).unwrap(), "NaN");
    }

    #[test]
    fn bytes_are_text_or_marked() {
        assert_eq!(json(b"\xc4\x02\xc3\xa9", Binary::Text).unwrap(), "\"é\"");
        assert!(json(b"\xc4\x01\xff", Binary::Text).is_none());
        assert_eq!(json(b"\xc4\x02\xfb\xff", Binary::Marked(b"\"m:")).unwrap(), r#""m:+/8=""#);
    }

    #[test]
    fn what_json_does_not_have_has_no_text() {
        for data in [&b"\xd4\x01\x00"[..], b"\x81\x01\x02", b"\xa1\xff", b"\x91", b"\xc1"] {
            assert!(json(data, Binary::Text).is_none(), "{data:?}");
        }
    }
}
