//! Dates, times, durations and time zones.

use pyo3::ffi;
use pyo3::prelude::*;

use super::block::{Block, Unsuited, Written, quietly};
use crate::py::copy::classes::{Kind, Object};
use crate::py::datetime::zone_of;
use crate::py::pickle::tag::{self, zone};

/// Each function has the contract of [`Block::value`].
impl Block<'_> {
    pub(super) unsafe fn moment(&mut self, value: Object, kind: Kind) -> Written {
        // SAFETY: the kind says what the value is; the functions of `datetime` were imported.
        unsafe {
            match kind {
                Kind::Date => {
                    self.out.push(tag::DATE);
                    self.day(value);
                    Ok(())
                }
                Kind::DateTime => {
                    self.out.push(tag::DATETIME);
                    self.day(value);
                    let clock = [
                        ffi::PyDateTime_DATE_GET_HOUR(value) as u8,
                        ffi::PyDateTime_DATE_GET_MINUTE(value) as u8,
                        ffi::PyDateTime_DATE_GET_SECOND(value) as u8,
                    ];
                    let fold = ffi::PyDateTime_DATE_GET_FOLD(value) as u8;
                    self.clock(clock, ffi::PyDateTime_DATE_GET_MICROSECOND(value) as u32, value, fold)
                }
                Kind::Time => {
                    self.out.push(tag::TIME);
                    let clock = [
                        ffi::PyDateTime_TIME_GET_HOUR(value) as u8,
                        ffi::PyDateTime_TIME_GET_MINUTE(value) as u8,
                        ffi::PyDateTime_TIME_GET_SECOND(value) as u8,
                    ];
                    let fold = ffi::PyDateTime_TIME_GET_FOLD(value) as u8;
                    self.clock(clock, ffi::PyDateTime_TIME_GET_MICROSECOND(value) as u32, value, fold)
                }
                Kind::TimeDelta => {
                    self.out.push(tag::TIMEDELTA);
                    for part in [
                        ffi::PyDateTime_DELTA_GET_DAYS(value),
                        ffi::PyDateTime_DELTA_GET_SECONDS(value),
                        ffi::PyDateTime_DELTA_GET_MICROSECONDS(value),
                    ] {
                        self.out.extend_from_slice(&part.to_le_bytes());
                    }
                    Ok(())
                }
                _ => Err(Unsuited),
            }
        }
    }

    unsafe fn day(&mut self, value: Object) {
        // SAFETY: a date or a datetime.
        unsafe {
            self.out.extend_from_slice(&(ffi::PyDateTime_GET_YEAR(value) as u16).to_le_bytes());
            self.out.push(ffi::PyDateTime_GET_MONTH(value) as u8);
            self.out.push(ffi::PyDateTime_GET_DAY(value) as u8);
        }
    }

    unsafe fn clock(&mut self, clock: [u8; 3], microsecond: u32, moment: Object, fold: u8) -> Written {
        self.out.extend_from_slice(&clock);
        self.out.extend_from_slice(&microsecond.to_le_bytes()[..3]);
        let fold = if fold == 0 { 0 } else { zone::FOLD };
        // SAFETY: a datetime or a time, which holds its zone.
        unsafe {
            let object = zone_of(moment);
            let class = ffi::Py_TYPE(object).cast::<ffi::PyObject>();
            let kind = if object == ffi::Py_None() {
                zone::NONE
            } else if object == self.known.utc.as_ptr() {
                zone::UTC
            } else if class == self.known.tz_info.as_ptr() {
                zone::PYDANTICS
            } else if class == self.known.timezone.as_ptr() {
                zone::PYTHONS
            } else {
                return Err(Unsuited);
            };
            self.out.push(kind | fold);
            if matches!(kind, zone::PYTHONS | zone::PYDANTICS) {
                let seconds = offset_of(object, kind).ok_or(Unsuited)?;
                self.out.extend_from_slice(&seconds.to_le_bytes());
            }
            Ok(())
        }
    }
}

/// The offset of a zone in whole seconds, if that is all there is to say of it.
///
/// # Safety
/// Exactly a `timezone` or a `TzInfo`, and alive.
unsafe fn offset_of(object: Object, kind: u8) -> Option<i32> {
    // SAFETY: the methods of these classes are native.
    unsafe {
        let py = Python::assume_attached();
        let object = Bound::from_borrowed_ptr(py, object);
        if kind == zone::PYTHONS {
            let arguments = quietly(object.call_method0("__getinitargs__")).ok()?;
            if quietly(arguments.len()).ok()? != 1 {
                return None; // it has a name
            }
        }
        let offset = quietly(object.call_method1("utcoffset", (None::<u8>,))).ok()?;
        if (*ffi::PyDateTimeAPI()).DeltaType != ffi::Py_TYPE(offset.as_ptr())
            || ffi::PyDateTime_DELTA_GET_MICROSECONDS(offset.as_ptr()) != 0
        {
            return None;
        }
        let days = ffi::PyDateTime_DELTA_GET_DAYS(offset.as_ptr());
        Some(days * 86_400 + ffi::PyDateTime_DELTA_GET_SECONDS(offset.as_ptr()))
    }
}
