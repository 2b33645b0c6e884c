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
use super::draft::{Draft, KeyPlace, Member, ModelDraft, Origin, Signals, Span};
use super::fields::Default;
use super::model::{add_keys, default_value};
use super::node::{After, Before, Info, Length, Model, Node, Plan, RootModel};
use super::reader::{Call, Miss, Reader};
use super::scalar::{append, new_dict, new_list, set_item};
use crate::json::cursor::Cursor;
use crate::py::object::Owned;

/// Levels of what a validator of the user's made.
const LEVELS: usize = 200;

/// Why there is no value.
pub enum Stop {
    /// A validator refused something; what it was is noted.
    Refused,
    /// A validator raised `PydanticOmit`: what is around the value leaves it out.
    Omitted,
    /// A validator raised `PydanticUseDefault`: what is around the value has its default.
    UseDefault,
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
    origin: Origin,
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
    /// Models' own validators around the current place: each may make what the next one is called with, without end.
    befores: usize,
}

/// More of a model's own validators inside one another are left to Pydantic, which has a guard.
const MOST_BEFORES: usize = 32;

static SIGNALS: PyOnceLock<Signals> = PyOnceLock::new();

impl<'p, 't, 'py> Realiser<'p, 't, 'py> {
    /// For one document.
    pub fn new(py: Python<'py>, plan: &'p Plan, text: &'t [u8], call: Call) -> PyResult<Self> {
        let signals = SIGNALS.get_or_try_init(py, || -> PyResult<Signals> {
            let core = py.import("pydantic_core")?;
            Ok(Signals {
                omit: core.getattr("PydanticOmit")?.unbind(),
                use_default: core.getattr("PydanticUseDefault")?.unbind(),
                // What a validator for a part makes of these two, which mean something to what is around the part.
                uncaught: core.getattr("SchemaError")?.unbind(),
            })
        })?;
        Ok(Self { py, plan, text, call, refusals: Vec::new(), signals, data: None, field: None, befores: 0 })
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
                let place = PyTuple::new(py, places)?;
                let error = refusal.error.into_value(py);
                match refusal.origin {
                    Origin::Text(span) => {
                        let input = self.text.get(span.start..span.end).unwrap_or_default();
                        list.append((error, place, PyBytes::new(py, input), true))?;
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
        make().ok().flatten()
    }

    /// Make the value of a draft.
    ///
    /// Each kind has a function of its own that is not inlined: a frame here is one level of a document, and small
    /// stacks have to hold two hundred.
    pub fn value(&mut self, draft: Draft<'p>) -> Result<Owned, Stop> {
        match draft {
            Draft::Ready(value) => Ok(value),
            Draft::Model(model) => self.model(*model),
            Draft::RootModel(model, value, origin) => self.root_model(model, *value, origin),
            Draft::List(items, length) => self.list(items, length),
            Draft::Tuple(items, length) => self.tuple(items, length),
            Draft::Dict(members, length) => self.dict(members, length),
            Draft::Tagged(tag, inner) => self.tagged(&tag, *inner),
            Draft::After(after, inner, origin) => {
                let value = self.value(*inner)?;
                self.after(after, value, origin)
            }
            Draft::Before(before, object, origin) => self.before(before, object, origin),
            Draft::Init(class, keywords, origin) => self.init(class, &keywords, origin),
            Draft::Piece(piece, span) => self.piece(piece, span),
        }
    }

    #[inline(never)]
    fn root_model(&mut self, model: &'p RootModel, draft: Draft<'p>, origin: Origin) -> Result<Owned, Stop> {
        let name = intern!(self.py, "root").as_ptr();
        // SAFETY: an interned string lives as long as the interpreter.
        let outer = self.field.replace(unsafe { Owned::from_borrowed(name) });
        let value = self.value(draft);
        self.field = outer;
        let value = value?;
        let fields_set = model.blueprint.fields_set.of(1).ok_or_else(|| self.raised())?;
        let instance = model.blueprint.root_instance(self.py, &value, fields_set).ok_or_else(|| self.raised())?;
        if model.blueprint.call_post_init(&instance, self.call.context).is_none() {
            return Err(self.refused(origin));
        }
        Ok(instance)
    }

    #[inline(never)]
    fn list(&mut self, items: Vec<Draft<'p>>, length: Length) -> Result<Owned, Stop> {
        let list = new_list()?;
        for item in self.all(items, length)? {
            append(&list, &item)?;
        }
        Ok(list)
    }

    #[inline(never)]
    fn tuple(&mut self, items: Vec<Draft<'p>>, length: Length) -> Result<Owned, Stop> {
        Ok(new_tuple(self.all(items, length)?)?)
    }

    #[inline(never)]
    fn dict(&mut self, members: Vec<Member<'p>>, length: Length) -> Result<Owned, Stop> {
        let dict = new_dict()?;
        let (mut failed, mut omitted) = (false, false);
        for member in members {
            let before = self.refusals.len();
            match self.value(member.value) {
                Ok(value) => set_item(&dict, &member.key, &value)?,
                Err(Stop::Omitted) => omitted = true,
                Err(Stop::Refused) => {
                    failed = true;
                    self.locate_key(before, member.key_at)?;
                }
                Err(stop) => return Err(stop),
            }
        }
        // SAFETY: the dictionary is alive.
        let count = unsafe { ffi::PyDict_Size(dict.as_ptr()) } as usize;
        match failed {
            true => Err(Stop::Refused),
            false if omitted && !length.allows(count) => Err(Stop::Unknown),
            false => Ok(dict),
        }
    }

    #[inline(never)]
    fn tagged(&mut self, tag: &[u8], inner: Draft<'p>) -> Result<Owned, Stop> {
        let before = self.refusals.len();
        let result = self.value(inner);
        if matches!(result, Err(Stop::Refused)) {
            let tag = String::from_utf8_lossy(tag).into_pyobject(self.py).map_err(|_| Stop::Unknown)?;
            let tag = tag.into_any().unbind();
            self.locate(before, |py| Place::Object(tag.clone_ref(py)));
        }
        result
    }

    #[inline(never)]
    fn init(&mut self, class: &Py<PyAny>, keywords: &Owned, origin: Origin) -> Result<Owned, Stop> {
        // SAFETY: class and arguments are alive for the call.
        let made = unsafe {
            let nothing = Owned::from_new(ffi::PyTuple_New(0)).ok_or_else(|| self.raised())?;
            Owned::from_new(ffi::PyObject_Call(class.as_ptr(), nothing.as_ptr(), keywords.as_ptr()))
        };
        made.ok_or_else(|| self.refused(origin))
    }

    #[cold]
    #[inline(never)]
    fn locate_key(&mut self, before: usize, key_at: usize) -> Result<(), Stop> {
        let key = self.key_at(key_at)?;
        self.locate(before, |py| Place::Object(key.clone_ref(py)));
        Ok(())
    }

    /// Make all items; every one is tried, as Pydantic does it.
    #[inline(never)]
    fn all(&mut self, items: Vec<Draft<'p>>, length: Length) -> Result<Vec<Owned>, Stop> {
        let mut values = Vec::with_capacity(items.len());
        let (mut failed, mut omitted) = (false, false);
        for (index, item) in items.into_iter().enumerate() {
            let before = self.refusals.len();
            match self.value(item) {
                Ok(value) => values.push(value),
                Err(Stop::Omitted) => omitted = true,
                Err(Stop::Refused) => {
                    failed = true;
                    self.locate(before, |_| Place::Index(index));
                }
                Err(stop) => return Err(stop),
            }
        }
        match failed {
            true => Err(Stop::Refused),
            false if omitted && !length.allows(values.len()) => Err(Stop::Unknown),
            false => Ok(values),
        }
    }

    #[inline(never)]
    fn model(&mut self, draft: ModelDraft<'p>) -> Result<Owned, Stop> {
        let blueprint = &draft.model.blueprint;
        let dict = new_dict()?;
        // SAFETY: the dictionary is alive.
        let outer_data = self.data.replace(unsafe { Owned::from_borrowed(dict.as_ptr()) });
        let outer_field = self.field.take();
        let filled = self.fill(&dict, draft.model, draft.fields);
        self.data = outer_data;
        self.field = outer_field;
        let omitted = filled?;
        let fields_set = blueprint.fields_set.of(draft.given & !omitted).ok_or_else(|| self.raised())?;
        if let Some(extra) = &draft.extra {
            add_keys(&fields_set, extra)?;
        }
        let instance = blueprint.instance(dict, draft.extra, fields_set).ok_or_else(|| self.raised())?;
        if blueprint.call_post_init(&instance, self.call.context).is_none() {
            return Err(self.refused(draft.origin));
        }
        Ok(instance)
    }

    /// Make the fields; returns a bit for each one that a validator left out.
    #[inline(never)]
    fn fill(
        &mut self,
        dict: &Owned,
        model: &'p Model,
        values: Vec<Option<(Draft<'p>, KeyPlace)>>,
    ) -> Result<u128, Stop> {
        let mut failed = false;
        let mut omitted = 0;
        for (index, (field, value)) in model.fields.list.iter().zip(values).enumerate() {
            // SAFETY: the name lives as long as the program.
            let name = unsafe { Owned::from_borrowed(field.name.as_ptr()) };
            // SAFETY: as above.
            self.field = Some(unsafe { Owned::from_borrowed(field.name.as_ptr()) });
            let value = match value {
                Some((value, key)) => {
                    let before = self.refusals.len();
                    let made = match self.value(value) {
                        Err(Stop::UseDefault) if !matches!(field.default, Default::Required | Default::Absent) => {
                            self.default(&field.default)
                        }
                        made => made,
                    };
                    self.in_field(made, before, field.location.as_ref(), key)
                }
                None => self.default(&field.default),
            };
            match value {
                Ok(value) => set_item(dict, &name, &value)?,
                Err(Stop::Omitted) => omitted |= 1 << index,
                Err(Stop::Refused) => failed = true,
                Err(stop) => return Err(stop),
            }
        }
        if failed { Err(Stop::Refused) } else { Ok(omitted) }
    }

    #[inline(never)]
    fn in_field(
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

    #[inline(never)]
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
    #[inline(never)]
    fn after(&mut self, after: &'p After, value: Owned, origin: Origin) -> Result<Owned, Stop> {
        let result = self.call(&after.function, after.info.as_ref(), &value)?;
        result.ok_or_else(|| self.refused(origin))
    }

    /// Call a function of the user's; `Ok(None)` if it raised.
    #[inline(never)]
    fn call(&mut self, function: &Py<PyAny>, info: Option<&Info>, value: &Owned) -> Result<Option<Owned>, Stop> {
        // SAFETY: function and arguments are alive for the call.
        unsafe {
            let Some(info) = info else {
                return Ok(Owned::from_new(ffi::PyObject_CallOneArg(function.as_ptr(), value.as_ptr())));
            };
            let or_none = |object: &Option<Owned>| object.as_ref().map_or(ffi::Py_None(), Owned::as_ptr);
            let arguments = [self.call.context, or_none(&self.data), or_none(&self.field)];
            let made = ffi::PyObject_Vectorcall(info.make.as_ptr(), arguments.as_ptr(), 3, std::ptr::null_mut());
            let shown = Owned::from_new(made).ok_or_else(|| self.raised())?;
            let arguments = [value.as_ptr(), shown.as_ptr()];
            let result = ffi::PyObject_Vectorcall(function.as_ptr(), arguments.as_ptr(), 2, std::ptr::null_mut());
            Ok(Owned::from_new(result))
        }
    }

    /// Call a model's own validators with its part of the document, and read what they give.
    #[inline(never)]
    fn before(&mut self, before: &'p Before, object: Owned, mut origin: Origin) -> Result<Owned, Stop> {
        let mut value = object;
        for (function, info) in &before.functions {
            match self.call(function, info.as_ref(), &value)? {
                Some(made) => value = made,
                None => return Err(self.refused(origin)),
            }
            // SAFETY: the value is alive. What the next one refuses is what this one gave.
            origin = Origin::Object(unsafe { Owned::from_borrowed(value.as_ptr()) });
        }
        let mut reader = Reader::new(self.plan, b"", LEVELS, self.call);
        match reader.tree_draft(&before.inner, &value) {
            Ok(draft) if self.befores < MOST_BEFORES => {
                self.befores += 1;
                let made = self.value(draft);
                self.befores -= 1;
                made
            }
            // Not in canonical form, or wrong: the functions have run, so Pydantic is asked for the rest only.
            _ => self.fields_by_pydantic(before, &value, origin),
        }
    }

    #[inline(never)]
    fn fields_by_pydantic(&mut self, before: &'p Before, value: &Owned, origin: Origin) -> Result<Owned, Stop> {
        let Node::Model(model) = &before.inner else {
            return Err(Stop::Unknown);
        };
        let validated = super::piece::call(&before.validate, value, self.call).ok_or_else(|| self.refused(origin))?;
        // SAFETY: a new reference that is given away.
        let validated = unsafe { Bound::from_owned_ptr(self.py, validated.into_ptr()) };
        let (dict, extra, fields_set): (Bound<'_, PyAny>, Bound<'_, PyAny>, Bound<'_, PyAny>) =
            validated.extract().map_err(|_| Stop::Unknown)?;
        let owned = |object: Bound<'_, PyAny>| unsafe {
            // SAFETY: a reference that is given away.
            Owned::from_new(object.into_ptr())
        };
        let dict = owned(dict).ok_or(Stop::Unknown)?;
        let fields_set = owned(fields_set).ok_or(Stop::Unknown)?;
        let instance = model.blueprint.instance(dict, owned(extra), fields_set).ok_or_else(|| self.raised())?;
        if model.blueprint.call_post_init(&instance, self.call.context).is_none() {
            // SAFETY: the value is alive.
            let origin = Origin::Object(unsafe { Owned::from_borrowed(value.as_ptr()) });
            return Err(self.refused(origin));
        }
        Ok(instance)
    }

    /// Let Pydantic read a part.
    #[inline(never)]
    fn piece(&mut self, piece: &'p super::node::Piece, span: Span) -> Result<Owned, Stop> {
        let text = self.text.get(span.start..span.end).unwrap_or_default();
        match super::piece::validate(piece, text, self.call) {
            Some(value) => Ok(value),
            None => Err(self.refused(Origin::Text(span))),
        }
    }

    /// Take the exception that is set, which goes to the caller.
    #[inline(never)]
    fn raised(&self) -> Stop {
        Stop::Raised(PyErr::fetch(self.py))
    }

    /// Take the exception that is set, and find out whether it refuses a value.
    #[inline(never)]
    fn refused(&mut self, origin: Origin) -> Stop {
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
        self.refusals.push(Refusal { error, places: Vec::new(), origin });
        Stop::Refused
    }

    /// Say of all refusals since `before` where they are, one level further out.
    #[inline(never)]
    fn locate(&mut self, before: usize, place: impl Fn(Python<'py>) -> Place) {
        for index in before..self.refusals.len() {
            let place = place(self.py);
            self.refusals[index].places.push(place);
        }
    }

    /// The key that stands at a position of the text.
    #[inline(never)]
    fn key_at(&self, position: usize) -> Result<Py<PyAny>, Stop> {
        let mut cursor = Cursor::new(self.text);
        cursor.rewind(position);
        let raw = cursor.string().ok_or(Stop::Unknown)?;
        let mut text = String::new();
        crate::json::unescape::unescape(raw.bytes, &mut text).ok_or(Stop::Unknown)?;
        Ok(text.into_pyobject(self.py).map_err(|_| Stop::Unknown)?.into_any().unbind())
    }
}
