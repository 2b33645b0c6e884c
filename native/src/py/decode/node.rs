//! The program of a type: what to expect where, fixed when it is built.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::fields::{Default, Field, Fields};
use super::instance::Blueprint;

/// What a value is declared as.
pub enum Node {
    None,
    Bool,
    Int(Option<Box<IntBounds>>),
    Float(Option<Box<FloatBounds>>),
    Str(Option<Box<StrRules>>),
    Bytes(Length, BytesForm),
    /// Nothing in a document is one.
    Refused,
    Any,
    /// The same, and bytes that are no text stand for themselves.
    AnyBinary,
    Literal(Box<Table>),
    Enum(Box<Table>),
    Date,
    Time,
    DateTime,
    Duration,
    Uuid(Option<u8>),
    Decimal,
    List(Box<Items>),
    Set(Box<Items>),
    FrozenSet(Box<Items>),
    Tuple(Box<[Node]>),
    TupleOf(Box<Items>),
    Dict(Box<Entries>),
    Nullable(Box<Node>),
    Model(Box<Model>),
    RootModel(Box<RootModel>),
    TypedDict(Box<TypedDict>),
    Union(Box<[Node]>),
    FirstOf(Box<[Node]>),
    Tagged(Box<Tagged>),
    After(Box<After>),
    Before(Box<Before>),
    Init(Py<PyAny>),
    Piece(Box<Piece>),
    Reference(usize),
}

/// How bytes stand in a document.
#[derive(Clone, Copy)]
pub enum BytesForm {
    /// As text.
    Utf8,
    Base64,
    Hex,
    /// As bytes, in formats that have them.
    Binary,
}

/// Bounds of a length; both inclusive.
#[derive(Clone, Copy, std::default::Default)]
pub struct Length {
    pub least: Option<usize>,
    pub most: Option<usize>,
}

impl Length {
    /// Say whether there is a bound at all.
    pub fn is_bounded(&self) -> bool {
        self.least.is_some() || self.most.is_some()
    }

    /// Say whether a length is within the bounds.
    #[inline]
    pub fn allows(&self, length: usize) -> bool {
        self.least.is_none_or(|least| length >= least) && self.most.is_none_or(|most| length <= most)
    }
}

/// Constraints of an `int`.
#[derive(std::default::Default)]
pub struct IntBounds {
    pub ge: Option<i64>,
    pub gt: Option<i64>,
    pub le: Option<i64>,
    pub lt: Option<i64>,
    pub multiple_of: Option<i64>,
}

impl IntBounds {
    /// Say whether a value is within the bounds.
    pub fn allows(&self, value: i64) -> bool {
        self.ge.is_none_or(|bound| value >= bound)
            && self.gt.is_none_or(|bound| value > bound)
            && self.le.is_none_or(|bound| value <= bound)
            && self.lt.is_none_or(|bound| value < bound)
            && self.multiple_of.is_none_or(|factor| value.wrapping_rem(factor) == 0)
    }
}

/// Constraints of a `float`.
#[derive(std::default::Default)]
pub struct FloatBounds {
    pub ge: Option<f64>,
    pub gt: Option<f64>,
    pub le: Option<f64>,
    pub lt: Option<f64>,
}

impl FloatBounds {
    /// Say whether a value is within the bounds.
    pub fn allows(&self, value: f64) -> bool {
        self.ge.is_none_or(|bound| value >= bound)
            && self.gt.is_none_or(|bound| value > bound)
            && self.le.is_none_or(|bound| value <= bound)
            && self.lt.is_none_or(|bound| value < bound)
    }
}

/// Constraints of a `str`. Lengths are counted in code points, after stripping.
#[derive(std::default::Default)]
pub struct StrRules {
    pub length: Length,
    pub strip: bool,
    pub ascii_only: bool,
}

/// Values that stand for objects: the members of an enumeration, or a literal's values.
pub struct Table {
    pub texts: HashMap<Box<[u8]>, Py<PyAny>>,
    pub integers: HashMap<i64, Py<PyAny>>,
    pub yes: Option<Py<PyAny>>,
    pub no: Option<Py<PyAny>>,
    pub none: Option<Py<PyAny>>,
    /// A value that is not in the table is surely refused. Not so where a class may still accept it (`_missing_`), or
    /// where Python's equality may find it (`True == 1`).
    pub is_closed: bool,
}

/// A sequence of equal items.
pub struct Items {
    pub item: Node,
    pub length: Length,
}

/// A mapping.
pub struct Entries {
    pub key: Node,
    pub value: Node,
    pub length: Length,
}

/// What happens to keys that are no field's.
pub enum Extra {
    Ignore,
    Forbid,
    Allow(Option<Node>),
}

/// A model with fields.
pub struct Model {
    pub blueprint: Blueprint,
    pub fields: Fields,
    pub extra: Extra,
    /// Reading it runs code of the user's, so instances are made only when the whole document is known to be good.
    pub is_live: bool,
}

/// A model with a single value.
pub struct RootModel {
    pub blueprint: Blueprint,
    pub value: Node,
    pub is_live: bool,
}

/// A dictionary with declared keys.
pub struct TypedDict {
    pub fields: Fields,
    pub extra: Extra,
}

/// A union whose member is told by a key of the object.
pub struct Tagged {
    pub key: Box<[u8]>,
    pub choices: Vec<Node>,
    pub by_tag: HashMap<Box<[u8]>, usize>,
}

impl Tagged {
    /// The tag of a member.
    pub fn tag_of(&self, choice: &Node) -> Option<Box<[u8]>> {
        let is_it = |index: &usize| std::ptr::eq(&self.choices[*index], choice);
        self.by_tag.iter().find(|(_, index)| is_it(index)).map(|(tag, _)| tag.clone())
    }
}

/// A validator of the user's that is called with a validated value.
pub struct After {
    pub function: Py<PyAny>,
    pub inner: Node,
    /// Makes the information that the function is called with, from context, fields so far and the field's name.
    pub info: Option<Info>,
}

/// A model whose own validators are called with its part of the document before it is read.
pub struct Before {
    /// The outermost first.
    pub functions: Vec<(Py<PyAny>, Option<Info>)>,
    /// The model itself, read from what the functions gave.
    pub inner: Node,
    /// Pydantic's `validate_python` for the fields alone, where what the functions gave is not in canonical form.
    pub validate: Py<PyAny>,
    /// The functions are called with bytes where a document has them.
    pub keeps_binary: bool,
}

/// How to make the second argument of a validator.
pub struct Info {
    /// `make(context, data, field)`: gives what Pydantic calls `ValidationInfo`.
    pub make: Py<PyAny>,
}

/// A part that Pydantic reads by a validator for just that part.
pub struct Piece {
    /// `SchemaValidator.validate_json`, bound.
    pub validate: Py<PyAny>,
    /// It runs code of the user's.
    pub is_live: bool,
}

/// A whole program.
pub struct Plan {
    pub root: Node,
    pub definitions: Vec<Node>,
    /// Which of the definitions run code of the user's.
    pub live: Vec<bool>,
    /// Something in it means the same only outside strict mode.
    pub is_lax: bool,
    /// `fail(errors, text)` gives the `ValidationError` for what validators refused, or `None` where only Pydantic
    /// itself can say it.
    pub fail: Option<Py<PyAny>>,
    /// Bytes of the stack that a part may take which Pydantic reads.
    pub part_stack: usize,
}

impl Plan {
    /// Say whether reading this node runs code of the user's.
    pub fn is_live(&self, node: &Node) -> bool {
        is_live(node, &self.live)
    }
}

/// Say whether reading a node runs code of the user's, given which definitions do.
pub fn is_live(node: &Node, definitions: &[bool]) -> bool {
    match node {
        Node::After(_) | Node::Before(_) | Node::Init(_) => true,
        Node::Piece(piece) => piece.is_live,
        Node::Model(model) => model.is_live,
        Node::RootModel(model) => model.is_live,
        Node::Reference(index) => definitions[*index],
        Node::Nullable(inner) => is_live(inner, definitions),
        Node::List(items) | Node::TupleOf(items) | Node::Set(items) | Node::FrozenSet(items) => {
            is_live(&items.item, definitions)
        }
        Node::Tuple(items) | Node::Union(items) | Node::FirstOf(items) => {
            items.iter().any(|item| is_live(item, definitions))
        }
        Node::Dict(entries) => is_live(&entries.key, definitions) || is_live(&entries.value, definitions),
        Node::Tagged(tagged) => tagged.choices.iter().any(|choice| is_live(choice, definitions)),
        Node::TypedDict(dict) => dict.fields.list.iter().any(|field| is_live(&field.node, definitions)),
        _ => false,
    }
}

/// Show every Python object that a node holds to the garbage collector.
pub fn visit(node: &Node, visitor: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    let all = |nodes: &[Node]| nodes.iter().try_for_each(|node| visit(node, visitor));
    match node {
        Node::Literal(table) | Node::Enum(table) => {
            table.texts.values().chain(table.integers.values()).try_for_each(|object| visitor.call(object))
        }
        Node::List(items) | Node::Set(items) | Node::FrozenSet(items) | Node::TupleOf(items) => {
            visit(&items.item, visitor)
        }
        Node::Tuple(nodes) | Node::Union(nodes) | Node::FirstOf(nodes) => all(nodes),
        Node::Dict(entries) => {
            visit(&entries.key, visitor)?;
            visit(&entries.value, visitor)
        }
        Node::Nullable(inner) => visit(inner, visitor),
        Node::Model(model) => {
            model.blueprint.visit(visitor)?;
            model.fields.list.iter().try_for_each(|field| visit_field(field, visitor))
        }
        Node::RootModel(model) => {
            model.blueprint.visit(visitor)?;
            visit(&model.value, visitor)
        }
        Node::TypedDict(dict) => dict.fields.list.iter().try_for_each(|field| visit_field(field, visitor)),
        Node::Tagged(tagged) => all(&tagged.choices),
        Node::After(after) => {
            visitor.call(&after.function)?;
            if let Some(info) = &after.info {
                visitor.call(&info.make)?;
            }
            visit(&after.inner, visitor)
        }
        Node::Before(before) => {
            visitor.call(&before.validate)?;
            for (function, info) in &before.functions {
                visitor.call(function)?;
                if let Some(info) = info {
                    visitor.call(&info.make)?;
                }
            }
            visit(&before.inner, visitor)
        }
        Node::Init(class) => visitor.call(class),
        Node::Piece(piece) => visitor.call(&piece.validate),
        _ => Ok(()),
    }
}

fn visit_field(field: &Field, visitor: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    if let Default::Shared(value)
    | Default::Copied(value)
    | Default::Fresh(value)
    | Default::Made(value)
    | Default::DeepCopied(value) = &field.default
    {
        visitor.call(value)?;
    }
    visit(&field.node, visitor)
}
