//! The whole core beside Pydantic: documents of the model zoo, compact pickles and frames, judged in Python.
//!
//! `tests/hostile/covered.py` says what the first two bytes choose, and what has to come of the others.

#![no_main]

use std::process::abort;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use pydantic_serialization_fuzz::embedded;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

static CHECK: OnceLock<Py<PyAny>> = OnceLock::new();

fn check(py: Python<'_>) -> &Py<PyAny> {
    CHECK.get_or_init(|| {
        let found = py.import("hostile.covered").and_then(|module| module.getattr("check"));
        found.unwrap_or_else(|error| fail(py, &error)).unbind()
    })
}

/// Show the error, and end as libFuzzer wants it.
fn fail(py: Python<'_>, error: &PyErr) -> ! {
    error.print(py);
    abort()
}

fuzz_target!(
    init: {
        embedded::offer_the_core();
        Python::initialize();
    },
    |data: &[u8]| {
        Python::attach(|py| {
            if let Err(error) = check(py).call1(py, (PyBytes::new(py, data),)) {
                fail(py, &error);
            }
        });
    }
);
