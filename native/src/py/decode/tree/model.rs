//! Models out of dictionaries.

use super::TreeReader;
use super::object::{Kind, kind_of, members_of, same, utf8};
use crate::py::decode::draft::{Draft, KeyPlace, ModelDraft, Origin};
use crate::py::decode::fields::Key;
use crate::py::decode::model::{add_keys, default_value, within_model};
use crate::py::decode::node::{Extra, Model, Node};
use crate::py::decode::reader::{Fit, Miss, Read, out_of_memory};
use crate::py::decode::scalar::{new_dict, set_item};
use crate::py::object::Owned;

impl<'p> TreeReader<'p, '_> {
    #[inline(never)]
    pub(super) fn tree_model(&mut self, model: &'p Model, kind: Kind, object: &Owned) -> Read<Owned> {
        let fields = self.tree_fields(model, kind, object, |reader, node, value| reader.tree(node, value))?;
        let template = &model.blueprint;
        let mut attributes = template.start().ok_or_else(out_of_memory)?;
        for (index, (field, value)) in model.fields.list.iter().zip(fields.values).enumerate() {
            let value = match value {
                Some((value, _)) => value,
                None => default_value(&field.default)?,
            };
            template.put(&mut attributes, index, value).ok_or_else(out_of_memory)?;
        }
        let fields_set = model.blueprint.fields_set.of(fields.given).ok_or_else(out_of_memory)?;
        if let Some(extra) = &fields.extra {
            add_keys(&fields_set, extra)?;
        }
        self.lower_fit(Fit::Strict);
        self.given = Some(self.given.unwrap_or(0) + fields.given.count_ones() as usize);
        let instance = model.blueprint.instance(attributes, fields.extra, fields_set).ok_or_else(out_of_memory)?;
        model.blueprint.call_post_init(&instance, self.call.context).ok_or_else(out_of_memory)?;
        Ok(instance)
    }

    #[inline(never)]
    pub(super) fn tree_draft_model(&mut self, model: &'p Model, kind: Kind, object: &Owned) -> Read<Draft<'p>> {
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
}

/// The fields of a model, read.
struct TreeFields<T> {
    values: Vec<Option<(T, KeyPlace)>>,
    given: u128,
    extra: Option<Owned>,
}
