//! Whether there is much in a value: found out without writing it.

use std::cell::Cell;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::attributes::dict_of;
use super::encode::layout::Slot;
use super::entries::{Beside, InPlace};

type Object = *mut ffi::PyObject;

/// So many bytes of text take as long to write as another value.
const BYTES: ffi::Py_ssize_t = 64;
/// Levels that are looked into.
const DEEPEST: usize = 64;
/// Values that are looked at: who has so many different ones, or refers to itself, holds many.
const MOST_LOOKS: usize = 4096;
/// Items of a list that are looked at.
const SAMPLES: isize = 8;

/// Return whether a value holds about so many values: in lists, tuples, sets, dicts, and the attributes of instances.
#[pyfunction]
fn holds_many(value: &Bound<'_, PyAny>, many: isize) -> bool {
    let survey = Survey { many, looks: Cell::new(0), models: models(value.py()) };
    // SAFETY: the caller holds the value, and no code of anybody's runs that could change what is in it.
    unsafe { survey.values_in(value.as_ptr(), 0) >= many }
}

/// The class of all models, and where they keep attributes that are no fields.
fn models(py: Python<'_>) -> Option<&'static (Py<PyType>, Slot)> {
    static MODELS: PyOnceLock<Option<(Py<PyType>, Slot)>> = PyOnceLock::new();
    let find = || -> PyResult<_> {
        let class = py.import("pydantic")?.getattr("BaseModel")?.cast_into::<PyType>()?;
        let slot = Slot::of(&class.getattr("__pydantic_extra__")?)?;
        Ok((class.unbind(), slot))
    };
    MODELS.get_or_init(py, || find().ok()).as_ref()
}

struct Survey {
    many: isize,
    looks: Cell<usize>,
    models: Option<&'static (Py<PyType>, Slot)>,
}

impl Survey {
    /// About how many values a value holds, with itself; where there are many, it is enough to know that.
    unsafe fn values_in(&self, value: Object, depth: usize) -> isize {
        let looks = self.looks.get() + 1;
        self.looks.set(looks);
        if looks > MOST_LOOKS || depth == DEEPEST {
            return self.many;
        }
        // SAFETY: the value is alive; its type is checked before it is read as one of that type.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if class == &raw mut ffi::PyUnicode_Type {
                1 + ffi::PyUnicode_GET_LENGTH(value) / BYTES
            } else if class == &raw mut ffi::PyBytes_Type {
                1 + ffi::Py_SIZE(value) / BYTES
            } else if class == &raw mut ffi::PyList_Type {
                self.values_of(ffi::PyList_GET_SIZE(value), depth, |index| ffi::PyList_GET_ITEM(value, index))
            } else if class == &raw mut ffi::PyTuple_Type {
                self.values_of(ffi::PyTuple_GET_SIZE(value), depth, |index| ffi::PyTuple_GET_ITEM(value, index))
            } else if class == &raw mut ffi::PyDict_Type {
                self.values_of_dict(value, depth)
            } else if class == &raw mut ffi::PySet_Type || class == &raw mut ffi::PyFrozenSet_Type {
                1 + ffi::PySet_Size(value) // of what can be hashed: seldom more than one value each
            } else {
                self.values_of_instance(value, depth)
            }
        }
    }

    /// Items of a list are much alike: some of them stand for all.
    unsafe fn values_of(&self, length: isize, depth: usize, item: impl Fn(isize) -> Object) -> isize {
        if length >= self.many {
            return length;
        }
        let samples = length.min(SAMPLES);
        // SAFETY: nothing has changed since the length was read.
        let found: isize = (0..samples)
            .map(|index| unsafe { self.values_in(item(index * length / samples), depth + 1) })
            .fold(0, isize::saturating_add);
        if samples == length { 1 + found } else { 1 + found.saturating_mul(length) / samples }
    }

    unsafe fn values_of_dict(&self, dict: Object, depth: usize) -> isize {
        let (mut at, mut value, mut found) = (0, std::ptr::null_mut(), 1);
        // SAFETY: exactly a dict, which does not change meanwhile.
        unsafe {
            if ffi::PyDict_Size(dict) >= self.many {
                return self.many;
            }
            while found < self.many && ffi::PyDict_Next(dict, &raw mut at, std::ptr::null_mut(), &raw mut value) != 0 {
                found = self.values_in(value, depth + 1).saturating_add(found);
            }
        }
        found
    }

    unsafe fn values_of_instance(&self, instance: Object, depth: usize) -> isize {
        // SAFETY: the instance is alive; the slot belongs to the class that it is below.
        unsafe {
            let mut found = 0;
            if let Some(mut attributes) = Beside::instance(instance) {
                while found < self.many
                    && let Some((_, value)) = attributes.take()
                {
                    found = self.values_in(value, depth + 1).saturating_add(found);
                }
            } else {
                if !has_attributes(instance) {
                    return 1;
                }
                if let Some(attributes) = dict_of(instance) {
                    found = self.values_of_dict(attributes.as_ptr(), depth);
                }
            }
            if let Some((class, slot)) = self.models
                && ffi::PyType_IsSubtype(ffi::Py_TYPE(instance), class.as_ptr().cast()) != 0
            {
                let extra = slot.read(instance);
                if !extra.is_null() && ffi::PyDict_CheckExact(extra) != 0 {
                    found = self.values_of_dict(extra, depth).saturating_add(found);
                }
            }
            found
        }
    }
}

/// Whether an instance is of a class that was made in Python and keeps attributes.
unsafe fn has_attributes(instance: Object) -> bool {
    // SAFETY: the instance is alive.
    unsafe {
        let class = ffi::Py_TYPE(instance);
        (*class).tp_dictoffset != 0 && ffi::PyType_HasFeature(class, ffi::Py_TPFLAGS_HEAPTYPE) != 0
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(holds_many, module)?)
}
