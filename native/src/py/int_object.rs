//! The values of integers, read in place where the layout is known.
//!
//! Most integers in models have one digit of CPython's, 30 bits, and to call the interpreter for one takes longer than to
//! write it. Since 3.12 such integers are called compact (`Include/cpython/longintrepr.h`); before, they are those of size
//! -1, 0 and 1. The layout is tried out when the module is imported; where it is another, the interpreter is asked.

use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

/// What stands between the head of an integer and its digits.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Layout {
    Unknown,
    /// The number of digits, negative for negative numbers: 3.11.
    Size,
    /// The number of digits behind three bits, of which the lowest two say the sign: 0, or 1 for zero, or 2 for negative.
    Tag,
}

static LAYOUT: AtomicU8 = AtomicU8::new(Layout::Unknown as u8);

/// The beginning of an integer, as the interpreter keeps it.
#[repr(C)]
struct Int {
    head: ffi::PyObject,
    /// See [`Layout`].
    size: isize,
    digit: u32,
}

/// The smallest tag of an integer of two digits.
const TWO_DIGITS: isize = 2 << 3;

/// The value of an integer of a single digit; `None` for others, and where the layout is not known.
///
/// # Safety
/// The object is a live `int`.
#[inline(always)]
unsafe fn compact(int: *mut ffi::PyObject, layout: u8) -> Option<i64> {
    // SAFETY: every integer has room for one digit.
    let Int { size, digit, .. } = unsafe { &*int.cast::<Int>() };
    let (size, digit) = (*size, i64::from(*digit));
    if layout == Layout::Size as u8 {
        return (-1..=1).contains(&size).then(|| size as i64 * digit);
    }
    (layout == Layout::Tag as u8 && size < TWO_DIGITS).then(|| (1 - (size as i64 & 3)) * digit)
}

/// The value of an integer; `None` if it does not fit.
///
/// # Safety
/// The object is a live `int`, of a class below it at most.
#[inline(always)]
pub unsafe fn as_i64(int: *mut ffi::PyObject) -> Option<i64> {
    // SAFETY: the caller's promise.
    unsafe { compact(int, LAYOUT.load(Ordering::Relaxed)).or_else(|| as_any_i64(int)) }
}

#[inline(never)]
unsafe fn as_any_i64(int: *mut ffi::PyObject) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: the caller's promise: there is no error but the overflow.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(int, &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// Find out how integers are kept here.
pub fn probe(py: Python<'_>) -> PyResult<()> {
    let version = py.version_info();
    let layout = match (version.major, version.minor) {
        (3, 11) => Layout::Size,
        (3, 12..=13) => Layout::Tag,
        _ => return Ok(()),
    };
    let edge = 1_i64 << 30;
    for value in [0, 1, 2, -1, -2, 255, -256, 65_537, edge - 1, 1 - edge, edge, -edge, edge << 30, i64::MAX, i64::MIN] {
        let int = value.into_pyobject(py)?;
        let expected = (-edge < value && value < edge).then_some(value);
        // SAFETY: a live integer; there is something where its size and its first digit are expected, whatever it is.
        if unsafe { compact(int.as_ptr(), layout as u8) } != expected {
            return Ok(());
        }
    }
    LAYOUT.store(layout as u8, Ordering::Relaxed);
    Ok(())
}
