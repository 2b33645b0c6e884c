//! Unions: the first choice that Pydantic's strict check takes.

use pyo3::ffi;

use crate::py::object::Owned;

use super::node::{Node, Object, Tagged};
use super::output::Output;
use super::scalar::text_of;
use super::state::{Outcome, State, Stop};
use crate::py::attributes::attribute;

/// Each has the contract of [`State::encode`].
impl<O: Output> State<'_, O> {
    pub unsafe fn encode_union<const STRICT: bool>(&mut self, choices: &[Node], value: Object) -> Outcome {
        for choice in choices {
            // SAFETY: the value is held over all choices.
            let outcome = unsafe {
                let _held = Self::hold(value);
                self.encode_choice(choice, value)
            };
            match outcome {
                Err(Stop::Reject) => {}
                decided => return decided,
            }
        }
        // Inside another union that one goes on; else Pydantic tries again, less strictly.
        Err(if STRICT { Stop::Reject } else { Stop::Decline })
    }

    /// Try one choice; leave no trace if it is not taken.
    unsafe fn encode_choice(&mut self, choice: &Node, value: Object) -> Outcome {
        let (place, depth) = (self.out.place(), self.depth);
        // SAFETY: the caller's promise.
        let outcome = unsafe { self.encode::<true>(choice, value) };
        if outcome == Err(Stop::Reject) {
            self.out.go_back(place);
            self.depth = depth;
        }
        outcome
    }

    pub unsafe fn encode_tagged<const STRICT: bool>(&mut self, tagged: &Tagged, value: Object) -> Outcome {
        // SAFETY: the value is held; only attributes in the instance's own dict are read.
        unsafe {
            let _held = Self::hold(value);
            let class = ffi::Py_TYPE(value);
            let tag = if class == &raw mut ffi::PyDict_Type {
                let tag = ffi::PyDict_GetItemWithError(value, tagged.name);
                if tag.is_null() {
                    ffi::PyErr_Clear();
                    return Err(Stop::Decline);
                }
                Owned::from_borrowed(tag)
            } else if tagged.classes.contains(&class) {
                attribute(value, tagged.name).ok_or(Stop::Decline)?
            } else {
                return Err(Stop::Decline);
            };
            if ffi::PyUnicode_CheckExact(tag.as_ptr()) == 0 {
                return Err(Stop::Decline);
            }
            let (text, _) = text_of(tag.as_ptr()).ok_or(Stop::Decline)?;
            let index = *tagged.tags.get(text).ok_or(Stop::Decline)?;
            let outcome = self.encode_choice(&tagged.choices[index], value);
            if outcome == Err(Stop::Reject) && !STRICT {
                return Err(Stop::Decline);
            }
            outcome
        }
    }
}
