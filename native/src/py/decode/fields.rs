//! The fields of a model or a typed dictionary, and how a key of the text finds its field.

use std::collections::HashMap;

use pyo3::prelude::*;

use super::node::Node;
use crate::source::Expected;

/// What a field has when the text does not give it a value.
pub enum Default {
    /// It must be given.
    Required,
    /// It is left out (`total=False`).
    Absent,
    /// The very same object each time.
    Shared(Py<PyAny>),
    /// A copy of a container of plain values.
    Copied(Py<PyAny>),
    /// The result of calling a class of Python's own without arguments: `list`, `dict`, `set`.
    Fresh(Py<PyAny>),
    /// The result of a function of the user's.
    Made(Py<PyAny>),
    /// A copy by `copy.deepcopy`, which may run code of the user's.
    DeepCopied(Py<PyAny>),
}

/// One field.
pub struct Field {
    /// The schema's own key object: instances must carry it, or Pydantic's serializer gets slower on them.
    pub name: Py<PyAny>,
    /// The first of its keys, as it stands in a document.
    pub expected: Expected,
    pub node: Node,
    pub default: Default,
    /// What errors call the field; `None` where it is the key that was found in the text.
    pub location: Option<Py<PyAny>>,
}

/// All fields, in the order of the schema.
pub struct Fields {
    pub list: Vec<Field>,
    by_key: HashMap<Box<[u8]>, Key>,
    few: Vec<(Box<[u8]>, Key)>,
    /// A bit for each field that must be given.
    pub required: u128,
}

/// The bit of a field in a set of fields; from a table, for shifting 128 bits takes a dozen instructions.
#[inline(always)]
pub fn bit(index: usize) -> u128 {
    static BITS: [u128; Fields::MOST] = {
        let mut bits = [0; Fields::MOST];
        let mut index = 0;
        while index < Fields::MOST {
            bits[index] = 1 << index;
            index += 1;
        }
        bits
    };
    BITS[index]
}

/// What a key of the text means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The value of a field.
    Field(usize),
    /// A name that Pydantic treats in a way of its own (an alias that is switched off, part of a path).
    Declined,
}

/// Up to so many keys, comparing all of them is faster than a hash.
const FEW: usize = 12;

impl Fields {
    /// The most fields a model may have.
    pub const MOST: usize = 128;

    /// Fields in order, and every key that means something.
    pub fn new(list: Vec<Field>, keys: Vec<(Box<[u8]>, Key)>) -> Self {
        let required = list
            .iter()
            .enumerate()
            .filter(|(_, field)| matches!(field.default, Default::Required))
            .fold(0, |bits, (index, _)| bits | bit(index));
        let (few, by_key) =
            if keys.len() <= FEW { (keys, HashMap::new()) } else { (Vec::new(), keys.into_iter().collect()) };
        Self { list, by_key, few, required }
    }

    /// What a key means; `None` for one that is no field's.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<Key> {
        if self.by_key.is_empty() {
            return self
                .few
                .iter()
                .find(|(name, _)| name.len() == key.len() && **name == *key)
                .map(|(_, meaning)| *meaning);
        }
        self.by_key.get(key).copied()
    }
}
