//! Dates, times and durations.

use pyo3::ffi;

use crate::json::temporal_text::{self, Date, Time};
use crate::py::object::Owned;

use super::node::{Object, TemporalMode};
use super::output::Output;
use super::state::{Outcome, State, Stop};

unsafe fn date_of(value: Object) -> Date {
    // SAFETY: the caller passes a date or a datetime.
    unsafe {
        Date {
            year: ffi::PyDateTime_GET_YEAR(value) as u32,
            month: ffi::PyDateTime_GET_MONTH(value) as u32,
            day: ffi::PyDateTime_GET_DAY(value) as u32,
        }
    }
}

/// Each has the contract of [`State::encode`].
impl<O: Output> State<'_, O> {
    pub unsafe fn encode_datetime<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive; its type is checked before its parts are read.
        unsafe {
            if ffi::Py_TYPE(value) != (*ffi::PyDateTimeAPI()).DateTimeType {
                return self.no_such_type::<STRICT>(value);
            }
            let zone = ffi::PyDateTime_DATE_GET_TZINFO(value);
            let clock = Time {
                hour: ffi::PyDateTime_DATE_GET_HOUR(value) as u32,
                minute: ffi::PyDateTime_DATE_GET_MINUTE(value) as u32,
                second: ffi::PyDateTime_DATE_GET_SECOND(value) as u32,
                microsecond: ffi::PyDateTime_DATE_GET_MICROSECOND(value) as u32,
                offset: None,
            };
            let day = date_of(value);
            let offset = self.offset_of(zone, value)?;
            self.out.push_ascii(temporal_text::datetime(day, Time { offset, ..clock }).as_bytes());
        }
        Ok(())
    }

    pub unsafe fn encode_time<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive; its type is checked before its parts are read.
        unsafe {
            if ffi::Py_TYPE(value) != (*ffi::PyDateTimeAPI()).TimeType {
                return self.no_such_type::<STRICT>(value);
            }
            let zone = ffi::PyDateTime_TIME_GET_TZINFO(value);
            let clock = Time {
                hour: ffi::PyDateTime_TIME_GET_HOUR(value) as u32,
                minute: ffi::PyDateTime_TIME_GET_MINUTE(value) as u32,
                second: ffi::PyDateTime_TIME_GET_SECOND(value) as u32,
                microsecond: ffi::PyDateTime_TIME_GET_MICROSECOND(value) as u32,
                offset: None,
            };
            let offset = self.offset_of(zone, ffi::Py_None())?;
            self.out.push_ascii(temporal_text::time(Time { offset, ..clock }).as_bytes());
        }
        Ok(())
    }

    pub unsafe fn encode_date<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive; its type is checked before its parts are read.
        unsafe {
            if ffi::Py_TYPE(value) != (*ffi::PyDateTimeAPI()).DateType {
                return self.no_such_type::<STRICT>(value);
            }
            let text = temporal_text::date(date_of(value));
            self.out.push_ascii(text.as_bytes());
        }
        Ok(())
    }

    pub unsafe fn encode_timedelta<const STRICT: bool>(&mut self, mode: TemporalMode, value: Object) -> Outcome {
        // SAFETY: the value is alive; its type is checked before its parts are read.
        let (days, seconds, microseconds) = unsafe {
            if ffi::Py_TYPE(value) != (*ffi::PyDateTimeAPI()).DeltaType {
                return self.no_such_type::<STRICT>(value);
            }
            (
                ffi::PyDateTime_DELTA_GET_DAYS(value),
                ffi::PyDateTime_DELTA_GET_SECONDS(value),
                ffi::PyDateTime_DELTA_GET_MICROSECONDS(value),
            )
        };
        match mode {
            TemporalMode::Iso8601 => {
                let text = temporal_text::duration(days, seconds, microseconds);
                self.out.push_ascii(text.as_bytes());
            }
            TemporalMode::Seconds => {
                let number = temporal_text::seconds(days, seconds, microseconds);
                self.out.push_float(number, self.program.exponent_sign);
            }
            TemporalMode::Unknown => return Err(Stop::Decline),
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    unsafe fn no_such_type<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive.
        unsafe {
            if value == ffi::Py_None() {
                return self.null();
            }
            Err(self.refuse::<STRICT>(value))
        }
    }

    /// The seconds that a zone is off from UTC; only zones whose code is known are asked.
    unsafe fn offset_of(&mut self, zone: Object, moment: Object) -> Result<Option<i32>, Stop> {
        let support = &self.program.support;
        // SAFETY: the moment is alive and owns its zone; both are held while the zone's method runs.
        unsafe {
            if zone == ffi::Py_None() {
                return Ok(None);
            }
            if zone == support.utc {
                return Ok(Some(0));
            }
            let class = ffi::Py_TYPE(zone);
            if class != support.timezone && class != support.tz_info && class != support.zone_info {
                return Err(Stop::Decline);
            }
            let (_held, zone) = (Self::hold(moment), Self::hold(zone));
            let offset = ffi::PyObject_CallMethodOneArg(zone.as_ptr(), support.names.utcoffset, moment);
            let Some(offset) = Owned::from_new(offset) else {
                ffi::PyErr_Clear();
                return Err(Stop::Decline);
            };
            let offset = offset.as_ptr();
            if offset == ffi::Py_None() {
                return Ok(None);
            }
            if ffi::Py_TYPE(offset) != (*ffi::PyDateTimeAPI()).DeltaType {
                return Err(Stop::Decline);
            }
            let seconds = temporal_text::seconds(
                ffi::PyDateTime_DELTA_GET_DAYS(offset),
                ffi::PyDateTime_DELTA_GET_SECONDS(offset),
                ffi::PyDateTime_DELTA_GET_MICROSECONDS(offset),
            );
            Ok(Some(seconds.round() as i32))
        }
    }
}
