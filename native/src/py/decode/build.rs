//! Builds a program from the tuples that the compiler in Python made of a core schema.

use std::collections::HashMap;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::fields::{Default, Field, Fields, Key};
use super::instance::{Blueprint, PostInit};
use super::node::{
    After, Before, BytesForm, Entries, Extra, FloatBounds, Info, IntBounds, Items, Length, Model, Node, Piece, Plan,
    RootModel, StrRules, Table, Tagged, TypedDict, is_live,
};
use crate::source::Expected;

type Tuple<'py> = Bound<'py, PyTuple>;

/// How a key stands in documents of a format; nothing equals it where that is not known.
pub type KeyForm = fn(&[u8]) -> Expected;

/// Build a program: `(root, definitions, fail, is_lax)`.
pub fn plan(program: &Tuple<'_>, form: KeyForm) -> PyResult<Plan> {
    let (root, definitions, fail, is_lax): (Tuple<'_>, Tuple<'_>, Option<Py<PyAny>>, bool) = program.extract()?;
    let mut definitions =
        definitions.iter().map(|item| node(item.cast::<PyTuple>()?, form)).collect::<PyResult<Vec<Node>>>()?;
    let mut root = node(&root, form)?;
    // Whether a definition is live depends on the others: repeat until nothing changes.
    let mut live = vec![false; definitions.len()];
    loop {
        let before = live.clone();
        for index in 0..definitions.len() {
            mark(&mut definitions[index], &before);
            live[index] |= is_live(&definitions[index], &before);
        }
        if live == before {
            break;
        }
    }
    mark(&mut root, &live);
    Ok(Plan { root, definitions, live, is_lax, fail, part_stack: 0 })
}

/// Note in each model whether reading it runs code of the user's.
fn mark(node: &mut Node, live: &[bool]) {
    match node {
        Node::Model(model) => {
            for field in &mut model.fields.list {
                mark(&mut field.node, live);
            }
            let by_field = model.fields.list.iter().any(|field| {
                is_live(&field.node, live) || matches!(field.default, Default::Made(_) | Default::DeepCopied(_))
            });
            model.is_live |= by_field;
        }
        Node::RootModel(model) => {
            mark(&mut model.value, live);
            model.is_live |= is_live(&model.value, live);
        }
        Node::TypedDict(dict) => dict.fields.list.iter_mut().for_each(|field| mark(&mut field.node, live)),
        Node::Nullable(inner) => mark(inner, live),
        Node::List(items) | Node::TupleOf(items) | Node::Set(items) | Node::FrozenSet(items) => {
            mark(&mut items.item, live);
        }
        Node::Tuple(items) | Node::Union(items) | Node::FirstOf(items) => {
            items.iter_mut().for_each(|item| mark(item, live))
        }
        Node::Dict(entries) => {
            mark(&mut entries.key, live);
            mark(&mut entries.value, live);
        }
        Node::Tagged(tagged) => tagged.choices.iter_mut().for_each(|choice| mark(choice, live)),
        Node::After(after) => mark(&mut after.inner, live),
        Node::Before(before) => mark(&mut before.inner, live),
        _ => {}
    }
}

fn node(tuple: &Tuple<'_>, form: KeyForm) -> PyResult<Node> {
    let kind: String = tuple.get_item(0)?.extract()?;
    let part = |index: usize| tuple.get_item(index);
    let child = |index: usize| -> PyResult<Node> { node(part(index)?.cast::<PyTuple>()?, form) };
    Ok(match kind.as_str() {
        "none" => Node::None,
        "bool" => Node::Bool,
        "any" => Node::Any,
        "any-binary" => Node::AnyBinary,
        "date" => Node::Date,
        "time" => Node::Time,
        "datetime" => Node::DateTime,
        "timedelta" => Node::Duration,
        "decimal" => Node::Decimal,
        "int" => {
            let (_, ge, gt, le, lt, multiple_of) = tuple.extract::<(String, _, _, _, _, _)>()?;
            let bounds = IntBounds { ge, gt, le, lt, multiple_of };
            let is_bound = [bounds.ge, bounds.gt, bounds.le, bounds.lt, bounds.multiple_of].iter().any(Option::is_some);
            Node::Int(is_bound.then(|| Box::new(bounds)))
        }
        "float" => {
            let (_, ge, gt, le, lt) = tuple.extract::<(String, _, _, _, _)>()?;
            let bounds = FloatBounds { ge, gt, le, lt };
            let is_bound = [bounds.ge, bounds.gt, bounds.le, bounds.lt].iter().any(Option::is_some);
            Node::Float(is_bound.then(|| Box::new(bounds)))
        }
        "str" => {
            let (_, least, most, strip, ascii_only) = tuple.extract::<(String, _, _, _, _)>()?;
            let length = Length { least, most };
            let is_ruled = strip || ascii_only || length.least.is_some() || length.most.is_some();
            let rules = StrRules { length, strip, ascii_only };
            Node::Str(is_ruled.then(|| Box::new(rules)))
        }
        "bytes" => Node::Bytes(
            length(tuple, 1)?,
            match part(3)?.extract::<String>()?.as_str() {
                "base64" => BytesForm::Base64,
                "hex" => BytesForm::Hex,
                "binary" => BytesForm::Binary,
                _ => BytesForm::Utf8,
            },
        ),
        "refused" => Node::Refused,
        "uuid" => Node::Uuid(part(1)?.extract()?),
        "literal" => Node::Literal(Box::new(table(tuple)?)),
        "enum" => Node::Enum(Box::new(table(tuple)?)),
        "list" => Node::List(items(tuple, form)?),
        "set" => Node::Set(items(tuple, form)?),
        "frozenset" => Node::FrozenSet(items(tuple, form)?),
        "tuple-of" => Node::TupleOf(items(tuple, form)?),
        "tuple" => Node::Tuple(nodes(&part(1)?, form)?.into()),
        "union" => Node::Union(nodes(&part(1)?, form)?.into()),
        "union-left" => Node::FirstOf(nodes(&part(1)?, form)?.into()),
        "dict" => Node::Dict(Box::new(Entries { key: child(1)?, value: child(2)?, length: length(tuple, 3)? })),
        "nullable" => Node::Nullable(Box::new(child(1)?)),
        "definition-ref" => Node::Reference(part(1)?.extract()?),
        "model" => {
            let (list, keys) = fields(&part(2)?, &part(3)?, form)?;
            let names: Vec<Py<PyAny>> = list.iter().map(|field| field.name.clone_ref(tuple.py())).collect();
            let (post_init, is_live) = post_init(&part(5)?)?;
            Node::Model(Box::new(Model {
                blueprint: Blueprint::new(part(1)?.cast::<PyType>()?, &names, post_init)?,
                fields: Fields::new(list, keys),
                extra: extra(&part(4)?, form)?,
                is_live,
            }))
        }
        "root-model" => {
            let (post_init, is_live) = post_init(&part(3)?)?;
            let name = pyo3::intern!(tuple.py(), "root").clone().into_any().unbind();
            Node::RootModel(Box::new(RootModel {
                blueprint: Blueprint::new(part(1)?.cast::<PyType>()?, &[name], post_init)?,
                value: child(2)?,
                is_live,
            }))
        }
        "typed-dict" => {
            let (list, keys) = fields(&part(1)?, &part(2)?, form)?;
            Node::TypedDict(Box::new(TypedDict { fields: Fields::new(list, keys), extra: extra(&part(3)?, form)? }))
        }
        "tagged" => {
            let tags: Vec<(String, usize)> = part(2)?.extract()?;
            Node::Tagged(Box::new(Tagged {
                key: key_bytes(&part(1)?)?,
                by_tag: tags.into_iter().map(|(tag, index)| (tag.into_bytes().into(), index)).collect(),
                choices: nodes(&part(3)?, form)?,
            }))
        }
        "after" => {
            let make: Option<Py<PyAny>> = part(3)?.extract()?;
            Node::After(Box::new(After {
                function: part(1)?.unbind(),
                inner: child(2)?,
                info: make.map(|make| Info { make }),
            }))
        }
        "before" => {
            let functions: Vec<(Py<PyAny>, Option<Py<PyAny>>)> = part(1)?.extract()?;
            Node::Before(Box::new(Before {
                functions: functions.into_iter().map(|(call, make)| (call, make.map(|make| Info { make }))).collect(),
                inner: child(2)?,
                validate: part(3)?.unbind(),
                keeps_binary: part(4)?.extract()?,
            }))
        }
        "init" => Node::Init(part(1)?.unbind()),
        "piece" => Node::Piece(Box::new(Piece { validate: part(1)?.unbind(), is_live: part(2)?.extract()? })),
        _ => return Err(PyValueError::new_err(format!("the native core does not know the node {kind:?}"))),
    })
}

fn nodes(tuple: &Bound<'_, PyAny>, form: KeyForm) -> PyResult<Vec<Node>> {
    tuple.cast::<PyTuple>()?.iter().map(|item| node(item.cast::<PyTuple>()?, form)).collect()
}

fn length(tuple: &Tuple<'_>, at: usize) -> PyResult<Length> {
    Ok(Length { least: tuple.get_item(at)?.extract()?, most: tuple.get_item(at + 1)?.extract()? })
}

fn items(tuple: &Tuple<'_>, form: KeyForm) -> PyResult<Box<Items>> {
    Ok(Box::new(Items { item: node(tuple.get_item(1)?.cast::<PyTuple>()?, form)?, length: length(tuple, 2)? }))
}

/// `(kind, ((value, object), …), is_closed)`.
fn table(tuple: &Tuple<'_>) -> PyResult<Table> {
    let mut table = Table {
        texts: HashMap::new(),
        integers: HashMap::new(),
        yes: None,
        no: None,
        none: None,
        is_closed: tuple.get_item(2)?.extract()?,
    };
    for pair in tuple.get_item(1)?.cast::<PyTuple>()?.iter() {
        let (value, object): (Bound<'_, PyAny>, Py<PyAny>) = pair.extract()?;
        if value.is_none() {
            table.none = Some(object);
        } else if let Ok(truth) = value.cast::<pyo3::types::PyBool>() {
            if truth.is_true() {
                table.yes = Some(object);
            } else {
                table.no = Some(object);
            }
        } else if let Ok(text) = value.extract::<String>() {
            table.texts.insert(text.into_bytes().into(), object);
        } else {
            table.integers.insert(value.extract()?, object);
        }
    }
    Ok(table)
}

type Keys = Vec<(Box<[u8]>, Key)>;

/// Fields `((name, node, default, location), …)` and keys `((key, index or None), …)`, where the first key of a field
/// is the one it is expected by.
fn fields(list: &Bound<'_, PyAny>, keys: &Bound<'_, PyAny>, form: KeyForm) -> PyResult<(Vec<Field>, Keys)> {
    let mut found: Keys = Vec::new();
    for pair in keys.cast::<PyTuple>()?.iter() {
        let (key, index): (Bound<'_, PyAny>, Option<usize>) = pair.extract()?;
        found.push((key_bytes(&key)?, index.map_or(Key::Declined, Key::Field)));
    }
    let list = list.cast::<PyTuple>()?;
    if list.len() > Fields::MOST {
        return Err(PyValueError::new_err("too many fields for the native core"));
    }
    let mut fields = Vec::with_capacity(list.len());
    for (index, field) in list.iter().enumerate() {
        let (name, inner, default, location): (Py<PyAny>, Tuple<'_>, Tuple<'_>, Option<Py<PyAny>>) = field.extract()?;
        let key = found.iter().find(|(_, meaning)| *meaning == Key::Field(index));
        fields.push(Field {
            name,
            expected: key.map_or_else(Expected::nothing, |(key, _)| form(key)),
            node: node(&inner, form)?,
            default: self::default(&default)?,
            location,
        });
    }
    Ok((fields, found))
}

fn key_bytes(key: &Bound<'_, PyAny>) -> PyResult<Box<[u8]>> {
    Ok(key.extract::<String>()?.into_bytes().into())
}

fn default(tuple: &Tuple<'_>) -> PyResult<Default> {
    let kind: String = tuple.get_item(0)?.extract()?;
    let value = || -> PyResult<Py<PyAny>> { Ok(tuple.get_item(1)?.unbind()) };
    Ok(match kind.as_str() {
        "required" => Default::Required,
        "absent" => Default::Absent,
        "shared" => Default::Shared(value()?),
        "copied" => Default::Copied(value()?),
        "fresh" => Default::Fresh(value()?),
        "made" => Default::Made(value()?),
        "deep-copied" => Default::DeepCopied(value()?),
        _ => return Err(PyValueError::new_err(format!("the native core does not know the default {kind:?}"))),
    })
}

/// `"ignore"`, `"forbid"`, or `("allow", node or None)`.
fn extra(rule: &Bound<'_, PyAny>, form: KeyForm) -> PyResult<Extra> {
    if let Ok(rule) = rule.cast::<PyTuple>() {
        let inner = rule.get_item(1)?;
        return Ok(Extra::Allow(if inner.is_none() { None } else { Some(node(inner.cast::<PyTuple>()?, form)?) }));
    }
    match rule.extract::<String>()?.as_str() {
        "ignore" => Ok(Extra::Ignore),
        "forbid" => Ok(Extra::Forbid),
        other => Err(PyValueError::new_err(format!("the native core does not know {other:?} for extra keys"))),
    }
}

/// `None` or `(name, is_harmless)`; also whether it makes the model a live one.
fn post_init(rule: &Bound<'_, PyAny>) -> PyResult<(Option<PostInit>, bool)> {
    if rule.is_none() {
        return Ok((None, false));
    }
    let (name, is_harmless): (Py<PyAny>, bool) = rule.extract()?;
    Ok((Some(PostInit { name }), !is_harmless))
}
