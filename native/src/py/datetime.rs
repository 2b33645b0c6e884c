//! Dates, times and durations of Python's: made of their parts, and asked for their zone.

use pyo3::ffi;
use pyo3::prelude::*;

use super::object::Owned;

/// Make the functions of `datetime` available, once for all that is native; they are used without asking again.
pub fn import(py: Python<'_>) -> PyResult<()> {
    // SAFETY: the GIL is held.
    unsafe {
        ffi::PyDateTime_IMPORT();
        if ffi::PyDateTimeAPI().is_null() { Err(PyErr::fetch(py)) } else { Ok(()) }
    }
}

/// Make a `date` of year, month and day. `None` with an exception set if there is no such day.
#[inline]
pub fn new_date([year, month, day]: [i32; 3]) -> Option<Owned> {
    // SAFETY: the module is imported before anything else that is native, and its functions look at what they get.
    unsafe {
        let api = &*ffi::PyDateTimeAPI();
        Owned::from_new((api.Date_FromDate)(year, month, day, api.DateType))
    }
}

/// Make a `time` of hour, minute, second and microsecond; `zone` is a `tzinfo` or None. `None` with an exception set if
/// there is no such time.
#[inline]
pub fn new_time([hour, minute, second, micro]: [i32; 4], zone: &Owned, fold: i32) -> Option<Owned> {
    // SAFETY: as in `new_date`; the zone is alive for the call.
    unsafe {
        let api = &*ffi::PyDateTimeAPI();
        Owned::from_new((api.Time_FromTimeAndFold)(hour, minute, second, micro, zone.as_ptr(), fold, api.TimeType))
    }
}

/// Make a `datetime` of the parts of a `date` and a `time`.
#[inline]
pub fn new_datetime(day: [i32; 3], clock: [i32; 4], zone: &Owned, fold: i32) -> Option<Owned> {
    let ([year, month, day], [hour, minute, second, micro]) = (day, clock);
    // SAFETY: as in `new_time`.
    unsafe {
        let api = &*ffi::PyDateTimeAPI();
        Owned::from_new((api.DateTime_FromDateAndTimeAndFold)(
            year,
            month,
            day,
            hour,
            minute,
            second,
            micro,
            zone.as_ptr(),
            fold,
            api.DateTimeType,
        ))
    }
}

/// Make a `timedelta`, whose parts need not be normalised. `None` with an exception set if it is too long.
#[inline]
pub fn new_duration(days: i32, seconds: i32, microseconds: i32) -> Option<Owned> {
    // SAFETY: as in `new_date`.
    unsafe {
        let api = &*ffi::PyDateTimeAPI();
        Owned::from_new((api.Delta_FromDelta)(days, seconds, microseconds, 1, api.DeltaType))
    }
}

/// The time zone of a moment, borrowed; None if it has none.
///
/// # Safety
/// The object is exactly a `datetime` or a `time`, and alive.
#[inline]
pub unsafe fn zone_of(moment: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise; the module is imported.
    unsafe {
        if ffi::PyDateTime_CheckExact(moment) != 0 {
            ffi::PyDateTime_DATE_GET_TZINFO(moment)
        } else {
            ffi::PyDateTime_TIME_GET_TZINFO(moment)
        }
    }
}
