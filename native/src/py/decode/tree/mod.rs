//! Values out of plain Python objects: what a model's own `before` validator made of its part of a document.
//!
//! Pydantic reads these as Python input. What is read here are exact built-in types in the forms that JSON has; they
//! mean the same in both, but for how well they fit (text that stands for something else is only a conversion here).

mod draft;
mod model;
mod object;
mod scalar;

use pyo3::ffi;

use self::object::{Kind, items_of, kind_of, members_of, same, utf8};
use self::scalar::tree_integer;
use super::model::within_model;
use super::node::{Entries, Items, Node, RootModel, Tagged};
use super::reader::{Fit, Miss, Read, Reader};
use super::scalar::{append, new_dict, new_list, set_item};
use crate::json::cursor::Cursor;
use crate::py::object::Owned;

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
            Node::Int(bounds) => tree_integer(bounds.as_deref(), kind, object),
            Node::Float(bounds) => self.tree_float(bounds.as_deref(), kind, object),
            Node::Str(rules) => match kind {
                Kind::Str => self.tree_string(rules.as_deref(), object),
                Kind::Int | Kind::Float => Err(Miss::Lax), // where numbers are coerced
                _ => Err(Miss::Refused),
            },
            Node::Literal(table) => self.tree_literal(table, Fit::Exact, kind, object),
            Node::Enum(table) => self.tree_literal(table, Fit::Lax, kind, object),
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

    /// Read one level further in; what refers to itself has no end of levels.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.levels = self.levels.checked_sub(1).ok_or(Miss::Unknown)?;
        let result = read(self);
        self.levels += 1;
        result
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
    fn tree_root(&mut self, model: &'p RootModel, object: &Owned) -> Read<Owned> {
        let value = self.deeper(|reader| reader.tree(&model.value, object)).map_err(within_model)?;
        self.root_instance(model, &value)
    }

    #[inline(never)]
    fn tree_union(&mut self, choices: &'p [Node], object: &Owned) -> Read<Owned> {
        self.best_of(choices, |reader, choice| reader.tree(choice, object))
    }
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
