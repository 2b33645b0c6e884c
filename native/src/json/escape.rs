//! Which characters of a string JSON escapes, and how.

use crate::memory::room;

/// For each byte the letter behind the backslash: 0 where nothing is escaped, `u` for `\u00XX`.
pub static ESCAPES: [u8; 256] = table();

const fn table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The escape of a byte for which [`ESCAPES`] is not 0, and its length.
#[inline]
pub fn escape(byte: u8) -> ([u8; 6], usize) {
    match ESCAPES[byte as usize] {
        b'u' => {
            let (high, low) = (HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]);
            ([b'\\', b'u', b'0', b'0', high, low], 6)
        }
        letter => ([b'\\', letter, 0, 0, 0, 0], 2),
    }
}

/// Write bytes as lower-case hexadecimal digits.
pub fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    room(out, bytes.len() * 2);
    for byte in bytes {
        out.extend_from_slice(&[HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]]);
    }
}

const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters that so many bytes take in base64.
pub fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Write bytes as URL-safe base64 with padding.
pub fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    room(out, base64_length(bytes.len()));
    for chunk in bytes.chunks(3) {
        let block = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, block[0], block[1], block[2]]);
        let digit = |shift: u32| URL_SAFE[(bits >> shift) as usize & 63];
        let third = if chunk.len() > 1 { digit(6) } else { b'=' };
        let fourth = if chunk.len() > 2 { digit(0) } else { b'=' };
        out.extend_from_slice(&[digit(18), digit(12), third, fourth]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_quotes_backslashes_and_control_characters_are_escaped() {
        for byte in 0..=255_u8 {
            let expected = byte < 0x20 || byte == b'"' || byte == b'\\';
            assert_eq!(ESCAPES[byte as usize] != 0, expected, "{byte}");
        }
        assert_eq!(&escape(0x1f).0, b"\\u001f");
        assert_eq!(&escape(b'\n').0[..2], b"\\n");
        assert_eq!(escape(b'"').1, 2);
    }

    #[test]
    fn base64_is_url_safe_and_padded() {
        let encoded = |bytes: &[u8]| {
            let mut out = Vec::new();
            push_base64(&mut out, bytes);
            assert_eq!(out.len(), base64_length(bytes.len()));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(encoded(b""), "");
        assert_eq!(encoded(b"f"), "Zg==");
        assert_eq!(encoded(b"fo"), "Zm8=");
        assert_eq!(encoded(b"foo"), "Zm9v");
        assert_eq!(encoded(&[0xfb, 0xff, 0xfe]), "-__-");
    }

    #[test]
    fn hex_is_lower_case() {
        let mut out = Vec::new();
        push_hex(&mut out, &[0x00, 0xff, 0x1a]);
        assert_eq!(out, b"00ff1a");
    }
}
