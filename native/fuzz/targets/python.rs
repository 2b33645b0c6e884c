//! `python`, with the core built in.

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

use pydantic_serialization_fuzz::embedded;
use pyo3::ffi;

fn main() {
    embedded::offer_the_core();
    let arguments: Vec<CString> = std::env::args_os().filter_map(|text| CString::new(text.into_vec()).ok()).collect();
    let mut pointers: Vec<*mut std::ffi::c_char> = arguments.iter().map(|text| text.as_ptr().cast_mut()).collect();
    // SAFETY: as many pointers to terminated texts as are said; Python is not running yet.
    let code = unsafe { ffi::Py_BytesMain(pointers.len() as i32, pointers.as_mut_ptr()) };
    std::process::exit(code);
}
