//! Dates, times and durations in the one form of each that Pydantic itself writes.
//!
//! Pydantic reads many more forms (ISO 8601 in all its variants, Unix times); those are declined here, and Pydantic
//! reads them.

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: i32,
    pub month: i32,
    pub day: i32,
}

/// A time of day, and its offset from UTC in seconds if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    pub hour: i32,
    pub minute: i32,
    pub second: i32,
    pub microsecond: i32,
    pub offset: Option<i32>,
}

/// A duration as Python's `timedelta` holds it, before normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    pub days: i32,
    pub seconds: i32,
    pub microseconds: i32,
}

/// Read `YYYY-MM-DD`, from year 1 on.
#[inline]
pub fn date(text: &[u8]) -> Option<Date> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h] = text else {
        return None;
    };
    let year = digits(&[a, b, c, d])?;
    let month = digits(&[e, f])?;
    let day = digits(&[g, h])?;
    (year >= 1 && (1..=12).contains(&month) && day >= 1 && day <= days_in(year, month)).then_some(Date {
        year,
        month,
        day,
    })
}

/// Read `HH:MM:SS[.f{1,6}][Z|±HH:MM]`.
#[inline]
pub fn time(text: &[u8]) -> Option<Time> {
    let (&[a, b, b':', c, d, b':', e, f], mut rest) = text.split_first_chunk::<8>()? else {
        return None;
    };
    let (hour, minute, second) = (digits(&[a, b])?, digits(&[c, d])?, digits(&[e, f])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut microsecond = 0;
    if let [b'.', fraction @ ..] = rest {
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=6).contains(&length) {
            return None;
        }
        microsecond = digits(&fraction[..length])? * 10_i32.pow(6 - length as u32);
        rest = &fraction[length..];
    }
    let offset = match *rest {
        [] => None,
        [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), a, b, b':', c, d] => {
            let (hours, minutes) = (digits(&[a, b])?, digits(&[c, d])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            Some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => return None,
    };
    Some(Time { hour, minute, second, microsecond, offset })
}

/// Read `YYYY-MM-DDT` and a time.
#[inline]
pub fn datetime(text: &[u8]) -> Option<(Date, Time)> {
    let (day, rest) = text.split_at_checked(10)?;
    let [b'T', clock @ ..] = rest else { return None };
    Some((date(day)?, time(clock)?))
}

/// Read `[-]P[nD][T[nH][nM][n[.f{1,6}]S]]`, with at least one part.
///
/// Years are left to Pydantic: it counts 365 days for one.
pub fn duration(text: &[u8]) -> Option<Duration> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let [b'P', rest @ ..] = text else { return None };
    let (mut days, mut seconds, mut microseconds) = (0_i64, 0_i64, 0_i64);
    let mut rest = rest;
    let mut parts = 0;
    if let Some((value, b'D', behind)) = number_and_unit(rest) {
        (days, rest, parts) = (value, behind, 1);
    }
    if let [b'T', clock @ ..] = rest {
        rest = clock;
        let mut last = 0;
        while !rest.is_empty() {
            let (value, unit, behind) = number_and_unit(rest)?;
            let order = match unit {
                b'H' => 1,
                b'M' => 2,
                b'S' | b'.' => 3,
                _ => return None,
            };
            if order <= last {
                return None;
            }
            (last, rest, parts) = (order, behind, parts + 1);
            match unit {
                b'H' => seconds += value * 3600,
                b'M' => seconds += value * 60,
                b'S' => seconds += value,
                _ => {
                    seconds += value;
                    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    if !(1..=6).contains(&length) || rest[length..] != *b"S" {
                        return None;
                    }
                    microseconds = i64::from(digits(&rest[..length])? * 10_i32.pow(6 - length as u32));
                    rest = &[];
                }
            }
        }
        if last == 0 {
            return None;
        }
    }
    if !rest.is_empty() || parts == 0 || days > 999_999 || seconds > 99_999_999 {
        return None;
    }
    let sign = if negative { -1 } else { 1 };
    Some(Duration {
        days: sign * days as i32,
        seconds: sign * seconds as i32,
        microseconds: sign * microseconds as i32,
    })
}

/// Take an unsigned number of at most nine digits and the byte behind it.
fn number_and_unit(text: &[u8]) -> Option<(i64, u8, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 || length > 9 {
        return None;
    }
    let unit = *text.get(length)?;
    Some((i64::from(digits(&text[..length])?), unit, &text[length + 1..]))
}

#[inline]
fn digits(text: &[u8]) -> Option<i32> {
    let mut value = 0_i32;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i32::from(digit);
    }
    Some(value)
}

fn days_in(year: i32, month: i32) -> i32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_exist() {
        assert!(date(b"2024-02-29").is_some());
        for text in ["2023-02-29", "0000-01-01", "2023-13-01", "2023-00-10", "2023-04-31", "2023-4-30", "20230430"] {
            assert!(date(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn times_have_one_form() {
        let found = time(b"23:59:59.05-05:30").unwrap();
        assert_eq!((found.microsecond, found.offset), (50_000, Some(-19_800)));
        assert_eq!(time(b"00:00:00Z").unwrap().offset, Some(0));
        assert_eq!(time(b"00:00:00").unwrap().offset, None);
        for text in ["24:00:00", "1:00:00", "10:00", "10:00:00.", "10:00:00.1234567", "10:00:00z", "10:00:00+0100"] {
            assert!(time(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn durations_have_one_form() {
        let found = duration(b"-P2DT3H0.000005S").unwrap();
        assert_eq!((found.days, found.seconds, found.microseconds), (-2, -10_800, -5));
        assert_eq!(duration(b"PT0S").unwrap().seconds, 0);
        for text in ["P", "PT", "P1Y", "P1W", "1D", "PT1S2H", "PT1.S", "PT1.5H", "P1DT", "PT1S1", "+P1D"] {
            assert!(duration(text.as_bytes()).is_none(), "{text}");
        }
    }
}
