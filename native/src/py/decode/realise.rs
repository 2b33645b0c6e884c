//! The second phase: makes values of drafts, and calls what the user wrote, in the order in which Pydantic does.
//!
//! What a validator refuses is collected, as Pydantic does it, and its `ValidationError` is made of that; the user's
//! code is not run again for it.

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::container::{list_of, new_tuple};
use super::draft::{Draft, KeyPlace, Member, ModelDraft, Origin, Signals};
use super::fields::Default;
use super::model::add_keys;
use super::node::{Length, Model, Plan, RootModel};
use super::reader::{Call, Miss};
use super::refusal::{Place, Refusal};
use super::scalar::{new_dict, set_item};
use crate::memory::with_room;
use crate::py::object::Owned;
use crate::py::pause::Pauses;
use crate::source::Document;

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

/// Makes the values of one document.
pub struct Realiser<'p, 't, 'py> {
    pub(super) py: Python<'py>,
    pub(super) plan: &'p Plan,
    pub(super) document: &'t dyn Document,
    pub(super) call: Call,
    pub(super) refusals: Vec<Refusal>,
    pub(super) signals: &'p Signals,
    /// The fields of the innermost model that are made so far, and the name of the field that is being made.
    pub(super) data: Option<Owned>,
    pub(super) field: Option<Owned>,
    /// Models' own validators around the current place: each may make what the next one is called with, without end.
    pub(super) befores: usize,
    pauses: Pauses,
}

/// The drafts of so many items leave that many small pieces of memory.
const MANY: usize = 10_000;

/// Make the allocator put small pieces of memory together: glibc does that when it is next asked for a large one, and then
/// other threads would wait for it, too.
fn tidy() {
    std::hint::black_box(Vec::<u8>::with_capacity(1 << 16));
}

static SIGNALS: PyOnceLock<Signals> = PyOnceLock::new();

impl<'p, 't, 'py> Realiser<'p, 't, 'py> {
    /// For one document.
    pub fn new(
        py: Python<'py>,
        plan: &'p Plan,
        document: &'t dyn Document,
        call: Call,
        pauses: Pauses,
    ) -> PyResult<Self> {
        let signals = SIGNALS.get_or_try_init(py, || -> PyResult<Signals> {
            let core = py.import("pydantic_core")?;
            Ok(Signals {
                omit: core.getattr("PydanticOmit")?.unbind(),
                use_default: core.getattr("PydanticUseDefault")?.unbind(),
                // What a validator for a part makes of these two, which mean something to what is around the part.
                uncaught: core.getattr("SchemaError")?.unbind(),
            })
        })?;
        Ok(Self {
            py,
            plan,
            document,
            call,
            refusals: Vec::new(),
            signals,
            data: None,
            field: None,
            befores: 0,
            pauses,
        })
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
        Ok(list_of(self.all(items, length)?.into_iter())?)
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
            self.pauses.item(self.py);
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

    /// Make all items; every one is tried, as Pydantic does it.
    #[inline(never)]
    fn all(&mut self, items: Vec<Draft<'p>>, length: Length) -> Result<Vec<Owned>, Stop> {
        let mut values = with_room(items.len());
        let (mut failed, mut omitted) = (false, false);
        let mut items = items.into_iter(); // alive until the end: to free so much memory at once takes some time
        for (index, item) in items.by_ref().enumerate() {
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
            self.pauses.item(self.py);
        }
        if values.len() >= MANY {
            self.py.detach(tidy);
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
        let instance = blueprint.instance_with(&dict, draft.extra, fields_set).ok_or_else(|| self.raised())?;
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
}
