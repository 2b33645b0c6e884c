//! What validators refused while a document was made: where, what, and the error of it.

use pyo3::exceptions::{PyAssertionError, PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use super::draft::{KeyPlace, Origin};
use super::realise::{Realiser, Stop};
use crate::memory::{give_up, push};
use crate::py::object::Owned;

/// Where in a document something is.
pub(super) enum Place {
    Object(Py<PyAny>),
    Index(usize),
}

/// What one validator refused.
pub(super) struct Refusal {
    error: PyErr,
    /// Innermost first.
    places: Vec<Place>,
    origin: Origin,
}

impl<'py> Realiser<'_, '_, 'py> {
    /// The error for everything that was refused; `None` where only Pydantic can make it.
    pub fn error(self) -> Option<PyErr> {
        let py = self.py;
        let make = || -> PyResult<Option<PyErr>> {
            let list = PyList::empty(py);
            for refusal in self.refusals {
                let places: Vec<Bound<'_, PyAny>> = refusal
                    .places
                    .into_iter()
                    .rev()
                    .map(|place| match place {
                        Place::Object(object) => Ok(object.into_bound(py)),
                        Place::Index(index) => Ok(index.into_pyobject(py)?.into_any()),
                    })
                    .collect::<PyResult<_>>()?;
                let place = PyTuple::new(py, places)?;
                let error = refusal.error.into_value(py);
                match refusal.origin {
                    Origin::Text(span) => {
                        let Some(input) = self.document.json(span.start, span.end) else {
                            return Ok(None);
                        };
                        let input = PyBytes::new_with(py, input.len(), |bytes| {
                            bytes.copy_from_slice(&input);
                            Ok(())
                        })?;
                        list.append((error, place, input, true))?;
                    }
                    Origin::Object(object) => {
                        // SAFETY: a reference that is given away.
                        let object = unsafe { Bound::from_owned_ptr(py, object.into_ptr()) };
                        list.append((error, place, object, false))?;
                    }
                }
            }
            let Some(fail) = &self.plan.fail else {
                return Ok(None);
            };
            let made = fail.bind(py).call1((list,))?;
            Ok((!made.is_none()).then(|| PyErr::from_value(made)))
        };
        make().unwrap_or_else(|error| {
            if error.is_instance_of::<PyMemoryError>(py) {
                give_up();
            }
            None
        })
    }

    /// Take the exception that is set, which goes to the caller.
    #[inline(never)]
    pub(super) fn raised(&self) -> Stop {
        Stop::Raised(PyErr::fetch(self.py))
    }

    /// Take the exception that is set, and find out whether it refuses a value.
    #[inline(never)]
    pub(super) fn refused(&mut self, origin: Origin) -> Stop {
        let error = PyErr::fetch(self.py);
        let is_signal = |class: &Py<PyAny>| error.matches(self.py, class.bind(self.py)).unwrap_or(false);
        let signals = self.signals;
        if is_signal(&signals.omit) {
            return Stop::Omitted;
        }
        if is_signal(&signals.use_default) {
            return Stop::UseDefault;
        }
        if is_signal(&signals.uncaught) {
            let text = error.value(self.py).to_string();
            return match () {
                () if text.starts_with("Uncaught Omit error") => Stop::Omitted,
                () if text.starts_with("Uncaught `PydanticUseDefault`") => Stop::UseDefault,
                () => Stop::Unknown,
            };
        }
        let is_refusal =
            error.is_instance_of::<PyValueError>(self.py) || error.is_instance_of::<PyAssertionError>(self.py);
        if !is_refusal {
            return Stop::Raised(error);
        }
        push(&mut self.refusals, Refusal { error, places: Vec::new(), origin });
        Stop::Refused
    }

    /// Say of all refusals since `before` where they are, one level further out.
    #[inline(never)]
    pub(super) fn locate(&mut self, before: usize, place: impl Fn(Python<'py>) -> Place) {
        for index in before..self.refusals.len() {
            let place = place(self.py);
            self.refusals[index].places.push(place);
        }
    }

    /// The key that stands at a position of the document.
    #[inline(never)]
    pub(super) fn key_at(&self, position: usize) -> Result<Py<PyAny>, Stop> {
        let text = self.document.key_at(position).ok_or(Stop::Unknown)?;
        Ok(text.into_pyobject(self.py).map_err(|_| Stop::Unknown)?.into_any().unbind())
    }

    #[cold]
    #[inline(never)]
    pub(super) fn locate_key(&mut self, before: usize, key_at: usize) -> Result<(), Stop> {
        let key = self.key_at(key_at)?;
        self.locate(before, |py| Place::Object(key.clone_ref(py)));
        Ok(())
    }

    #[inline(never)]
    pub(super) fn in_field(
        &mut self,
        made: Result<Owned, Stop>,
        before: usize,
        location: Option<&Py<PyAny>>,
        key: KeyPlace,
    ) -> Result<Owned, Stop> {
        if matches!(made, Err(Stop::Refused)) {
            let place = match location {
                Some(name) => name.clone_ref(self.py),
                None => match key {
                    KeyPlace::Text(position) => self.key_at(position)?,
                    // SAFETY: a reference that is given away.
                    KeyPlace::Object(name) => unsafe { Bound::from_owned_ptr(self.py, name.into_ptr()).unbind() },
                },
            };
            self.locate(before, |py| Place::Object(place.clone_ref(py)));
        }
        made
    }
}
