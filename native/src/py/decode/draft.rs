//! Parts of a document that need code of the user's, read and checked but not yet made.

use pyo3::prelude::*;

use super::fields::{Key, bit};
use super::model::Found;
use super::node::{After, Before, Entries, Extra, Items, Length, Model, Node, Piece, RootModel, Tagged};
use super::reader::{Miss, Read, Reader};
use super::scalar::{new_dict, set_item};
use crate::memory::push;
use crate::py::object::Owned;
use crate::source::Source;

/// A stretch of the document.
#[derive(Clone, Copy)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// What a part was read from.
pub enum Origin {
    /// A stretch of the document.
    Text(Span),
    /// An object that a validator of the user's made.
    Object(Owned),
}

/// Where the key of a value stands.
pub enum KeyPlace {
    /// At a position of the document.
    Text(usize),
    /// In an object.
    Object(Owned),
}

/// A part of a document on the way to a value.
pub enum Draft<'p> {
    /// No code of the user's is needed: it is made already.
    Ready(Owned),
    Model(Box<ModelDraft<'p>>),
    RootModel(&'p RootModel, Box<Draft<'p>>, Origin),
    /// Also how many items there may be in the end.
    List(Vec<Draft<'p>>, Length),
    Tuple(Vec<Draft<'p>>, Length),
    Dict(Vec<Member<'p>>, Length),
    /// A member of a tagged union, and its tag.
    Tagged(Box<[u8]>, Box<Draft<'p>>),
    After(&'p After, Box<Draft<'p>>, Origin),
    /// What a model's own validators are called with.
    Before(&'p Before, Owned, Origin),
    /// The arguments of a class that is called.
    Init(&'p Py<PyAny>, Owned, Origin),
    Piece(&'p Piece, Span),
}

/// A model whose fields are read.
pub struct ModelDraft<'p> {
    pub model: &'p Model,
    /// For each field its value, and where its key stands.
    pub fields: Vec<Option<(Draft<'p>, KeyPlace)>>,
    pub given: u128,
    pub extra: Option<Owned>,
    pub origin: Origin,
}

/// A key of a mapping with its value, and where the key stands in the document.
pub struct Member<'p> {
    pub key: Owned,
    pub key_at: usize,
    pub value: Draft<'p>,
}

impl<'p, 't, S: Source<'t>> Reader<'p, 't, S> {
    /// Read a value whose program may run code of the user's, without running any.
    ///
    /// Each kind has a function of its own that is not inlined, so that a level of a document takes little of the stack.
    pub fn draft(&mut self, node: &'p Node) -> Read<Draft<'p>> {
        if !self.plan.is_live(node) {
            return self.value(node).map(Draft::Ready);
        }
        match node {
            Node::Nullable(inner) => {
                if self.cursor.is_null() {
                    return self.null().map(Draft::Ready);
                }
                self.draft(inner)
            }
            Node::Reference(index) => self.referred(*index, |reader, node| reader.draft(node)),
            Node::Model(model) => self.draft_model(model),
            Node::RootModel(model) => self.draft_root(model),
            Node::List(items) => Ok(Draft::List(self.draft_items(items)?, items.length)),
            Node::TupleOf(items) => Ok(Draft::Tuple(self.draft_items(items)?, items.length)),
            Node::Tuple(items) => self.draft_tuple(items),
            Node::Dict(entries) => self.draft_dict(entries),
            Node::Tagged(tagged) => self.draft_tagged(tagged),
            Node::After(after) => self.draft_after(after),
            Node::Before(_) | Node::Init(_) | Node::Piece(_) => self.draft_part(node),
            // Sets, unions and typed dictionaries with such parts are pieces.
            _ => Err(Miss::Unknown),
        }
    }

    #[inline(never)]
    fn draft_root(&mut self, model: &'p RootModel) -> Read<Draft<'p>> {
        let (value, span) = self.spanned(|reader| reader.draft(&model.value))?;
        Ok(Draft::RootModel(model, Box::new(value), Origin::Text(span)))
    }

    #[inline(never)]
    fn draft_after(&mut self, after: &'p After) -> Read<Draft<'p>> {
        let (value, span) = self.spanned(|reader| reader.draft(&after.inner))?;
        Ok(Draft::After(after, Box::new(value), Origin::Text(span)))
    }

    #[inline(never)]
    fn draft_tuple(&mut self, items: &'p [Node]) -> Read<Draft<'p>> {
        let mut open = self.open_array()?;
        let mut values = Vec::with_capacity(items.len());
        while self.goes_on(&mut open)? {
            values.push(self.draft(items.get(values.len()).ok_or(Miss::Refused)?)?);
        }
        if values.len() == items.len() { Ok(Draft::Tuple(values, Length::default())) } else { Err(Miss::Unknown) }
    }

    #[inline(never)]
    fn draft_dict(&mut self, entries: &'p Entries) -> Read<Draft<'p>> {
        self.every_value_counts()?;
        let mut open = self.open_object()?;
        let mut members = Vec::new();
        while self.goes_on(&mut open)? {
            let key_at = self.cursor.next_position();
            let key = self.dict_key(&entries.key)?;
            let value = self.draft(&entries.value)?;
            push(&mut members, Member { key, key_at, value });
            self.item_done();
        }
        // Equal keys would be one entry: how many there are is only known afterwards.
        if entries.length.is_bounded() && !entries.length.allows(members.len()) {
            return Err(Miss::Unknown);
        }
        Ok(Draft::Dict(members, entries.length))
    }

    #[inline(never)]
    fn draft_tagged(&mut self, tagged: &'p Tagged) -> Read<Draft<'p>> {
        let choice = self.tagged_choice(tagged)?;
        if !matches!(choice, Node::Model(_)) {
            // Pydantic reads the member by itself, and would not know of a second tag what it means here.
            self.trials += 1;
            let certain = self.tagged_choice(tagged);
            self.trials -= 1;
            certain?;
        }
        let tag = tagged.tag_of(choice).ok_or(Miss::Unknown)?;
        let value = self.draft(choice)?;
        Ok(Draft::Tagged(tag, Box::new(value)))
    }

    /// What is taken whole.
    #[inline(never)]
    fn draft_part(&mut self, node: &'p Node) -> Read<Draft<'p>> {
        match node {
            Node::Before(before) => {
                self.keeps_binary = before.keeps_binary;
                let read = self.spanned(|reader| reader.plain_object());
                self.keeps_binary = false;
                let (object, span) = read?;
                Ok(Draft::Before(before, object, Origin::Text(span)))
            }
            Node::Init(class) => {
                let (object, span) = self.spanned(|reader| reader.plain_object())?;
                Ok(Draft::Init(class, object, Origin::Text(span)))
            }
            Node::Piece(piece) => Ok(Draft::Piece(piece, self.piece_span()?)),
            _ => Err(Miss::Unknown),
        }
    }

    pub(super) fn spanned<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<(T, Span)> {
        let start = self.cursor.next_position();
        let value = read(self)?;
        let end = self.cursor.position();
        Ok((value, Span { start, end }))
    }

    #[inline(never)]
    fn draft_items(&mut self, items: &'p Items) -> Read<Vec<Draft<'p>>> {
        let mut open = self.open_array()?;
        let mut values = Vec::new();
        while self.goes_on(&mut open)? {
            push(&mut values, self.draft(&items.item)?);
            self.item_done();
        }
        if items.length.allows(values.len()) { Ok(values) } else { Err(Miss::Refused) }
    }

    #[inline(never)]
    fn draft_model(&mut self, model: &'p Model) -> Read<Draft<'p>> {
        let list = &model.fields.list;
        let mut fields = Vec::with_capacity(list.len());
        fields.resize_with(list.len(), || None);
        let extra = match model.extra {
            Extra::Allow(_) => Some(new_dict()?),
            _ => None,
        };
        let mut given = 0_u128;
        let mut expected = 0;
        let start = self.cursor.next_position();
        let mut open = self.open_object()?;
        while self.goes_on(&mut open)? {
            let key_at = self.cursor.next_position();
            let find = |key: &[u8]| -> Option<Key> { model.fields.find(key) };
            match self.model_key(list, expected, find)? {
                Found::Field(index) => {
                    if given & bit(index) != 0 {
                        return Err(Miss::Unknown);
                    }
                    given |= bit(index);
                    expected = index + 1;
                    fields[index] = Some((self.draft(&list[index].node)?, KeyPlace::Text(key_at)));
                }
                Found::Unknown(raw) => match (&model.extra, &extra) {
                    (Extra::Ignore, _) => self.cursor.skip_value(self.levels).ok_or(Miss::Unknown)?,
                    (Extra::Allow(node), Some(dict)) => {
                        let key = self.string_object(raw)?;
                        let value = match node {
                            Some(node) => self.value(node)?,
                            None => self.any()?,
                        };
                        set_item(dict, &key, &value)?;
                    }
                    _ => return Err(Miss::Refused),
                },
            }
        }
        if model.fields.required & !given != 0 {
            return Err(Miss::Refused);
        }
        let origin = Origin::Text(Span { start, end: self.cursor.position() });
        Ok(Draft::Model(Box::new(ModelDraft { model, fields, given, extra, origin })))
    }
}

/// The classes by which Pydantic's validators speak to Pydantic: a document in which one is raised is Pydantic's.
pub(super) struct Signals {
    pub omit: Py<PyAny>,
    pub use_default: Py<PyAny>,
    pub uncaught: Py<PyAny>,
}
