//! What a document has too much of, for Python.

use pyo3::buffer::PyBuffer;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::json::measure;
use crate::msgpack::measure::{Excess, excess, run_of_documents};

/// Documents of this size are looked at without the GIL.
const LONG: usize = 1 << 20;

/// Return `"levels"` or `"items"`, whichever a MessagePack document has more of than is allowed, else `None`.
#[pyfunction]
fn msgpack_excess(data: &Bound<'_, PyAny>, levels: usize, items: usize) -> PyResult<Option<&'static str>> {
    let found = look_at(data, |data| excess(data, levels, items))?;
    Ok(found.map(|found| match found {
        Excess::Levels => "levels",
        Excess::Items => "items",
    }))
}

/// Say whether the arrays and objects of a JSON text have more items and members together than `limit`.
#[pyfunction]
fn json_items_exceed(data: &Bound<'_, PyAny>, limit: usize) -> PyResult<bool> {
    look_at(data, |text| measure::items_exceed(text, limit))
}

/// Say whether the arrays and objects of a JSON text are nested deeper than `limit` levels.
#[pyfunction]
fn json_depth_exceeds(data: &Bound<'_, PyAny>, limit: usize) -> PyResult<bool> {
    look_at(data, |text| measure::depth_exceeds(text, limit))
}

/// Say whether an integer in a JSON text has more than `digits` digits.
#[pyfunction]
fn json_has_longer_integer(data: &Bound<'_, PyAny>, digits: usize) -> PyResult<bool> {
    look_at(data, |text| measure::has_longer_integer(text, digits))
}

/// Return where the JSON array, object or string ends that begins at a place, `None` if it does not.
#[pyfunction]
fn json_value_end(data: &Bound<'_, PyBytes>, start: usize) -> Option<usize> {
    let rest = data.as_bytes().get(start..)?;
    measure::value_end(rest).map(|length| start + length)
}

/// Return where the arrays and objects end that begin at a place and have commas between them, and how many they are; as
/// far as something follows each.
#[pyfunction]
fn json_values_run(data: &Bound<'_, PyBytes>, start: usize) -> (usize, usize) {
    let run = measure::run_of_values(data.as_bytes().get(start..).unwrap_or_default());
    (start + run.length, run.values)
}

/// Return JSON lines as one array, and how many they are; `None` unless each is one array or object, or blank.
#[pyfunction]
fn json_lines_array<'py>(data: &Bound<'py, PyBytes>) -> Option<(Bound<'py, PyBytes>, usize)> {
    let (array, count) = measure::array_of_lines(data.as_bytes())?;
    Some((PyBytes::new(data.py(), &array), count))
}

/// Return where the MessagePack documents end that begin at a place, and how many they are, `most` at most.
#[pyfunction]
fn msgpack_documents_run(data: &Bound<'_, PyBytes>, start: usize, most: usize) -> (usize, usize) {
    let (length, count) = run_of_documents(data.as_bytes().get(start..).unwrap_or_default(), most);
    (start + length, count)
}

/// Look at the bytes of an object of Python's.
fn look_at<T: Send>(data: &Bound<'_, PyAny>, look: impl FnOnce(&[u8]) -> T + Send) -> PyResult<T> {
    if let Ok(bytes) = data.cast_exact::<PyBytes>() {
        let text = bytes.as_bytes();
        return Ok(if text.len() < LONG { look(text) } else { data.py().detach(|| look(text)) });
    }
    let plain = PyBuffer::<u8>::get(data).ok().filter(|view| view.is_c_contiguous() && view.item_count() > 0);
    let Some(view) = plain else {
        // SAFETY: the object is alive; the result is new, or null with an exception set.
        let copy = unsafe { Bound::from_owned_ptr_or_err(data.py(), ffi::PyBytes_FromObject(data.as_ptr()))? };
        return Ok(look(copy.cast::<PyBytes>()?.as_bytes()));
    };
    // SAFETY: the view keeps the memory, whose owner may change it; not while the GIL is held, as it is here.
    Ok(look(unsafe { std::slice::from_raw_parts(view.buf_ptr().cast(), view.item_count()) }))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(msgpack_excess, module)?)?;
    module.add_function(wrap_pyfunction!(json_items_exceed, module)?)?;
    module.add_function(wrap_pyfunction!(json_depth_exceeds, module)?)?;
    module.add_function(wrap_pyfunction!(json_has_longer_integer, module)?)?;
    module.add_function(wrap_pyfunction!(json_value_end, module)?)?;
    module.add_function(wrap_pyfunction!(json_values_run, module)?)?;
    module.add_function(wrap_pyfunction!(json_lines_array, module)?)?;
    module.add_function(wrap_pyfunction!(msgpack_documents_run, module)?)
}
