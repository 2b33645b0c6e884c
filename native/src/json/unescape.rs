//! The text of a JSON string with escapes (RFC 8259, section 7).

use crate::memory::room;

/// Append the text of a string to `text`; `None` for an escape that JSON does not have, or for half a surrogate pair.
///
/// `bytes` is what stands between the quotes, valid UTF-8.
pub fn unescape(bytes: &[u8], text: &mut String) -> Option<()> {
    room(text, bytes.len()); // no escape is shorter than its character
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.push_str(std::str::from_utf8(&rest[..at]).ok()?);
        let escape = *rest.get(at + 1)?;
        rest = &rest[at + 2..];
        text.push(match escape {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = unit(&mut rest)?;
                match first {
                    0xd800..=0xdbff => {
                        rest = rest.strip_prefix(b"\\u")?;
                        let second = unit(&mut rest)?;
                        if !(0xdc00..=0xdfff).contains(&second) {
                            return None;
                        }
                        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
                    }
                    _ => char::from_u32(first)?, // None for a lone low surrogate
                }
            }
            _ => return None,
        });
    }
    text.push_str(std::str::from_utf8(rest).ok()?);
    Some(())
}

/// Take four hexadecimal digits.
fn unit(rest: &mut &[u8]) -> Option<u32> {
    let digits = rest.get(..4)?;
    let mut value = 0;
    for digit in digits {
        value = value << 4 | (*digit as char).to_digit(16)?;
    }
    *rest = &rest[4..];
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::unescape;

    fn text(escaped: &str) -> Option<String> {
        let mut text = String::new();
        unescape(escaped.as_bytes(), &mut text).map(|()| text)
    }

    #[test]
    fn every_escape_has_its_character() {
        assert_eq!(text(r#"a\"\\\/\b\f\n\r\té"#).unwrap(), "a\"\\/\u{8}\u{c}\n\r\té");
        assert_eq!(text(r"\u00e9\u20AC\ud83d\ude00").unwrap(), "é€😀");
        assert_eq!(text(r"\u0000").unwrap(), "\0");
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        for escaped in [r"\x41", r"\u12", r"\ud800", r"\ud800\u0041", r"\udc00", r"\u+123", "\\"] {
            assert!(text(escaped).is_none(), "{escaped}");
        }
    }
}
