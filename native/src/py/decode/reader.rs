//! Reads one document by a program.
//!
//! Everything here is the first phase: text is parsed and checked, values are made, and no code of the user's runs. A
//! part that needs such code becomes a [`Draft`](super::draft::Draft), which the second phase turns into a value once
//! the whole document is known to be good.

use std::marker::PhantomData;
use std::ops::Range;

use pyo3::ffi;
use pyo3::prelude::*;

use super::node::{Node, Plan};
use crate::py::allocator;
use crate::py::object::{Owned, forget};
use crate::py::pause::Pauses;
use crate::py::stack;
use crate::source::{Kind, RawString, Source};

/// Why a value is not read natively. No exception is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// Pydantic surely refuses the value.
    Refused,
    /// Pydantic may accept the value by conversion, and then ranks it lowest among the members of a union.
    Lax,
    /// Only Pydantic knows.
    Unknown,
}

/// A value, or the reason why there is none.
pub type Read<T> = Result<T, Miss>;

/// How well a value fits its declaration, as Pydantic ranks members of a union (`Exactness` in pydantic-core).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    Lax,
    Strict,
    Exact,
}

/// What validators are called with.
#[derive(Clone, Copy)]
pub struct Call {
    /// The caller's context, or `None`.
    pub context: *mut ffi::PyObject,
    /// The caller's `strict`, or null if it was not given.
    pub strict: *mut ffi::PyObject,
}

/// The state of reading one document.
pub struct Reader<'p, 't, S: Source<'t>> {
    pub plan: &'p Plan,
    pub cursor: S,
    /// Levels of arrays and objects that may still be opened.
    pub levels: usize,
    /// The fewest of them so far, as far as the stack was looked at.
    pub fewest_levels: usize,
    /// The lowest fit so far.
    pub fit: Fit,
    /// Fields that were given so far; `None` where there was no model.
    pub given: Option<usize>,
    pub call: Call,
    /// An exception is set that is no verdict on the document, such as an interrupt: it goes to the caller.
    pub is_interrupted: bool,
    /// Members of unions that are being tried around the current place: a refusal must be certain there.
    pub trials: usize,
    /// References that were followed to get here: some types refer to themselves without any text in between.
    references: usize,
    /// Turns for other threads between the items of lists; not where the document may change meanwhile.
    pub pauses: Option<Pauses>,
    scratch: String,
    /// The items of the lists that are being read.
    pub stack: Vec<Owned>,
    /// Bytes that are no text stand for themselves in what has no declaration.
    pub keeps_binary: bool,
    /// A stretch of the document in which every value counts.
    counting: Range<usize>,
    document: PhantomData<&'t ()>,
}

/// Pydantic's own guard against endless recursion ends at 255.
const MOST_REFERENCES: usize = 240;

impl<'p, 't, S: Source<'t>> Reader<'p, 't, S> {
    /// Start to read a document.
    pub fn new(plan: &'p Plan, cursor: S, levels: usize, call: Call) -> Self {
        Self {
            plan,
            cursor,
            levels,
            fewest_levels: levels,
            fit: Fit::Exact,
            given: None,
            call,
            is_interrupted: false,
            trials: 0,
            references: 0,
            pauses: None,
            scratch: String::new(),
            stack: Vec::new(),
            keeps_binary: false,
            counting: 0..0,
            document: PhantomData,
        }
    }

    /// Follow a reference to a definition, until [`Self::return_from`] it.
    #[inline]
    pub fn follow(&mut self, index: usize) -> Read<&'p Node> {
        if self.references >= MOST_REFERENCES {
            return Err(Miss::Unknown);
        }
        self.references += 1;
        if self.references.is_multiple_of(stack::STRIDE) {
            self.look_at_stack()?;
        }
        Ok(&self.plan.definitions[index])
    }

    /// Come back from so many references.
    #[inline]
    pub fn return_from(&mut self, references: usize) {
        self.references -= references;
    }

    /// Read what a reference leads to.
    #[inline]
    pub fn referred<T>(&mut self, index: usize, read: impl FnOnce(&mut Self, &'p Node) -> Read<T>) -> Read<T> {
        let node = self.follow(index)?;
        let result = read(self, node);
        self.return_from(1);
        result
    }

    /// Note that an item of a list is done.
    #[inline]
    pub fn item_done(&mut self) {
        if let Some(pauses) = &mut self.pauses {
            // SAFETY: values are only made while the GIL is held.
            pauses.item(unsafe { Python::assume_attached() });
        } else {
            allocator::look();
        }
    }

    /// Note that a value fits no better than this.
    #[inline]
    pub fn lower_fit(&mut self, fit: Fit) {
        self.fit = self.fit.min(fit);
    }

    /// Read a value whose program runs no code of the user's.
    #[inline]
    pub fn value(&mut self, node: &'p Node) -> Read<Owned> {
        match node {
            Node::Str(rules) => self.string(rules.as_deref()),
            Node::Int(bounds) => self.integer(bounds.as_deref()),
            Node::Float(bounds) => self.float(bounds.as_deref()),
            Node::Bool => self.boolean(),
            Node::Nullable(inner) => {
                if self.cursor.is_null() {
                    return self.null();
                }
                self.value(inner)
            }
            Node::Model(model) => self.model(model),
            Node::List(items) => self.list(items),
            Node::Reference(index) => self.referred(*index, |reader, node| reader.value(node)),
            _ => self.rarer_value(node),
        }
    }

    /// The rest of [`Self::value`], kept apart so that the common part stays small.
    fn rarer_value(&mut self, node: &'p Node) -> Read<Owned> {
        match node {
            Node::None => self.null(),
            Node::Any => self.any(),
            Node::AnyBinary => self.any_binary(),
            Node::Bytes(length, form) => self.bytes(*length, *form),
            Node::Refused => Err(Miss::Refused),
            Node::Literal(table) => self.literal(table),
            Node::Enum(table) => self.member(table),
            Node::Date => self.date(),
            Node::Time => self.time(),
            Node::DateTime => self.datetime(),
            Node::Duration => self.duration(),
            Node::Uuid(version) => self.uuid(*version),
            Node::Decimal => self.decimal(),
            Node::Set(items) => self.set(items),
            Node::FrozenSet(items) => self.frozen_set(items),
            Node::Tuple(items) => self.tuple(items),
            Node::TupleOf(items) => self.tuple_of(items),
            Node::Dict(entries) => self.dict(entries),
            Node::RootModel(model) => self.root_model(model),
            Node::TypedDict(dict) => self.typed_dict(dict),
            Node::Union(choices) => self.union(choices),
            Node::FirstOf(choices) => self.first_of(choices),
            Node::Tagged(tagged) => {
                let choice = self.tagged_choice(tagged)?;
                self.value(choice)
            }
            Node::Piece(piece) => self.piece(piece),
            // Parts with code of the user's are drafted, never read.
            _ => Err(Miss::Unknown),
        }
    }

    /// Take one of the levels that are left.
    #[inline(always)]
    fn take_level(&mut self) -> Read<()> {
        self.levels = self.levels.checked_sub(1).ok_or(Miss::Unknown)?;
        if self.levels.is_multiple_of(stack::STRIDE) { self.look_at_stack() } else { Ok(()) }
    }

    /// Let Pydantic, or what is in front of it, say what happens where the stack ends.
    #[cold]
    #[inline(never)]
    fn look_at_stack(&mut self) -> Read<()> {
        self.fewest_levels = self.fewest_levels.min(self.levels);
        if stack::has_room(self.levels) { Ok(()) } else { Err(Miss::Unknown) }
    }

    /// Go into an array.
    #[inline(always)]
    pub fn open_array(&mut self) -> Read<S::Open> {
        if !self.cursor.is_array() {
            return Err(self.no_array());
        }
        self.take_level()?;
        self.cursor.enter_array().ok_or(Miss::Unknown)
    }

    /// Go into an object.
    #[inline(always)]
    pub fn open_object(&mut self) -> Read<S::Open> {
        if !self.cursor.is_object() {
            return Err(self.no_object());
        }
        self.take_level()?;
        self.cursor.enter_object().ok_or(Miss::Unknown)
    }

    /// What it means that the next value is no array.
    #[cold]
    fn no_array(&mut self) -> Miss {
        if self.cursor.kind() == Kind::Other { Miss::Unknown } else { Miss::Refused }
    }

    /// What it means that the next value is no object, which is what stands for bytes where Pydantic reads them.
    #[cold]
    fn no_object(&mut self) -> Miss {
        if matches!(self.cursor.kind(), Kind::Binary | Kind::Other) { Miss::Unknown } else { Miss::Refused }
    }

    /// Say whether another item follows in an array or object; if not, its level is closed.
    #[inline(always)]
    pub fn goes_on(&mut self, open: &mut S::Open) -> Read<bool> {
        let goes_on = self.cursor.goes_on(open).ok_or(Miss::Unknown)?;
        self.levels += usize::from(!goes_on);
        Ok(goes_on)
    }

    /// See that the next value holds none that a later one of its key replaces: it would be tried, compared or refused,
    /// and its validators would be called, though nobody sees it.
    #[inline]
    pub fn every_value_counts(&mut self) -> Read<()> {
        if S::EVERY_VALUE_COUNTS {
            return Ok(());
        }
        let start = self.cursor.next_position();
        if !self.counting.contains(&start) {
            self.counting = self.cursor.all_counting(start, self.levels).ok_or(Miss::Unknown)?;
        }
        Ok(())
    }

    /// Take a key, up to its value.
    #[inline]
    pub fn key(&mut self) -> Read<RawString<'t>> {
        self.cursor.key().ok_or(Miss::Unknown)
    }

    /// The bytes of a string without its escapes; valid until the next call.
    #[inline]
    pub fn text_of<'s>(&'s mut self, raw: RawString<'t>) -> Read<&'s [u8]>
    where
        't: 's,
    {
        if !raw.has_escapes {
            return Ok(raw.bytes);
        }
        self.scratch.clear();
        crate::json::unescape::unescape(raw.bytes, &mut self.scratch).ok_or(Miss::Unknown)?;
        Ok(self.scratch.as_bytes())
    }

    /// A new Python string.
    #[inline(always)]
    pub fn string_object(&mut self, raw: RawString<'t>) -> Read<Owned> {
        if raw.is_ascii && !raw.has_escapes {
            return new_ascii(raw.bytes).ok_or_else(out_of_memory);
        }
        let text = self.text_of(raw)?;
        new_text(text).ok_or_else(out_of_memory)
    }
}

/// Make a string of bytes that are known to be ASCII.
#[inline]
pub fn new_ascii(bytes: &[u8]) -> Option<Owned> {
    if bytes.len() < 2 {
        return new_text(bytes); // the interpreter shares these
    }
    // SAFETY: the new object has room for exactly these bytes, and nobody has seen it.
    unsafe {
        let object = Owned::from_new(ffi::PyUnicode_New(bytes.len() as ffi::Py_ssize_t, 127))?;
        let data = ffi::PyUnicode_DATA(object.as_ptr()).cast::<u8>();
        data.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        Some(object)
    }
}

/// Make a string of valid UTF-8.
pub fn new_text(bytes: &[u8]) -> Option<Owned> {
    // SAFETY: pointer and length are of one slice.
    unsafe {
        let length = bytes.len() as ffi::Py_ssize_t;
        Owned::from_new(ffi::PyUnicode_FromStringAndSize(bytes.as_ptr().cast(), length))
    }
}

/// Drop the exception of a call that failed: Pydantic will meet the same and tell it. Leave the call for lack of memory.
#[cold]
pub fn out_of_memory() -> Miss {
    // SAFETY: the GIL is held.
    unsafe { forget() };
    Miss::Unknown
}
