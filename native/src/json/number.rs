//! Numbers as Pydantic prints them.

/// What becomes of NaN and the infinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfNan {
    Null,
    Constants,
    Strings,
    /// Not known here: do not write it.
    Unknown,
}

/// Room for every finite double.
pub const LONGEST_FLOAT: usize = 32;

/// The text of a finite double at the start of `out`; returns its length.
///
/// `sign` says whether a positive exponent has a sign: `1e+16` since pydantic-core 2.42, `1e16` before.
#[inline]
pub fn write_float(out: &mut [u8; LONGEST_FLOAT], value: f64, sign: bool) -> usize {
    let magnitude = value.abs();
    if (0.01..1e8).contains(&magnitude) {
        // Most doubles that people write have at most two decimals.
        let hundreds = (magnitude * 100.0 + 0.5) as u64;
        if hundreds as f64 / 100.0 == magnitude {
            return write_hundreds(out, value < 0.0, hundreds);
        }
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value).as_bytes();
    if !sign && let Some(at) = text.iter().position(|byte| *byte == b'+') {
        let (head, tail) = (&text[..at], &text[at + 1..]);
        out[..at].copy_from_slice(head);
        out[at..at + tail.len()].copy_from_slice(tail);
        return text.len() - 1;
    }
    out[..text.len()].copy_from_slice(text);
    text.len()
}

/// Two digits for each number below 100.
pub static PAIRS: [[u8; 2]; 100] = pairs();

const fn pairs() -> [[u8; 2]; 100] {
    let mut table = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        table[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    table
}

/// Room for every 64-bit integer.
pub const LONGEST_INT: usize = 24;

/// The text of an integer at the start of `out`; returns its length.
#[inline]
pub fn write_int(out: &mut [u8; LONGEST_INT], value: i64) -> usize {
    let magnitude = value.unsigned_abs();
    if magnitude < 100_000_000 {
        let is_negative = usize::from(value < 0);
        out[0] = b'-';
        return is_negative + write_short(out, is_negative, magnitude as u32);
    }
    let mut digits = itoa::Buffer::new();
    let text = digits.format(value).as_bytes();
    out[..text.len()].copy_from_slice(text);
    text.len()
}

/// The digits of a number below 100,000,000 at a place in `out`; returns how many.
#[inline]
fn write_short(out: &mut [u8], at: usize, number: u32) -> usize {
    let length = if number < 10_000 {
        if number < 100 { 1 + usize::from(number >= 10) } else { 3 + usize::from(number >= 1000) }
    } else if number < 1_000_000 {
        5 + usize::from(number >= 100_000)
    } else {
        7 + usize::from(number >= 10_000_000)
    };
    let out = &mut out[at..at + length];
    let (mut rest, mut end) = (number, length);
    while rest >= 100 {
        end -= 2;
        out[end..end + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    let [tens, ones] = PAIRS[rest as usize];
    out[end - 1] = ones;
    if end == 2 {
        out[0] = tens;
    }
    length
}

#[inline]
fn write_hundreds(out: &mut [u8; LONGEST_FLOAT], negative: bool, hundreds: u64) -> usize {
    let (whole, rest) = ((hundreds / 100) as u32, (hundreds % 100) as usize);
    out[0] = b'-';
    let mut at = usize::from(negative);
    at += write_short(out, at, whole);
    let [tenth, hundredth] = PAIRS[rest];
    out[at] = b'.';
    out[at + 1] = tenth;
    out[at + 2] = hundredth;
    at + if hundredth == b'0' { 2 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64, sign: bool) -> String {
        let mut out = [0; LONGEST_FLOAT];
        let length = write_float(&mut out, value, sign);
        String::from_utf8(out[..length].to_vec()).unwrap()
    }

    #[test]
    fn floats_look_as_pydantics() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.01, "0.01"),
            (12.3, "12.3"),
            (999_999_999.99, "999999999.99"),
            (1e9, "1000000000.0"),
            (99_999_999.99, "99999999.99"),
            (1e8, "100000000.0"),
            (0.00001, "0.00001"),
            (1e-7, "1e-7"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            assert_eq!(text(value, true), expected);
        }
        assert_eq!(text(1e16, false), "1e16");
        assert_eq!(text(-2.5e100, false), "-2.5e100");
    }

    #[test]
    fn integers_of_every_length_are_written() {
        let mut numbers = vec![0, i64::MIN, i64::MAX];
        for exponent in 0..19 {
            let power = 10_i64.pow(exponent);
            numbers.extend([power - 1, power, power + 1, -power, 1 - power, power / 7 * 3]);
        }
        for number in numbers {
            let mut out = [0; LONGEST_INT];
            let length = write_int(&mut out, number);
            assert_eq!(std::str::from_utf8(&out[..length]).unwrap(), number.to_string());
        }
    }

    #[test]
    fn the_short_path_says_what_the_long_one_says() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..2_000_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (state >> 20) as f64;
            for value in [number / 100.0, number / 1000.0, number / 65_536.0, (number / 100.0).next_up()] {
                let mut buffer = zmij::Buffer::new();
                assert_eq!(text(value, true), buffer.format_finite(value));
            }
        }
    }
}
