//! What an encoder is made of: one node for each place of a type.
//!
//! Pointers to Python objects in here are borrowed from [`Program::anchor`], which lives as long as the nodes.

use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::json::number::InfNan;

use super::layout::{Slot, Support};
use super::options::Known;
use super::output::Piece;

/// A borrowed object.
pub type Object = *mut ffi::PyObject;
/// A borrowed class.
pub type Class = *mut ffi::PyTypeObject;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum BytesMode {
    Utf8,
    Base64,
    Hex,
    /// As bytes, in a form that has them.
    Binary,
    /// Not known here: do not write it.
    Unknown,
}

/// How dates, times and durations are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TemporalMode {
    Iso8601,
    Seconds,
    /// Not known here, or not written here.
    Unknown,
}

/// How values are written whose type is not declared: by the configuration of the outermost type.
#[derive(Clone, Copy)]
pub struct Modes {
    pub inf_nan: InfNan,
    pub bytes: BytesMode,
    pub temporal: TemporalMode,
    pub timedelta: TemporalMode,
}

pub enum Node {
    Any,
    None,
    Bool,
    Int,
    Float(InfNan),
    Str,
    Bytes(BytesMode),
    Datetime,
    Date,
    Time,
    Timedelta(TemporalMode),
    Uuid,
    Decimal,
    Url(Class),
    Literal(Box<Literal>),
    Enum(Box<Enum>),
    Nullable(Box<Node>),
    List(Box<Node>),
    Set(Box<Node>),
    FrozenSet(Box<Node>),
    Tuple(Box<Tuple>),
    Dict(Box<(Node, Node)>),
    Model(Box<Model>),
    Root(Box<Root>),
    TypedDict(Box<TypedDict>),
    Dataclass(Box<Dataclass>),
    Union(Box<[Node]>),
    Tagged(Box<Tagged>),
    /// Text of JSON in `round_trip`, else the value itself.
    Json(Box<Node>),
    /// A part of the program that stands in several places.
    Shared(usize),
    /// A reference that Pydantic follows with its recursion guard.
    Reference(usize),
    /// A whole value that a serializer of Pydantic writes; holds the serializer.
    Whole(Box<Whole>),
    /// What a function of the user's makes of the value.
    Call(Box<Call>),
    /// Nothing is certain here.
    Unsupported,
}

/// Used for values inside unions only: elsewhere Pydantic does not look at a literal's values.
pub struct Literal {
    pub ints: Vec<i64>,
    pub strings: Vec<Box<[u8]>>,
    /// `True`, `False`, `None` and members of enums.
    pub others: Object,
    pub enums: Vec<Class>,
}

pub struct Enum {
    pub class: Class,
    pub sub_type: SubType,
    pub members: Vec<Member>,
}

/// What the values of an enum's members are declared to be.
pub enum SubType {
    Any,
    Int,
    Str,
    Float,
}

pub struct Member {
    pub object: Object,
    pub value: Piece,
    /// What it is as the key of an object.
    pub key: Piece,
}

pub struct Tuple {
    pub items: Box<[Node]>,
    pub variadic: Option<usize>,
}

pub struct Model {
    pub class: Class,
    pub fields: Fields,
    pub fields_set: Option<Slot>,
    pub extra: Option<Slot>,
    pub extras: Node,
}

pub struct Root {
    pub class: Class,
    pub node: Node,
}

pub struct TypedDict {
    pub fields: Fields,
}

pub struct Dataclass {
    pub class: Class,
    /// In the order in which Pydantic reads them.
    pub names: Vec<(Object, usize)>,
    pub fields: Fields,
}

pub struct Tagged {
    pub name: Object,
    pub tags: HashMap<Box<[u8]>, usize>,
    pub classes: Vec<Class>,
    pub choices: Box<[Node]>,
}

pub struct Whole {
    pub serializer: Object,
    pub keeps_warnings: bool,
}

/// A plain serializer: a function of the value, or of the model and the value.
pub struct Call {
    pub function: Object,
    pub takes_model: bool,
    /// How `None` is written where the function is not asked for it.
    pub nothing: Option<Node>,
    pub result: Returned,
    /// The second argument of a wrap serializer, for calls without options.
    pub handler: Option<Object>,
    /// Makes it for calls with options: `make(warnings, **options)`.
    pub make_handler: Option<Object>,
    /// Makes the last argument of a serializer with `info`: `make(**options)`.
    pub make_info: Option<Object>,
    /// It may change the object that the field belongs to.
    pub gives_owner: bool,
}

/// What code of the user's returns.
pub struct Returned {
    pub node: Node,
    /// The function's name, as errors call it; `None` for a property.
    pub name: Object,
    /// A serializer of Pydantic's for what the node does not write.
    pub whole: Object,
    /// The name of the field that this serializer writes the value as the only member of an object under, if it does.
    pub field: Option<Object>,
}

/// The fields of one class, in the order of its schema.
pub struct Fields {
    pub fields: Vec<Field>,
    pub by_name: HashMap<Box<[u8]>, usize>,
    /// Names and aliases of fields and computed fields.
    pub taken: HashSet<Box<[u8]>>,
    pub by_alias: bool,
    /// How many must be there inside a union.
    pub required: usize,
    pub computed: Vec<Computed>,
    /// Two of them have one alias.
    pub share_aliases: bool,
    /// Some fields go through the class's own serializer, or through functions of the user's.
    pub detours: bool,
    pub serializer: Object,
}

pub struct Field {
    pub key: Object,
    /// The name with what is around it, and the same for the alias.
    pub names: [Piece; 2],
    pub required: bool,
    pub kind: FieldKind,
    pub default: Default,
}

pub enum FieldKind {
    Native(Node),
    Excluded,
    Detour(Detour),
}

pub struct Detour {
    /// A set with the field's name in it.
    pub include: Object,
    pub keeps_warnings: bool,
    /// Code of the user's may change the object that the field belongs to.
    pub gives_owner: bool,
}

pub enum Computed {
    Detour(Detour),
    Property(Box<Property>),
}

/// A computed field whose value is read and then written like any other.
pub struct Property {
    pub attribute: Object,
    /// As in [`Field`].
    pub names: [Piece; 2],
    pub result: Returned,
}

/// What `exclude_defaults` compares with.
pub enum Default {
    /// There is none: never left out.
    Absent,
    /// A value of a type whose `==` runs no code of the user.
    Plain(Object),
    /// Only Pydantic can tell.
    Opaque,
}

/// A program for one form of output, which its pieces are in.
pub struct Program<O> {
    pub root: Node,
    pub definitions: Vec<Node>,
    pub modes: Modes,
    pub exponent_sign: bool,
    pub options: Known,
    pub support: Support,
    /// Addresses of the classes in which Pydantic's checks of other types surely see nothing.
    pub known: HashSet<usize>,
    /// Makes the error of Pydantic's for an exception in a function of the user's.
    pub failure: Object,
    /// Writes what is found in a part and is no plain value, or raises its error; `None` where Pydantic writes parts.
    pub pack: Object,
    /// Says of a class whether its code could catch a warning that has become an error.
    pub may_catch: Object,
    /// Everything that the nodes borrow.
    pub anchor: Py<PyAny>,
    pub form: PhantomData<O>,
}

impl<O> Program<O> {
    /// Follow a node that stands for a part of the program.
    #[inline]
    pub fn resolved<'p>(&'p self, mut node: &'p Node) -> &'p Node {
        while let Node::Shared(index) = node {
            node = &self.definitions[*index];
        }
        node
    }
}
