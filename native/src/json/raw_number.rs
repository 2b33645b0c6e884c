//! Numbers as they stand in a text, and their values.

/// A number as it stands in the text.
#[derive(Clone, Copy)]
pub struct RawNumber<'t> {
    /// The bytes of the number; ASCII.
    pub bytes: &'t [u8],
    /// Neither a fraction nor an exponent.
    pub is_integer: bool,
    /// All digits but those of the exponent as one integer; only right where there are at most 18 of them.
    pub(super) digits: u64,
    /// How many of the digits are behind the point.
    pub(super) decimals: usize,
    pub(super) has_exponent: bool,
}

/// So many digits fit 64 bits, whatever they are.
const SAFE_DIGITS: usize = 18;

impl RawNumber<'_> {
    pub(super) const EMPTY: Self = Self { bytes: &[], is_integer: true, digits: 0, decimals: 0, has_exponent: false };

    /// The text of the number.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.bytes).unwrap_or_default()
    }

    /// The value, if the number is an integer of 64 bits.
    #[inline(always)]
    pub fn as_i64(&self) -> Option<i64> {
        if !self.is_integer {
            return None;
        }
        if self.bytes.len() > SAFE_DIGITS {
            return self.text().parse().ok();
        }
        let value = self.digits as i64;
        Some(if self.bytes[0] == b'-' { -value } else { value })
    }

    /// The nearest double of a number with a fraction or an exponent; `None` where it is beyond all doubles.
    ///
    /// A short decimal is made by one division: its digits and the power of ten are both exact doubles then, so that it
    /// rounds once, and right (Clinger 1990, "How to read floating point numbers accurately").
    #[inline(always)]
    pub fn as_f64(&self) -> Option<f64> {
        if !self.has_exponent && self.bytes.len() <= SAFE_DIGITS && self.digits <= 1 << 53 {
            let value = self.digits as f64 / POWERS[self.decimals];
            return Some(if self.bytes[0] == b'-' { -value } else { value });
        }
        let value: f64 = fast_float2::parse(self.bytes).ok()?;
        value.is_finite().then_some(value)
    }
}

/// Powers of ten, each of them a double exactly.
const POWERS: [f64; SAFE_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

#[cfg(test)]
mod tests {
    use super::super::cursor::Cursor;

    #[test]
    fn short_decimals_are_the_nearest_doubles() {
        for text in ["0.1", "123.456", "-9.75", "0.000001", "9007199254740.993", "99999999999999.9", "1.0", "-0.0"] {
            let mut cursor = Cursor::new(text.as_bytes());
            let found = cursor.number().unwrap().as_f64().unwrap();
            assert_eq!(found.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
    }

    #[test]
    fn integers_are_read_up_to_64_bits() {
        for (text, value) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1.0", None),
        ] {
            assert_eq!(Cursor::new(text.as_bytes()).number().unwrap().as_i64(), value, "{text}");
        }
    }
}
