//! Bytes that stand in a text as base64 or hexadecimal digits.
//!
//! Only the one form is read that Pydantic itself writes; what else it accepts is left to it.

use crate::memory::with_room;

/// Read URL-safe base64 with padding (RFC 4648, section 5).
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = &text[..text.len() - padding];
    if padding > 2 {
        return None;
    }
    let mut bytes = with_room(text.len() / 4 * 3);
    for group in digits.chunks(4) {
        let mut word = 0_u32;
        for byte in group {
            word = word << 6 | sextet(*byte)?;
        }
        match group.len() {
            4 => bytes.extend_from_slice(&word.to_be_bytes()[1..]),
            3 if word & 0b11 == 0 => bytes.extend_from_slice(&(word << 6).to_be_bytes()[1..3]),
            2 if word & 0b1111 == 0 => bytes.push((word >> 4) as u8),
            _ => return None, // bits that stand for nothing
        }
    }
    Some(bytes)
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    }))
}

/// Read lower-case hexadecimal digits.
pub fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = with_room(text.len() / 2);
    for pair in text.chunks(2) {
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{base64, hex};

    #[test]
    fn base64_has_one_form() {
        assert_eq!(base64(b"").unwrap(), b"");
        assert_eq!(base64(b"aA==").unwrap(), b"h");
        assert_eq!(base64(b"aGU=").unwrap(), b"he");
        assert_eq!(base64(b"aGVs").unwrap(), b"hel");
        assert_eq!(base64(b"-_-_").unwrap(), [0xfb, 0xff, 0xbf]);
        for text in ["aA", "aA=", "aB==", "a===", "====", "+/+/", "aGV=", "aG=s", "aA==aA=="] {
            assert!(base64(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn hex_has_one_form() {
        assert_eq!(hex(b"00ff1a").unwrap(), [0, 0xff, 0x1a]);
        assert!(hex(b"0").is_none() && hex(b"FF").is_none() && hex(b"0g").is_none());
    }
}
