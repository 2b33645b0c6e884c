//! The second phase: makes values of drafts, and calls what the user wrote, in the order in which Pydantic does.
//!
//! What a validator refuses is collected, as Pydantic does it, and its `ValidationError` is made of that; the user's
//! code is not run again for it.

use pyo3::exceptions::{PyAssertionError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyTuple};

use super::container::new_tuple;
use super::draft::{Draft, ModelDraft, Signals, Span};
use super::fields::Default;
use super::model::{add_keys, default_value};
use super::node::{After, Model, Plan};
use super::reader::{Call, Miss};
use super::scalar::{append, new_dict, new_list, set_item};
use crate::json::cursor::Cursor;
use crate::py::object::Owned;

/// Why there is no value.
pub enum Stop {
    /// A validator refused something; what it was is noted.
    Refused,
    /// The user's code raised what is no refusal: it goes to the caller as it is.
    Raised(PyErr),
    /// Only Pydantic itself can tell.
    Unknown,
}

impl From<Miss> for Stop {
    fn from(_: Miss) -> Self {
        Self::Unknown
    }
}

/// Where in a document something is.
enum Place {
    Object(Py<PyAny>),
    Index(usize),
}

/// What one validator refused.
struct Refusal {
    error: PyErr,
    /// Innermost first.
    places: Vec<Place>,
    span: Span,
}

/// Makes the values of one document.
pub struct Realiser<'p, 't, 'py> {
    py: Python<'py>,
    plan: &'p Plan,
    text: &'t [u8],
    call: Call,
    refusals: Vec<Refusal>,
    signals: &'p Signals,
    /// The fields of the innermost model that are made so far, and the name of the field that is being made.
    data: Option<Owned>,
    field: Option<Owned>,
}

static SIGNALS: PyOnceLock<Signals> = PyOnceLock::new();

impl<'p, 't, 'py> Realiser<'p, 't, 'py> {
    /// For one document.
    pub fn new(py: Python<'py>, plan: &'p Plan, text: &'t [u8], call: Call) -> PyResult<Self> {
        let signals = SIGNALS.get_or_try_init(py, || -> PyResult<Signals> {
            let core = py.import("pydantic_core")?;
            Ok(Signals {
                omit: core.getattr("PydanticOmit")?.unbind(),
                use_default: core.getattr("PydanticUseDefault")?.unbind(),
            })
        })?;
        Ok(Self { py, plan, text, call, refusals: Vec::new(), signals, data: None, field: None })
    }

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
                let input = self.text.get(refusal.span.start..refusal.span.end).unwrap_or_default();
                let place = PyTuple::new(py, places)?;
                list.append((refusal.error.into_value(py), place, PyBytes::new(py, input)))?;
            }
            let made = self.plan.fail.bind(py).call1((list,))?;
            Ok((!made.is_none()).then(|| PyErr::from_value(made)))
        };
        make().ok().flatten()
    }

    /// Make the value of a draft.
    pub fn value(&mut self, draft: Draft<'p>) -> Result<Owned, Stop> {
        match draft {
            Draft::Ready(value) => Ok(value),
            Draft::Model(model) => self.model(*model),
            Draft::RootModel(model, value, span) => {
                let name = intern!(self.py, "root").as_ptr();
                // SAFETY: an interned string lives as long as the interpreter.
                let outer = self.field.replace(unsafe { Owned::from_borrowed(name) });
                let value = self.value(*value);
                self.field = outer;
                let value = value?;
                let fields_set = model.blueprint.fields_set.of(1).ok_or_else(|| self.raised())?;
                let instance =
                    model.blueprint.root_instance(self.py, &value, fields_set).ok_or_else(|| self.raised())?;
                if model.blueprint.call_post_init(&instance, self.call.context).is_none() {
                    return Err(self.refused(span));
                }
                Ok(instance)
            }
            Draft::List(items) => {
                let list = new_list()?;
                for item in self.all(items)? {
                    append(&list, &item)?;
                }
                Ok(list)
            }
            Draft::Tuple(items) => Ok(new_tuple(self.all(items)?)?),
            Draft::Dict(members) => {
                let dict = new_dict()?;
                let mut failed = false;
                for member in members {
                    let before = self.refusals.len();
                    match self.value(member.value) {
                        Ok(value) => set_item(&dict, &member.key, &value)?,
                        Err(Stop::Refused) => {
                            failed = true;
                            let key = self.key_at(member.key_at)?;
                            self.locate(before, |py| Place::Object(key.clone_ref(py)));
                        }
                        Err(stop) => return Err(stop),
                    }
                }
                if failed { Err(Stop::Refused) } else { Ok(dict) }
            }
            Draft::Tagged(tag, inner) => {
                let before = self.refusals.len();
                let result = self.value(*inner);
                if matches!(result, Err(Stop::Refused)) {
                    let tag = String::from_utf8_lossy(&tag).into_pyobject(self.py).map_err(|_| Stop::Unknown)?;
                    let tag = tag.into_any().unbind();
                    self.locate(before, |py| Place::Object(tag.clone_ref(py)));
                }
                result
            }
            Draft::After(after, inner, span) => {
                let value = self.value(*inner)?;
                self.after(after, value, span)
            }
            Draft::Piece(piece, span) => self.piece(piece, span),
        }
    }

    /// Make all items; every one is tried, as Pydantic does it.
    fn all(&mut self, items: Vec<Draft<'p>>) -> Result<Vec<Owned>, Stop> {
        let mut values = Vec::with_capacity(items.len());
        let mut failed = false;
        for (index, item) in items.into_iter().enumerate() {
            let before = self.refusals.len();
            match self.value(item) {
                Ok(value) => values.push(value),
                Err(Stop::Refused) => {
                    failed = true;
                    self.locate(before, |_| Place::Index(index));
                }
                Err(stop) => return Err(stop),
            }
        }
        if failed { Err(Stop::Refused) } else { Ok(values) }
    }

    fn model(&mut self, draft: ModelDraft<'p>) -> Result<Owned, Stop> {
        let blueprint = &draft.model.blueprint;
        let dict = new_dict()?;
        // SAFETY: the dictionary is alive.
        let outer_data = self.data.replace(unsafe { Owned::from_borrowed(dict.as_ptr()) });
        let outer_field = self.field.take();
        let filled = self.fill(&dict, draft.model, draft.fields);
        self.data = outer_data;
        self.field = outer_field;
        filled?;
        let fields_set = blueprint.fields_set.of(draft.given).ok_or_else(|| self.raised())?;
        if let Some(extra) = &draft.extra {
            add_keys(&fields_set, extra)?;
        }
        let instance = blueprint.instance(dict, draft.extra, fields_set).ok_or_else(|| self.raised())?;
        if blueprint.call_post_init(&instance, self.call.context).is_none() {
            return Err(self.refused(draft.span));
        }
        Ok(instance)
    }

    fn fill(&mut self, dict: &Owned, model: &'p Model, values: Vec<Option<(Draft<'p>, usize)>>) -> Result<(), Stop> {
        let mut failed = false;
        for (field, value) in model.fields.list.iter().zip(values) {
            // SAFETY: the name lives as long as the program.
            let name = unsafe { Owned::from_borrowed(field.name.as_ptr()) };
            // SAFETY: as above.
            self.field = Some(unsafe { Owned::from_borrowed(field.name.as_ptr()) });
            let value = match value {
                Some((value, key_at)) => {
                    let before = self.refusals.len();
                    let made = self.value(value);
                    self.in_field(made, before, field.location.as_ref(), key_at)
                }
                None => self.default(&field.default),
            };
            match value {
                Ok(value) => set_item(dict, &name, &value)?,
                Err(Stop::Refused) => failed = true,
                Err(stop) => return Err(stop),
            }
        }
        if failed { Err(Stop::Refused) } else { Ok(()) }
    }

    fn in_field(
        &mut self,
        made: Result<Owned, Stop>,
        before: usize,
        location: Option<&Py<PyAny>>,
        key_at: usize,
    ) -> Result<Owned, Stop> {
        if matches!(made, Err(Stop::Refused)) {
            let place = match location {
                Some(name) => name.clone_ref(self.py),
                None => self.key_at(key_at)?,
            };
            self.locate(before, |py| Place::Object(place.clone_ref(py)));
        }
        made
    }

    fn default(&mut self, default: &'p Default) -> Result<Owned, Stop> {
        let made = match default {
            // SAFETY: the function lives as long as the program.
            Default::Made(function) => unsafe { Owned::from_new(ffi::PyObject_CallNoArgs(function.as_ptr())) },
            Default::DeepCopied(value) => {
                let copied = self.py.import("copy").and_then(|copy| copy.call_method1("deepcopy", (value,)));
                // SAFETY: a new reference that is given away.
                return copied
                    .map_err(Stop::Raised)
                    .and_then(|value| unsafe { Owned::from_new(value.into_ptr()).ok_or(Stop::Unknown) });
            }
            plain => return Ok(default_value(plain)?),
        };
        made.ok_or_else(|| self.raised())
    }

    /// Call a validator with a value that is valid.
    fn after(&mut self, after: &'p After, value: Owned, span: Span) -> Result<Owned, Stop> {
        // SAFETY: function and arguments are alive for the call.
        let result = unsafe {
            match &after.info {
                None => Owned::from_new(ffi::PyObject_CallOneArg(after.function.as_ptr(), value.as_ptr())),
                Some(info) => {
                    let or_none = |object: &Option<Owned>| object.as_ref().map_or(ffi::Py_None(), Owned::as_ptr);
                    let arguments = [self.call.context, or_none(&self.data), or_none(&self.field)];
                    let make = info.make.as_ptr();
                    let made = ffi::PyObject_Vectorcall(make, arguments.as_ptr(), 3, std::ptr::null_mut());
                    let shown = Owned::from_new(made).ok_or_else(|| self.raised())?;
                    let arguments = [value.as_ptr(), shown.as_ptr()];
                    let function = after.function.as_ptr();
                    Owned::from_new(ffi::PyObject_Vectorcall(function, arguments.as_ptr(), 2, std::ptr::null_mut()))
                }
            }
        };
        result.ok_or_else(|| self.refused(span))
    }

    /// Let Pydantic read a part.
    fn piece(&mut self, piece: &'p super::node::Piece, span: Span) -> Result<Owned, Stop> {
        let text = self.text.get(span.start..span.end).unwrap_or_default();
        match super::piece::validate(piece, text, self.call) {
            Some(value) => Ok(value),
            None => Err(self.refused(span)),
        }
    }

    /// Take the exception that is set, which goes to the caller.
    fn raised(&self) -> Stop {
        Stop::Raised(PyErr::fetch(self.py))
    }

    /// Take the exception that is set, and find out whether it refuses a value.
    fn refused(&mut self, span: Span) -> Stop {
        let error = PyErr::fetch(self.py);
        let is_signal = |class: &Py<PyAny>| error.matches(self.py, class.bind(self.py)).unwrap_or(false);
        if is_signal(&self.signals.omit) || is_signal(&self.signals.use_default) {
            return Stop::Unknown;
        }
        let is_refusal =
            error.is_instance_of::<PyValueError>(self.py) || error.is_instance_of::<PyAssertionError>(self.py);
        if !is_refusal {
            return Stop::Raised(error);
        }
        self.refusals.push(Refusal { error, places: Vec::new(), span });
        Stop::Refused
    }

    /// Say of all refusals since `before` where they are, one level further out.
    fn locate(&mut self, before: usize, place: impl Fn(Python<'py>) -> Place) {
        for index in before..self.refusals.len() {
            let place = place(self.py);
            self.refusals[index].places.push(place);
        }
    }

    /// The key that stands at a position of the text.
    fn key_at(&self, position: usize) -> Result<Py<PyAny>, Stop> {
        let mut cursor = Cursor::new(self.text);
        cursor.rewind(position);
        let raw = cursor.string().ok_or(Stop::Unknown)?;
        let mut text = String::new();
        crate::json::unescape::unescape(raw.bytes, &mut text).ok_or(Stop::Unknown)?;
        Ok(text.into_pyobject(self.py).map_err(|_| Stop::Unknown)?.into_any().unbind())
    }
}
