//! Models, root models and typed dictionaries, in one pass over the text.

use pyo3::ffi;
use pyo3::prelude::*;

use super::attributes::Attributes;
use super::fields::{Default, Field, Fields, Key, bit};
use super::node::{Extra, Model, Node, RootModel, TypedDict};
use super::reader::{Fit, Miss, Read, Reader, out_of_memory};
use super::scalar::{new_dict, set_item};
use crate::py::object::Owned;
use crate::source::{RawString, Source};

/// A place in an object, before a value.
struct Place<Open> {
    start: usize,
    levels: usize,
    open: Open,
}

/// What a key of an object turned out to be.
pub(super) enum Found<'t> {
    Field(usize),
    Unknown(RawString<'t>),
}

impl<'p, 't, S: Source<'t>> Reader<'p, 't, S> {
    pub(super) fn model(&mut self, model: &'p Model) -> Read<Owned> {
        let fields = &model.fields;
        let mut attributes = model.blueprint.start().ok_or_else(out_of_memory)?;
        let extra = match model.extra {
            Extra::Allow(_) => Some(new_dict()?),
            _ => None,
        };
        let mut given = 0_u128;
        let mut expected = 0;
        let mut open = self.open_object()?;
        while self.goes_on(&mut open)? {
            match self.model_key(&fields.list, expected, |key| fields.find(key))? {
                Found::Field(index) => {
                    if given & bit(index) != 0 {
                        return Err(Miss::Unknown); // given twice: Pydantic decides which one counts
                    }
                    given |= bit(index);
                    expected = index + 1;
                    let before = self.place_on_trial(open);
                    let value = match self.value(&fields.list[index].node) {
                        Ok(value) => value,
                        Err(miss) => return Err(self.certain(miss, fields, given, before)),
                    };
                    model.blueprint.put(&mut attributes, index, value).ok_or_else(out_of_memory)?;
                }
                Found::Unknown(raw) => self.extra(&model.extra, extra.as_ref(), raw)?,
            }
        }
        if fields.required & !given != 0 {
            return Err(Miss::Refused);
        }
        self.fill_defaults(model, &mut attributes, given)?;
        let fields_set = model.blueprint.fields_set.of(given).ok_or_else(out_of_memory)?;
        if let Some(extra) = &extra {
            add_keys(&fields_set, extra)?;
        }
        self.lower_fit(Fit::Strict);
        self.given = Some(self.given.unwrap_or(0) + given.count_ones() as usize);
        let instance = model.blueprint.instance(attributes, extra, fields_set).ok_or_else(out_of_memory)?;
        // Only Pydantic's own method is called here; a user's makes the model a live one.
        model.blueprint.call_post_init(&instance, self.call.context).ok_or_else(out_of_memory)?;
        Ok(instance)
    }

    /// Take the next key of an object and its colon.
    ///
    /// Keys tend to come in the order of the fields, so the next field's is compared first: the end of the key need not
    /// be searched for then.
    #[inline]
    pub(super) fn model_key(
        &mut self,
        fields: &[Field],
        expected: usize,
        find: impl FnOnce(&[u8]) -> Option<Key>,
    ) -> Read<Found<'t>> {
        if let Some(field) = fields.get(expected)
            && self.cursor.take_key(&field.expected)
        {
            return Ok(Found::Field(expected));
        }
        let raw = self.key()?;
        match find(self.text_of(raw)?) {
            Some(Key::Field(index)) => Ok(Found::Field(index)),
            Some(Key::Declined) => Err(Miss::Unknown),
            None => Ok(Found::Unknown(raw)),
        }
    }

    /// Where an object is read at the moment, if a refusal of its next value must be certain.
    ///
    /// Asked first, and only then noted: to copy the position right after it was moved is to wait for it.
    #[inline(always)]
    fn place_on_trial(&self, open: S::Open) -> Option<Place<S::Open>> {
        (self.trials > 0).then(|| Place { start: self.cursor.position(), levels: self.levels, open })
    }

    /// What a field that was missed means for its object, which was read up to the value at a place.
    ///
    /// Of a key that stands twice Pydantic reads the last value only: a refusal counts if every key stands once.
    #[cold]
    fn certain(&mut self, miss: Miss, fields: &Fields, mut given: u128, place: Option<Place<S::Open>>) -> Miss {
        let (Miss::Refused, Some(Place { start, levels, mut open })) = (miss, place) else {
            return within_model(miss);
        };
        self.cursor.rewind(start);
        self.levels = levels;
        let mut rest = || -> Read<()> {
            self.cursor.skip_value(self.levels).ok_or(Miss::Unknown)?;
            while self.goes_on(&mut open)? {
                let raw = self.key()?;
                match fields.find(self.text_of(raw)?) {
                    Some(Key::Field(index)) if given & bit(index) == 0 => given |= bit(index),
                    Some(_) => return Err(Miss::Unknown),
                    None => {}
                }
                self.cursor.skip_value(self.levels).ok_or(Miss::Unknown)?;
            }
            Ok(())
        };
        if rest().is_ok() { Miss::Refused } else { Miss::Unknown }
    }

    /// Take the value of a key that is no field's.
    fn extra(&mut self, rule: &'p Extra, into: Option<&Owned>, raw: RawString<'t>) -> Read<()> {
        match (rule, into) {
            (Extra::Ignore, _) => self.cursor.skip_value(self.levels).ok_or(Miss::Unknown),
            (Extra::Allow(node), Some(dict)) => {
                let key = self.string_object(raw)?;
                let value = match node {
                    Some(node) => self.value(node).map_err(within_model)?,
                    // Without a declaration, extras do not count for the fit.
                    None => {
                        let fit = self.fit;
                        let value = self.any();
                        self.fit = fit;
                        value?
                    }
                };
                set_item(dict, &key, &value)
            }
            _ => Err(Miss::Refused),
        }
    }

    fn fill_defaults(&mut self, model: &'p Model, attributes: &mut Attributes, given: u128) -> Read<()> {
        let fields = &model.fields.list;
        if given.count_ones() as usize == fields.len() {
            return Ok(());
        }
        for (index, field) in fields.iter().enumerate() {
            if given & bit(index) == 0 {
                let value = default_value(&field.default)?;
                model.blueprint.put(attributes, index, value).ok_or_else(out_of_memory)?;
            }
        }
        Ok(())
    }

    pub(super) fn root_model(&mut self, model: &'p RootModel) -> Read<Owned> {
        let value = self.value(&model.value).map_err(within_model)?;
        self.root_instance(model, &value)
    }

    pub(super) fn root_instance(&mut self, model: &'p RootModel, value: &Owned) -> Read<Owned> {
        self.lower_fit(Fit::Strict);
        let fields_set = model.blueprint.fields_set.of(1).ok_or_else(out_of_memory)?;
        // SAFETY: reading happens within a call that holds the GIL.
        let py = unsafe { Python::assume_attached() };
        let instance = model.blueprint.root_instance(py, value, fields_set).ok_or_else(out_of_memory)?;
        model.blueprint.call_post_init(&instance, self.call.context).ok_or_else(out_of_memory)?;
        Ok(instance)
    }

    pub(super) fn typed_dict(&mut self, typed: &'p TypedDict) -> Read<Owned> {
        let fields = &typed.fields;
        let mut values: Vec<Option<Owned>> = Vec::with_capacity(fields.list.len());
        values.resize_with(fields.list.len(), || None);
        let extra = match typed.extra {
            Extra::Allow(_) => Some(new_dict()?),
            _ => None,
        };
        let mut expected = 0;
        let mut open = self.open_object()?;
        while self.goes_on(&mut open)? {
            match self.model_key(&fields.list, expected, |key| fields.find(key))? {
                Found::Field(index) => {
                    if values[index].is_some() {
                        return Err(Miss::Unknown);
                    }
                    expected = index + 1;
                    let before = self.place_on_trial(open);
                    values[index] = match self.value(&fields.list[index].node) {
                        Ok(value) => Some(value),
                        Err(miss) => {
                            let set =
                                |bits, (at, value): (usize, &Option<Owned>)| bits | u128::from(value.is_some()) << at;
                            let given = values.iter().enumerate().fold(bit(index), set);
                            return Err(self.certain(miss, fields, given, before));
                        }
                    };
                }
                Found::Unknown(raw) => self.extra(&typed.extra, extra.as_ref(), raw)?,
            }
        }
        let dict = new_dict()?;
        let mut given = 0;
        for (field, value) in fields.list.iter().zip(values) {
            let value = match (value, &field.default) {
                (Some(value), _) => {
                    given += 1;
                    value
                }
                (None, Default::Absent) => continue,
                (None, default) => default_value(default)?,
            };
            // SAFETY: the name lives as long as the program.
            let name = unsafe { Owned::from_borrowed(field.name.as_ptr()) };
            set_item(&dict, &name, &value)?;
        }
        if let Some(extra) = extra {
            // SAFETY: both are dictionaries.
            if unsafe { ffi::PyDict_Update(dict.as_ptr(), extra.as_ptr()) } < 0 {
                return Err(out_of_memory());
            }
        }
        self.given = Some(self.given.unwrap_or(0) + given);
        Ok(dict)
    }

    /// Find out which member of a tagged union the object is, without taking it.
    pub(super) fn tagged_choice(&mut self, tagged: &'p super::node::Tagged) -> Read<&'p Node> {
        let start = self.cursor.position();
        let levels = self.levels;
        let mut open = self.open_object()?;
        let mut choice = None;
        let mut has_tag = false;
        while self.goes_on(&mut open)? {
            let raw = self.key()?;
            let key = self.text_of(raw)?;
            if *key == *tagged.key {
                if has_tag || !self.cursor.is_string() {
                    return Err(Miss::Unknown);
                }
                has_tag = true;
                let tag = self.cursor.string().ok_or(Miss::Unknown)?;
                choice = tagged.by_tag.get(self.text_of(tag)?);
                // That no other tag follows is found by the member itself, which has the key as a field; but where a
                // refusal has to be certain, it may not come so far.
                if self.trials == 0 {
                    break;
                }
                continue;
            }
            self.cursor.skip_value(self.levels).ok_or(Miss::Unknown)?;
        }
        self.cursor.rewind(start);
        self.levels = levels;
        choice.map(|index| &tagged.choices[*index]).ok_or(Miss::Refused)
    }
}

/// A conversion inside a model does not make the model fit worst among others: how well it fits is then not known.
pub(super) fn within_model(miss: Miss) -> Miss {
    if miss == Miss::Lax { Miss::Unknown } else { miss }
}

/// The value of a field that was not given, where no code of the user's makes it.
pub(super) fn default_value(default: &Default) -> Read<Owned> {
    // SAFETY: defaults live as long as the program; containers are copied by their own classes.
    unsafe {
        match default {
            Default::Shared(value) => Ok(Owned::from_borrowed(value.as_ptr())),
            Default::Copied(value) => copied(value.as_ptr()),
            Default::Fresh(class) => {
                Owned::from_new(ffi::PyObject_CallNoArgs(class.as_ptr())).ok_or_else(out_of_memory)
            }
            Default::Required => Err(Miss::Refused),
            Default::Absent | Default::Made(_) | Default::DeepCopied(_) => Err(Miss::Unknown),
        }
    }
}

/// Copy a container of plain values, at every level.
///
/// # Safety
/// `value` is alive, and what it holds are exact `list`, `dict` and `set` objects over immutable values.
unsafe fn copied(value: *mut ffi::PyObject) -> Read<Owned> {
    // SAFETY: said above; the original is only read, and no Python code runs.
    unsafe {
        if ffi::PyList_CheckExact(value) != 0 {
            let size = ffi::PyList_GET_SIZE(value);
            let list = Owned::from_new(ffi::PyList_New(size)).ok_or_else(out_of_memory)?;
            for index in 0..size {
                let item = copied(ffi::PyList_GET_ITEM(value, index))?;
                ffi::PyList_SET_ITEM(list.as_ptr(), index, item.into_ptr());
            }
            return Ok(list);
        }
        if ffi::PyDict_CheckExact(value) != 0 {
            let dict = new_dict()?;
            let (mut position, mut key, mut item) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            while ffi::PyDict_Next(value, &raw mut position, &raw mut key, &raw mut item) != 0 {
                set_item(&dict, &Owned::from_borrowed(key), &copied(item)?)?;
            }
            return Ok(dict);
        }
        if ffi::PyAnySet_CheckExact(value) != 0 && ffi::PyFrozenSet_CheckExact(value) == 0 {
            return Owned::from_new(ffi::PySet_New(value)).ok_or_else(out_of_memory);
        }
        Ok(Owned::from_borrowed(value))
    }
}

/// Add the keys of a dictionary to a set.
pub(super) fn add_keys(set: &Owned, dict: &Owned) -> Read<()> {
    // SAFETY: a set that nobody has seen, and a dictionary with string keys.
    unsafe {
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0 {
            if ffi::PySet_Add(set.as_ptr(), key) < 0 {
                return Err(out_of_memory());
            }
        }
    }
    Ok(())
}
