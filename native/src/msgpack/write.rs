//! Values and headers, each in its smallest form.

/// Room for the head of anything: its type, and a length or a number of up to eight bytes.
pub const LONGEST_HEAD: usize = 9;

pub const NIL: u8 = 0xc0;
pub const FALSE: u8 = 0xc2;
pub const TRUE: u8 = 0xc3;

/// The beginning of a value: what follows it is content, or other values.
pub type Head = [u8; LONGEST_HEAD];

/// Put a type and a big-endian number of `WIDTH` bytes at the start of `out`; return how much that is.
#[inline]
fn put<const WIDTH: usize>(out: &mut Head, kind: u8, number: [u8; WIDTH]) -> usize {
    out[0] = kind;
    out[1..=WIDTH].copy_from_slice(&number);
    1 + WIDTH
}

/// Write an integer at the start of `out`; return its length.
#[inline]
pub fn write_int(out: &mut Head, value: i64) -> usize {
    if value >= 0 {
        return write_uint(out, value as u64);
    }
    if value >= -32 {
        out[0] = value as u8;
        1
    } else if let Ok(value) = i8::try_from(value) {
        put(out, 0xd0, value.to_be_bytes())
    } else if let Ok(value) = i16::try_from(value) {
        put(out, 0xd1, value.to_be_bytes())
    } else if let Ok(value) = i32::try_from(value) {
        put(out, 0xd2, value.to_be_bytes())
    } else {
        put(out, 0xd3, value.to_be_bytes())
    }
}

/// Write an integer that is not negative at the start of `out`; return its length.
#[inline]
pub fn write_uint(out: &mut Head, value: u64) -> usize {
    if value < 0x80 {
        out[0] = value as u8;
        1
    } else if let Ok(value) = u8::try_from(value) {
        put(out, 0xcc, [value])
    } else if let Ok(value) = u16::try_from(value) {
        put(out, 0xcd, value.to_be_bytes())
    } else if let Ok(value) = u32::try_from(value) {
        put(out, 0xce, value.to_be_bytes())
    } else {
        put(out, 0xcf, value.to_be_bytes())
    }
}

/// Write a double at the start of `out`; return its length.
#[inline]
pub fn write_float(out: &mut Head, value: f64) -> usize {
    put(out, 0xcb, value.to_bits().to_be_bytes())
}

/// Write the head of a text of so many bytes; `None` if there is none for that many.
#[inline]
pub fn write_str_head(out: &mut Head, length: usize) -> Option<usize> {
    if length < 32 {
        out[0] = 0xa0 | length as u8;
        Some(1)
    } else if let Ok(length) = u8::try_from(length) {
        Some(put(out, 0xd9, [length]))
    } else {
        write_long_head(out, length, 0xda, 0xdb)
    }
}

/// The same for bytes.
#[inline]
pub fn write_bin_head(out: &mut Head, length: usize) -> Option<usize> {
    if let Ok(length) = u8::try_from(length) {
        return Some(put(out, 0xc4, [length]));
    }
    write_long_head(out, length, 0xc5, 0xc6)
}

/// The same for an array of so many items.
#[inline]
pub fn write_array_head(out: &mut Head, length: usize) -> Option<usize> {
    if length < 16 {
        out[0] = 0x90 | length as u8;
        return Some(1);
    }
    write_long_head(out, length, 0xdc, 0xdd)
}

/// The same for a map of so many pairs.
#[inline]
pub fn write_map_head(out: &mut Head, length: usize) -> Option<usize> {
    if length < 16 {
        out[0] = 0x80 | length as u8;
        return Some(1);
    }
    write_long_head(out, length, 0xde, 0xdf)
}

/// Bytes of the head of a map of so many pairs.
#[inline]
pub fn map_head_length(length: usize) -> usize {
    match length {
        0..16 => 1,
        16..0x1_0000 => 3,
        _ => 5,
    }
}

fn write_long_head(out: &mut Head, length: usize, short: u8, long: u8) -> Option<usize> {
    if let Ok(length) = u16::try_from(length) {
        return Some(put(out, short, length.to_be_bytes()));
    }
    Some(put(out, long, u32::try_from(length).ok()?.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: i64) -> Vec<u8> {
        let mut out = [0; LONGEST_HEAD];
        let length = write_int(&mut out, value);
        out[..length].to_vec()
    }

    fn head(write: fn(&mut Head, usize) -> Option<usize>, length: usize) -> Option<Vec<u8>> {
        let mut out = [0; LONGEST_HEAD];
        let written = write(&mut out, length)?;
        Some(out[..written].to_vec())
    }

    #[test]
    fn integers_take_the_smallest_form() {
        for (value, expected) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0xcc, 0x80]),
            (255, &[0xcc, 0xff]),
            (256, &[0xcd, 1, 0]),
            (65_535, &[0xcd, 0xff, 0xff]),
            (65_536, &[0xce, 0, 1, 0, 0]),
            (4_294_967_295, &[0xce, 0xff, 0xff, 0xff, 0xff]),
            (4_294_967_296, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
            (i64::MAX, &[0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (-1, &[0xff]),
            (-32, &[0xe0]),
            (-33, &[0xd0, 0xdf]),
            (-128, &[0xd0, 0x80]),
            (-129, &[0xd1, 0xff, 0x7f]),
            (-32_768, &[0xd1, 0x80, 0]),
            (-32_769, &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
            (-2_147_483_648, &[0xd2, 0x80, 0, 0, 0]),
            (-2_147_483_649, &[0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
            (i64::MIN, &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            assert_eq!(int(value), expected, "{value}");
        }
        let mut out = [0; LONGEST_HEAD];
        assert_eq!(write_uint(&mut out, u64::MAX), 9);
        assert_eq!(out, [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn floats_are_doubles_bit_for_bit() {
        for bits in [0, 1, 0x8000_0000_0000_0000, 0x3ff8_0000_0000_0000, 0x7ff8_0000_0000_0001, u64::MAX] {
            let mut out = [0; LONGEST_HEAD];
            assert_eq!(write_float(&mut out, f64::from_bits(bits)), 9);
            assert_eq!((out[0], &out[1..]), (0xcb, &bits.to_be_bytes()[..]));
        }
    }

    #[test]
    fn heads_take_the_smallest_form() {
        let (short, long) = (0xffff, 0x1_0000);
        for (write, length, expected) in [
            (write_str_head as fn(&mut Head, usize) -> Option<usize>, 0, &[0xa0][..]),
            (write_str_head, 31, &[0xbf]),
            (write_str_head, 32, &[0xd9, 32]),
            (write_str_head, 255, &[0xd9, 255]),
            (write_str_head, 256, &[0xda, 1, 0]),
            (write_str_head, short, &[0xda, 0xff, 0xff]),
            (write_str_head, long, &[0xdb, 0, 1, 0, 0]),
            (write_bin_head, 0, &[0xc4, 0]),
            (write_bin_head, 255, &[0xc4, 255]),
            (write_bin_head, 256, &[0xc5, 1, 0]),
            (write_bin_head, short, &[0xc5, 0xff, 0xff]),
            (write_bin_head, long, &[0xc6, 0, 1, 0, 0]),
            (write_array_head, 0, &[0x90]),
            (write_array_head, 15, &[0x9f]),
            (write_array_head, 16, &[0xdc, 0, 16]),
            (write_array_head, short, &[0xdc, 0xff, 0xff]),
            (write_array_head, long, &[0xdd, 0, 1, 0, 0]),
            (write_map_head, 0, &[0x80]),
            (write_map_head, 15, &[0x8f]),
            (write_map_head, 16, &[0xde, 0, 16]),
            (write_map_head, short, &[0xde, 0xff, 0xff]),
            (write_map_head, long, &[0xdf, 0, 1, 0, 0]),
        ] {
            assert_eq!(head(write, length).unwrap(), expected, "{length}");
            if expected[0] & 0xf0 == 0x80 || (0xde..=0xdf).contains(&expected[0]) {
                assert_eq!(map_head_length(length), expected.len());
            }
        }
        if let Ok(length) = usize::try_from(1_u64 << 32) {
            assert!(
                [write_str_head, write_bin_head, write_array_head, write_map_head]
                    .iter()
                    .all(|write| head(*write, length).is_none())
            );
        }
    }
}
