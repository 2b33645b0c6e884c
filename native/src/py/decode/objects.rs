//! Dates, times, UUIDs and decimals as Python objects.

use std::cell::UnsafeCell;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::reader::{Fit, Miss, Read, Reader, new_ascii, out_of_memory};
use crate::json::temporal_read::{self, Date, Time};
use crate::py::collector::forgotten;
use crate::py::datetime;
use crate::py::object::Owned;
use crate::source::{Kind, Number, Source};

/// Classes and objects of Python's that values are made of.
struct Makers {
    timezone: Py<PyAny>,
    uuid: Py<PyAny>,
    safe_unknown: Py<PyAny>,
    /// The slots of a UUID: descriptors, which set them without a search by name.
    uuid_int: Py<PyAny>,
    uuid_is_safe: Py<PyAny>,
    decimal: Py<PyAny>,
    /// The zone of the last offset: documents tend to stay in one.
    last_zone: UnsafeCell<Option<(i32, Owned)>>,
}

// SAFETY: only touched while the GIL is held, and making a zone runs no Python code.
unsafe impl Sync for Makers {}
// SAFETY: as above.
unsafe impl Send for Makers {}

static MAKERS: PyOnceLock<Makers> = PyOnceLock::new();

fn makers() -> Read<&'static Makers> {
    // SAFETY: reading happens within a call that holds the GIL.
    let py = unsafe { Python::assume_attached() };
    MAKERS.get_or_try_init(py, || load(py)).map_err(|_| Miss::Unknown)
}

fn load(py: Python<'_>) -> PyResult<Makers> {
    let uuid = py.import("uuid")?;
    Ok(Makers {
        timezone: py.import("pydantic_core")?.getattr("TzInfo")?.unbind(),
        safe_unknown: uuid.getattr("SafeUUID")?.getattr("unknown")?.unbind(),
        uuid_int: uuid.getattr("UUID")?.getattr("int")?.unbind(),
        uuid_is_safe: uuid.getattr("UUID")?.getattr("is_safe")?.unbind(),
        uuid: uuid.getattr("UUID")?.unbind(),
        decimal: py.import("decimal")?.getattr("Decimal")?.unbind(),
        last_zone: UnsafeCell::new(None),
    })
}

impl<'t, S: Source<'t>> Reader<'_, 't, S> {
    /// The text of a string without escapes; any other is not in canonical form.
    fn canonical_text(&mut self) -> Read<&'t [u8]> {
        match self.cursor.kind() {
            Kind::String => {
                let raw = self.cursor.string().ok_or(Miss::Unknown)?;
                self.lower_fit(Fit::Strict);
                if raw.has_escapes { Err(Miss::Unknown) } else { Ok(raw.bytes) }
            }
            Kind::Object | Kind::Array | Kind::Null | Kind::Binary => Err(Miss::Refused),
            Kind::Number | Kind::Truth => Err(Miss::Lax), // a Unix time
            Kind::Other => Err(Miss::Unknown),
        }
    }

    pub(super) fn date(&mut self) -> Read<Owned> {
        let text = self.canonical_text()?;
        let day = temporal_read::date(text).ok_or_else(|| no_moment(text))?;
        datetime::new_date(day_of(day)).ok_or_else(out_of_memory)
    }

    pub(super) fn time(&mut self) -> Read<Owned> {
        let text = self.canonical_text()?;
        let clock = temporal_read::time(text).ok_or_else(|| no_moment(text))?;
        let zone = zone(clock.offset)?;
        datetime::new_time(clock_of(clock), &zone, 0).ok_or_else(out_of_memory)
    }

    pub(super) fn datetime(&mut self) -> Read<Owned> {
        let text = self.canonical_text()?;
        let (day, clock) = temporal_read::datetime(text).ok_or_else(|| no_moment(text))?;
        let zone = zone(clock.offset)?;
        datetime::new_datetime(day_of(day), clock_of(clock), &zone, 0).ok_or_else(out_of_memory)
    }

    pub(super) fn duration(&mut self) -> Read<Owned> {
        let text = self.canonical_text()?;
        let found = temporal_read::duration(text).ok_or(Miss::Unknown)?;
        datetime::new_duration(found.days, found.seconds, found.microseconds).ok_or_else(out_of_memory)
    }

    pub(super) fn uuid(&mut self, version: Option<u8>) -> Read<Owned> {
        let fit = self.fit;
        let text = match self.canonical_text() {
            Err(Miss::Lax) => return Err(Miss::Refused), // only strings are UUIDs in JSON
            text => text?,
        };
        self.fit = fit; // a string is an exact match for a UUID, unlike for dates
        let bytes =
            parse_uuid(text).ok_or(if matches!(text.len(), 32 | 38 | 45) { Miss::Unknown } else { Miss::Refused })?;
        if let Some(version) = version
            && (bytes[6] >> 4 != version || bytes[8] >> 6 != 0b10)
        {
            return Err(Miss::Refused);
        }
        uuid_of(&bytes)
    }

    pub(super) fn decimal(&mut self) -> Read<Owned> {
        let number;
        let digits;
        let text = match self.cursor.kind() {
            Kind::Number => {
                number = self.cursor.number().ok_or(Miss::Unknown)?;
                self.lower_fit(Fit::Strict);
                // A fraction goes through a double in Pydantic, and loses digits.
                if !number.is_integer() {
                    return Err(Miss::Unknown);
                }
                digits = number.digits().filter(|digits| **digits != *b"-0").ok_or(Miss::Unknown)?;
                &*digits
            }
            Kind::Array => return Err(Miss::Unknown), // sign, digits and exponent, in newer versions of Pydantic
            _ => self.canonical_text()?,
        };
        if !is_plain_decimal(text) {
            return Err(Miss::Unknown);
        }
        let makers = makers()?;
        let text = new_ascii(text).ok_or_else(out_of_memory)?;
        // SAFETY: class and argument are alive.
        unsafe {
            Owned::from_new(ffi::PyObject_CallOneArg(makers.decimal.as_ptr(), text.as_ptr())).ok_or_else(out_of_memory)
        }
    }
}

/// Make a UUID of its bytes, the highest first.
pub(crate) fn uuid_of(bytes: &[u8; 16]) -> Read<Owned> {
    let makers = makers()?;
    // SAFETY: as Pydantic makes one: an instance without `__init__`, and its two slots set.
    unsafe {
        let py = Python::assume_attached();
        let class = makers.uuid.as_ptr().cast::<ffi::PyTypeObject>();
        let new = (*class).tp_new.ok_or(Miss::Unknown)?;
        let nothing = Owned::from_new(ffi::PyTuple_New(0)).ok_or_else(out_of_memory)?;
        let made = Owned::from_new(new(class, nothing.as_ptr(), std::ptr::null_mut())).ok_or_else(out_of_memory)?;
        let Ok(number) = u128::from_be_bytes(*bytes).into_pyobject(py);
        set_slot(&makers.uuid_int, &made, number.as_ptr())?;
        set_slot(&makers.uuid_is_safe, &made, makers.safe_unknown.as_ptr())?;
        forgotten(&made);
        Ok(made)
    }
}

/// Set what a descriptor stands for.
///
/// # Safety
/// The descriptor is one of the object's class, the value is alive, and the GIL is held.
unsafe fn set_slot(descriptor: &Py<PyAny>, object: &Owned, value: *mut ffi::PyObject) -> Read<()> {
    // SAFETY: said above; what the type of the descriptor offers for it takes just these three.
    unsafe {
        let set = (*ffi::Py_TYPE(descriptor.as_ptr())).tp_descr_set.ok_or(Miss::Unknown)?;
        if set(descriptor.as_ptr(), object.as_ptr(), value) < 0 { Err(out_of_memory()) } else { Ok(()) }
    }
}

fn day_of(Date { year, month, day }: Date) -> [i32; 3] {
    [year, month, day]
}

fn clock_of(Time { hour, minute, second, microsecond, .. }: Time) -> [i32; 4] {
    [hour, minute, second, microsecond]
}

/// What a string that is not in canonical form means for a date or time.
fn no_moment(text: &[u8]) -> Miss {
    match text.first() {
        // No form of a date, a time or a Unix time starts with such a letter ("nan" and "inf" are numbers).
        Some(byte) if byte.is_ascii_alphabetic() && !b"nNiI".contains(byte) => Miss::Refused,
        _ => Miss::Unknown,
    }
}

/// `-?\d+(\.\d+)?`, with no more digits than a default context keeps anyway.
fn is_plain_decimal(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &digits[whole..];
    let is_fraction = || rest.len() > 1 && rest[0] == b'.' && rest[1..].iter().all(u8::is_ascii_digit);
    whole > 0 && text.len() <= 400 && (rest.is_empty() || is_fraction())
}

/// What hexadecimal digits are worth; 255 for every other byte.
const DIGITS: [u8; 256] = {
    let mut digits = [255; 256];
    let mut worth = 0;
    while worth < 16 {
        digits[b"0123456789abcdef"[worth] as usize] = worth as u8;
        digits[b"0123456789ABCDEF"[worth] as usize] = worth as u8;
        worth += 1;
    }
    digits
};

/// Read the hyphenated form, in either case.
fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 || [8, 13, 18, 23].iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let mut bytes = [0; 16];
    let mut at = 0;
    for byte in &mut bytes {
        if matches!(at, 8 | 13 | 18 | 23) {
            at += 1;
        }
        let (high, low) = (DIGITS[usize::from(text[at])], DIGITS[usize::from(text[at + 1])]);
        if high | low > 15 {
            return None;
        }
        *byte = high << 4 | low;
        at += 2;
    }
    Some(bytes)
}

/// The zone of an offset in seconds: Pydantic's own class, or `None`.
fn zone(offset: Option<i32>) -> Read<Owned> {
    let Some(seconds) = offset else {
        return Ok(super::scalar::none());
    };
    let makers = makers()?;
    // SAFETY: the GIL is held, and neither making an integer nor the class's constructor runs Python code.
    unsafe {
        if let Some((known, zone)) = &*makers.last_zone.get()
            && *known == seconds
        {
            return Ok(Owned::from_borrowed(zone.as_ptr()));
        }
        let number = Owned::from_new(ffi::PyLong_FromLong(seconds.into())).ok_or_else(out_of_memory)?;
        let made = ffi::PyObject_CallOneArg(makers.timezone.as_ptr(), number.as_ptr());
        let zone = Owned::from_new(made).ok_or_else(out_of_memory)?;
        *makers.last_zone.get() = Some((seconds, Owned::from_borrowed(zone.as_ptr())));
        Ok(zone)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_plain_decimal, parse_uuid};

    #[test]
    fn uuids_have_hyphens_in_their_places() {
        assert_eq!(parse_uuid(b"12345678-1234-5678-1234-56781234567F").unwrap()[15], 0x7f);
        for text in ["12345678123456781234567812345678", "12345678-1234-5678-1234-56781234567g", ""] {
            assert!(parse_uuid(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn decimals_are_plain() {
        for text in ["0", "-1", "12.340", "007"] {
            assert!(is_plain_decimal(text.as_bytes()), "{text}");
        }
        for text in ["", "-", "1.", ".5", "1e5", "NaN", "1_0", " 1", "+1"] {
            assert!(!is_plain_decimal(text.as_bytes()), "{text}");
        }
    }
}
