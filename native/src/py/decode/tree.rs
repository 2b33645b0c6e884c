//! Values out of plain Python objects: what a model's own `before` validator made of its part of a document.
//!
//! Pydantic reads these as Python input. What is read here are exact built-in types in the forms that JSON has; they
//! mean the same in both, but for how well they fit (text that stands for something else is only a conversion here).

use pyo3::ffi;

use super::draft::{Draft, KeyPlace, ModelDraft, Origin};
use super::fields::Key;
use super::model::{default_value, within_model};
use super::node::{Entries, Extra, Items, Model, Node, RootModel, StrRules, Tagged};
use super::reader::{Fit, Miss, Read, Reader, out_of_memory};
use super::scalar::{append, new_dict, new_list, set_item, text_is_allowed};
use crate::json::cursor::{Cursor, needs_escape};
use crate::py::object::Owned;

/// What a Python object is, if it is exactly that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Bool,
    Int,
    Float,
    Str,
    List,
    Dict,
    Other,
}

fn kind_of(object: &Owned) -> Kind {
    let pointer = object.as_ptr();
    // SAFETY: the object is alive.
    unsafe {
        if ffi::PyUnicode_CheckExact(pointer) != 0 {
            Kind::Str
        } else if ffi::PyLong_CheckExact(pointer) != 0 {
            Kind::Int
        } else if pointer == ffi::Py_None() {
            Kind::None
        } else if ffi::PyDict_CheckExact(pointer) != 0 {
            Kind::Dict
        } else if ffi::PyList_CheckExact(pointer) != 0 {
            Kind::List
        } else if ffi::PyBool_Check(pointer) != 0 {
            Kind::Bool
        } else if ffi::PyFloat_CheckExact(pointer) != 0 {
            Kind::Float
        } else {
            Kind::Other
        }
    }
}

/// The same object, once more.
fn same(object: &Owned) -> Owned {
    // SAFETY: the object is alive.
    unsafe { Owned::from_borrowed(object.as_ptr()) }
}

/// The UTF-8 of a string.
fn utf8(object: &Owned) -> Read<&[u8]> {
    let mut length = 0;
    // SAFETY: a string, whose text lives as long as it does.
    unsafe {
        let data = ffi::PyUnicode_AsUTF8AndSize(object.as_ptr(), &raw mut length);
        if data.is_null() {
            return Err(out_of_memory()); // half a surrogate pair
        }
        Ok(std::slice::from_raw_parts(data.cast(), length as usize))
    }
}

/// A reader of objects, which has text to read now and then.
type TreeReader<'p, 't> = Reader<'p, 't, Cursor<'t>>;

impl<'p> TreeReader<'p, '_> {
    /// Read a value whose program runs no code of the user's.
    pub fn tree(&mut self, node: &'p Node, object: &Owned) -> Read<Owned> {
        let kind = kind_of(object);
        if kind == Kind::Other && !matches!(node, Node::Any) {
            return Err(Miss::Unknown);
        }
        match node {
            Node::Any => {
                self.lower_fit(Fit::Strict);
                Ok(same(object))
            }
            Node::None => {
                if kind == Kind::None {
                    Ok(same(object))
                } else {
                    Err(Miss::Refused)
                }
            }
            Node::Nullable(inner) => {
                if kind == Kind::None {
                    Ok(same(object))
                } else {
                    self.tree(inner, object)
                }
            }
            Node::Bool => match kind {
                Kind::Bool => Ok(same(object)),
                Kind::None | Kind::List | Kind::Dict => Err(Miss::Refused),
                _ => Err(Miss::Lax),
            },
            Node::Int(bounds) => match kind {
                Kind::Int => match (as_i64(object), bounds) {
                    (Some(value), Some(bounds)) if !bounds.allows(value) => Err(Miss::Refused),
                    (None, Some(_)) => Err(Miss::Unknown),
                    _ => Ok(same(object)),
                },
                Kind::None | Kind::List | Kind::Dict => Err(Miss::Refused),
                _ => Err(Miss::Lax),
            },
            Node::Float(bounds) => {
                let (value, result) = match kind {
                    // SAFETY: a float.
                    Kind::Float => (unsafe { ffi::PyFloat_AS_DOUBLE(object.as_ptr()) }, same(object)),
                    Kind::Int => {
                        self.lower_fit(Fit::Strict);
                        let value = as_i64(object).ok_or(Miss::Unknown)? as f64;
                        // SAFETY: gives a new reference or null.
                        (value, unsafe { Owned::from_new(ffi::PyFloat_FromDouble(value)).ok_or_else(out_of_memory)? })
                    }
                    Kind::None | Kind::List | Kind::Dict => return Err(Miss::Refused),
                    _ => return Err(Miss::Lax),
                };
                if !value.is_finite() {
                    return Err(Miss::Unknown);
                }
                match bounds {
                    Some(bounds) if !bounds.allows(value) => Err(Miss::Refused),
                    _ => Ok(result),
                }
            }
            Node::Str(rules) => match kind {
                Kind::Str => self.tree_string(rules.as_deref(), object),
                Kind::Int | Kind::Float => Err(Miss::Lax), // where numbers are coerced
                _ => Err(Miss::Refused),
            },
            Node::Literal(table) | Node::Enum(table) => {
                let found = match kind {
                    Kind::Str => table.texts.get(utf8(object)?),
                    Kind::Int => as_i64(object).and_then(|value| table.integers.get(&value)),
                    Kind::None => table.none.as_ref(),
                    _ => return Err(Miss::Unknown),
                };
                if matches!(node, Node::Enum(_)) {
                    self.lower_fit(Fit::Lax);
                }
                let refused = if table.is_closed && kind == Kind::Str && table.integers.is_empty() {
                    Miss::Refused
                } else {
                    Miss::Unknown
                };
                // SAFETY: the table keeps the object alive.
                found.map(|value| unsafe { Owned::from_borrowed(value.as_ptr()) }).ok_or(refused)
            }
            Node::Date | Node::Time | Node::DateTime | Node::Duration | Node::Uuid(_) | Node::Decimal => {
                self.tree_text(node, kind, object)
            }
            Node::List(items) => self.tree_list(items, kind, object),
            Node::Dict(entries) => self.tree_dict(entries, kind, object),
            Node::Model(model) => self.tree_model(model, kind, object),
            Node::RootModel(model) => self.tree_root(model, object),
            Node::Union(choices) => self.tree_union(choices, object),
            Node::Tagged(tagged) => {
                let choice = tree_choice(tagged, kind, object)?;
                self.tree(choice, object)
            }
            Node::Reference(index) => self.referred(*index, |reader, node| reader.tree(node, object)),
            _ => Err(Miss::Unknown),
        }
    }

    /// Read a value whose program may run code of the user's, without running any.
    pub fn tree_draft(&mut self, node: &'p Node, object: &Owned) -> Read<Draft<'p>> {
        if !self.plan.is_live(node) {
            return self.tree(node, object).map(Draft::Ready);
        }
        let kind = kind_of(object);
        match node {
            Node::Nullable(_) if kind == Kind::None => Ok(Draft::Ready(same(object))),
            Node::Nullable(inner) => self.tree_draft(inner, object),
            Node::Reference(index) => self.referred(*index, |reader, node| reader.tree_draft(node, object)),
            Node::After(after) => {
                let inner = self.tree_draft(&after.inner, object)?;
                Ok(Draft::After(after, Box::new(inner), Origin::Object(same(object))))
            }
            Node::Model(model) => self.tree_draft_model(model, kind, object),
            Node::Before(before) if kind == Kind::Dict => {
                Ok(Draft::Before(before, same(object), Origin::Object(same(object))))
            }
            Node::List(items) if kind == Kind::List => {
                let mut drafts = Vec::new();
                for item in items_of(object) {
                    drafts.push(self.deeper(|reader| reader.tree_draft(&items.item, &item))?);
                }
                if items.length.allows(drafts.len()) {
                    Ok(Draft::List(drafts, items.length))
                } else {
                    Err(Miss::Refused)
                }
            }
            Node::Tagged(tagged) => {
                let choice = tree_choice(tagged, kind, object)?;
                let tag = tagged.tag_of(choice).ok_or(Miss::Unknown)?;
                let inner = self.tree_draft(choice, object)?;
                Ok(Draft::Tagged(tag, Box::new(inner)))
            }
            _ => Err(Miss::Unknown),
        }
    }

    /// Read one level further in; what refers to itself has no end of levels.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.levels = self.levels.checked_sub(1).ok_or(Miss::Unknown)?;
        let result = read(self);
        self.levels += 1;
        result
    }

    #[inline(never)]
    fn tree_string(&mut self, rules: Option<&StrRules>, object: &Owned) -> Read<Owned> {
        let Some(rules) = rules else {
            return Ok(same(object));
        };
        let text = utf8(object)?;
        let allowed = text_is_allowed(rules, text)?;
        if allowed.len() == text.len() {
            return Ok(same(object));
        }
        super::reader::new_text(allowed).ok_or_else(out_of_memory)
    }

    /// What stands for something else is read from its text.
    #[inline(never)]
    fn tree_text(&mut self, node: &'p Node, kind: Kind, object: &Owned) -> Read<Owned> {
        if kind != Kind::Str {
            return Err(Miss::Unknown);
        }
        let text = utf8(object)?;
        if needs_escape(text) {
            return Err(Miss::Unknown);
        }
        let quoted = [b"\"", text, b"\""].concat();
        let mut reader = Reader::new(self.plan, Cursor::new(&quoted), self.levels, self.call);
        let value = reader.value(node)?;
        self.lower_fit(if matches!(node, Node::Uuid(_)) { Fit::Exact } else { Fit::Lax });
        Ok(value)
    }

    #[inline(never)]
    fn tree_list(&mut self, items: &'p Items, kind: Kind, object: &Owned) -> Read<Owned> {
        if kind != Kind::List {
            return Err(if kind == Kind::Other { Miss::Unknown } else { Miss::Refused });
        }
        let list = new_list()?;
        let mut count = 0;
        for item in items_of(object) {
            count += 1;
            let value = match items.item {
                Node::Any => item, // taken without a look, as in JSON
                _ => self.deeper(|reader| reader.tree(&items.item, &item))?,
            };
            append(&list, &value)?;
        }
        if items.length.allows(count) { Ok(list) } else { Err(Miss::Refused) }
    }

    #[inline(never)]
    fn tree_dict(&mut self, entries: &'p Entries, kind: Kind, object: &Owned) -> Read<Owned> {
        if kind != Kind::Dict {
            return Err(Miss::Refused);
        }
        let dict = new_dict()?;
        for (key, value) in members_of(object) {
            let key = self.tree(&entries.key, &key)?;
            let value = self.deeper(|reader| reader.tree(&entries.value, &value))?;
            set_item(&dict, &key, &value)?;
        }
        // SAFETY: the dictionary is alive.
        let count = unsafe { ffi::PyDict_Size(dict.as_ptr()) } as usize;
        if entries.length.allows(count) { Ok(dict) } else { Err(Miss::Refused) }
    }

    #[inline(never)]
    fn tree_model(&mut self, model: &'p Model, kind: Kind, object: &Owned) -> Read<Owned> {
        let fields = self.tree_fields(model, kind, object, |reader, node, value| reader.tree(node, value))?;
        let dict = &model.blueprint.dict;
        let mut filling = dict.start().ok_or_else(out_of_memory)?;
        for (index, (field, value)) in model.fields.list.iter().zip(fields.values).enumerate() {
            let value = match value {
                Some((value, _)) => value,
                None => default_value(&field.default)?,
            };
            dict.put(&mut filling, index, value).ok_or_else(out_of_memory)?;
        }
        let fields_set = model.blueprint.fields_set.of(fields.given).ok_or_else(out_of_memory)?;
        if let Some(extra) = &fields.extra {
            super::model::add_keys(&fields_set, extra)?;
        }
        self.lower_fit(Fit::Strict);
        self.given = Some(self.given.unwrap_or(0) + fields.given.count_ones() as usize);
        let dict = dict.finish(filling);
        let instance = model.blueprint.instance(dict, fields.extra, fields_set).ok_or_else(out_of_memory)?;
        model.blueprint.call_post_init(&instance, self.call.context).ok_or_else(out_of_memory)?;
        Ok(instance)
    }

    #[inline(never)]
    fn tree_draft_model(&mut self, model: &'p Model, kind: Kind, object: &Owned) -> Read<Draft<'p>> {
        let fields = self.tree_fields(model, kind, object, |reader, node, value| reader.tree_draft(node, value))?;
        Ok(Draft::Model(Box::new(ModelDraft {
            model,
            fields: fields.values,
            given: fields.given,
            extra: fields.extra,
            origin: Origin::Object(same(object)),
        })))
    }

    fn tree_fields<T>(
        &mut self,
        model: &'p Model,
        kind: Kind,
        object: &Owned,
        read: impl Fn(&mut Self, &'p Node, &Owned) -> Read<T>,
    ) -> Read<TreeFields<T>> {
        if kind != Kind::Dict {
            return Err(Miss::Refused);
        }
        let mut found = TreeFields {
            values: Vec::with_capacity(model.fields.list.len()),
            given: 0,
            extra: match model.extra {
                Extra::Allow(_) => Some(new_dict()?),
                _ => None,
            },
        };
        found.values.resize_with(model.fields.list.len(), || None);
        for (key, value) in members_of(object) {
            if kind_of(&key) != Kind::Str {
                return Err(Miss::Unknown);
            }
            match (model.fields.find(utf8(&key)?), &model.extra, &found.extra) {
                (Some(Key::Field(index)), _, _) => {
                    if found.given >> index & 1 == 1 {
                        return Err(Miss::Unknown);
                    }
                    found.given |= 1 << index;
                    let node = &model.fields.list[index].node;
                    let value = self.deeper(|reader| read(reader, node, &value)).map_err(within_model)?;
                    found.values[index] = Some((value, KeyPlace::Object(key)));
                }
                (Some(Key::Declined), _, _) => return Err(Miss::Unknown),
                (None, Extra::Ignore, _) => {}
                (None, Extra::Allow(None), Some(extra)) => set_item(extra, &key, &value)?,
                (None, Extra::Allow(Some(node)), Some(extra)) => {
                    let value = self.deeper(|reader| reader.tree(node, &value)).map_err(within_model)?;
                    set_item(extra, &key, &value)?;
                }
                _ => return Err(Miss::Refused),
            }
        }
        if model.fields.required & !found.given == 0 { Ok(found) } else { Err(Miss::Refused) }
    }

    #[inline(never)]
    fn tree_root(&mut self, model: &'p RootModel, object: &Owned) -> Read<Owned> {
        let value = self.deeper(|reader| reader.tree(&model.value, object)).map_err(within_model)?;
        self.root_instance(model, &value)
    }

    #[inline(never)]
    fn tree_union(&mut self, choices: &'p [Node], object: &Owned) -> Read<Owned> {
        self.best_of(choices, |reader, choice| reader.tree(choice, object))
    }
}

/// The fields of a model, read.
struct TreeFields<T> {
    values: Vec<Option<(T, KeyPlace)>>,
    given: u128,
    extra: Option<Owned>,
}

fn tree_choice<'p>(tagged: &'p Tagged, kind: Kind, object: &Owned) -> Read<&'p Node> {
    if kind != Kind::Dict {
        return Err(Miss::Unknown);
    }
    for (key, value) in members_of(object) {
        if kind_of(&key) == Kind::Str && *utf8(&key)? == *tagged.key {
            if kind_of(&value) != Kind::Str {
                return Err(Miss::Unknown);
            }
            let choice = tagged.by_tag.get(utf8(&value)?);
            return choice.map(|index| &tagged.choices[*index]).ok_or(Miss::Refused);
        }
    }
    Err(Miss::Refused)
}

/// The items of a list as they are now; a list may change while something else runs.
fn items_of(list: &Owned) -> Vec<Owned> {
    // SAFETY: a list; every item is taken a reference of before anything else runs.
    unsafe {
        let size = ffi::PyList_GET_SIZE(list.as_ptr());
        (0..size).map(|index| Owned::from_borrowed(ffi::PyList_GET_ITEM(list.as_ptr(), index))).collect()
    }
}

/// The members of a dictionary as they are now.
fn members_of(dict: &Owned) -> Vec<(Owned, Owned)> {
    let mut members = Vec::new();
    // SAFETY: a dictionary; references are taken before anything else runs.
    unsafe {
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0 {
            members.push((Owned::from_borrowed(key), Owned::from_borrowed(value)));
        }
    }
    members
}

/// The value of an exact `int`, if it fits 64 bits.
fn as_i64(object: &Owned) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: an int.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(object.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}
