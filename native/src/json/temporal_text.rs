//! Dates, times and durations as Pydantic prints them.

use super::number::PAIRS;

/// A short text on the stack.
#[derive(Clone, Copy)]
pub struct Text {
    bytes: [u8; 40],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Self { bytes: [0; 40], length: 0 }
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    #[inline]
    fn push_pair(&mut self, number: u32) {
        let [high, low] = PAIRS[(number % 100) as usize];
        self.bytes[self.length] = high;
        self.bytes[self.length + 1] = low;
        self.length += 2;
    }

    fn push_number(&mut self, number: u32) {
        let mut digits = itoa::Buffer::new();
        for byte in digits.format(number).bytes() {
            self.push(byte);
        }
    }

    #[inline]
    fn push_date(&mut self, date: Date) {
        self.push_pair(date.year / 100);
        self.push_pair(date.year % 100);
        self.push(b'-');
        self.push_pair(date.month);
        self.push(b'-');
        self.push_pair(date.day);
    }

    #[inline]
    fn push_time(&mut self, time: Time) {
        self.push_pair(time.hour);
        self.push(b':');
        self.push_pair(time.minute);
        self.push(b':');
        self.push_pair(time.second);
        if time.microsecond != 0 {
            self.push(b'.');
            self.push_pair(time.microsecond / 10_000);
            self.push_pair(time.microsecond / 100 % 100);
            self.push_pair(time.microsecond % 100);
        }
        match time.offset {
            None => {}
            Some(0) => self.push(b'Z'),
            Some(offset) => {
                let minutes = offset / 60; // seconds are cut off
                self.push(if offset < 0 { b'-' } else { b'+' });
                self.push_pair((minutes / 60).unsigned_abs());
                self.push(b':');
                self.push_pair((minutes % 60).unsigned_abs());
            }
        }
    }
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy)]
pub struct Date {
    pub year: u32,
    pub month: u32,
    pub day: u32,
}

/// A time of day; the offset from UTC in seconds.
#[derive(Clone, Copy)]
pub struct Time {
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub microsecond: u32,
    pub offset: Option<i32>,
}

/// `2020-02-29`
pub fn date(date: Date) -> Text {
    let mut text = Text::new();
    text.push_date(date);
    text
}

/// `12:30:15.000001+01:00`
pub fn time(time: Time) -> Text {
    let mut text = Text::new();
    text.push_time(time);
    text
}

/// `2020-02-29T12:30:15Z`
pub fn datetime(day: Date, clock: Time) -> Text {
    let mut text = Text::new();
    text.push_date(day);
    text.push(b'T');
    text.push_time(clock);
    text
}

/// `P1Y35DT3H0.000005S`: days, seconds and microseconds as Python's `timedelta` holds them.
pub fn duration(days: i32, seconds: i32, microseconds: i32) -> Text {
    let (mut days, mut seconds, mut microseconds) = (i64::from(days), i64::from(seconds), i64::from(microseconds));
    let mut text = Text::new();
    if days < 0 {
        // Python counts forward from the day below.
        if microseconds != 0 {
            seconds += 1;
            microseconds = 1_000_000 - microseconds;
        }
        if seconds != 0 {
            days += 1;
            seconds = 86_400 - seconds;
        }
        days = -days;
        text.push(b'-');
    }
    text.push(b'P');
    let (years, rest) = (days / 365, days % 365);
    if years != 0 {
        text.push_number(years as u32);
        text.push(b'Y');
    }
    if rest != 0 {
        text.push_number(rest as u32);
        text.push(b'D');
    }
    if seconds != 0 || microseconds != 0 {
        text.push(b'T');
        push_clock(&mut text, seconds as u32, microseconds as u32);
    } else if days == 0 {
        text.push(b'T');
        text.push(b'0');
        text.push(b'S');
    }
    text
}

fn push_clock(text: &mut Text, seconds: u32, microseconds: u32) {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours != 0 {
        text.push_number(hours);
        text.push(b'H');
    }
    if minutes != 0 {
        text.push_number(minutes);
        text.push(b'M');
    }
    if seconds == 0 && microseconds == 0 {
        return;
    }
    text.push_number(seconds);
    if microseconds != 0 {
        text.push(b'.');
        text.push_pair(microseconds / 10_000);
        text.push_pair(microseconds / 100 % 100);
        text.push_pair(microseconds % 100);
        while text.bytes[text.length - 1] == b'0' {
            text.length -= 1;
        }
    }
    text.push(b'S');
}

/// A duration in seconds, rounded once.
pub fn seconds(days: i32, seconds: i32, microseconds: i32) -> f64 {
    microseconds_of(days, seconds, microseconds).map_or_else(
        || (86_400 * i64::from(days) + i64::from(seconds)) as f64 + f64::from(microseconds) / 1_000_000.0,
        |total| total as f64 / 1_000_000.0,
    )
}

fn microseconds_of(days: i32, seconds: i32, microseconds: i32) -> Option<i64> {
    (86_400 * i64::from(days) + i64::from(seconds)).checked_mul(1_000_000)?.checked_add(i64::from(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(text: &Text) -> &str {
        std::str::from_utf8(text.as_bytes()).unwrap()
    }

    #[test]
    fn offsets_are_cut_to_minutes() {
        let at = |offset| Time { hour: 1, minute: 2, second: 3, microsecond: 0, offset };
        assert_eq!(text_of(&time(at(None))), "01:02:03");
        assert_eq!(text_of(&time(at(Some(0)))), "01:02:03Z");
        assert_eq!(text_of(&time(at(Some(-3661)))), "01:02:03-01:01");
        assert_eq!(text_of(&time(at(Some(30)))), "01:02:03+00:00");
        assert_eq!(text_of(&time(at(Some(86_399)))), "01:02:03+23:59");
    }

    #[test]
    fn microseconds_have_six_digits_or_none() {
        let day = Date { year: 7, month: 2, day: 9 };
        let clock = Time { hour: 23, minute: 59, second: 59, microsecond: 1200, offset: None };
        assert_eq!(text_of(&datetime(day, clock)), "0007-02-09T23:59:59.001200");
    }

    #[test]
    fn durations_have_years_of_365_days() {
        for (days, seconds, microseconds, expected) in [
            (0, 0, 0, "PT0S"),
            (1, 0, 0, "P1D"),
            (400, 10_800, 5, "P1Y35DT3H0.000005S"),
            (-2, 10_800, 0, "-P1DT21H"),
            (-2, 0, 0, "-P2D"),
            (-1, 86_399, 999_999, "-PT0.000001S"),
            (0, 60, 0, "PT1M"),
            (0, 61, 500_000, "PT1M1.5S"),
            (999_999_999, 86_399, 999_999, "P2739726Y9DT23H59M59.999999S"),
            (-999_999_999, 0, 0, "-P2739726Y9D"),
        ] {
            assert_eq!(text_of(&duration(days, seconds, microseconds)), expected);
        }
    }
}
