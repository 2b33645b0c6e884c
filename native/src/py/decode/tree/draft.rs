//! Values whose program may run code of the user's: kept as drafts until it may run.

use super::TreeReader;
use super::object::{Kind, items_of, kind_of, same};
use super::tree_choice;
use crate::memory::push;
use crate::py::decode::draft::{Draft, Origin};
use crate::py::decode::node::Node;
use crate::py::decode::reader::{Miss, Read};
use crate::py::object::Owned;

impl<'p> TreeReader<'p, '_> {
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
                    push(&mut drafts, self.deeper(|reader| reader.tree_draft(&items.item, &item))?);
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
}
