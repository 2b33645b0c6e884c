//! From the plain tuples that the compiler makes to the nodes of an encoder.

use std::collections::HashMap;
use std::marker::PhantomData;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyString, PyTuple, PyType};

use crate::json::number::InfNan;
use crate::memory::Buffer;

use super::layout::{Slot, Support};
use super::node::{
    BytesMode, Call, Class, Computed, Dataclass, Default, Detour, Enum, Field, FieldKind, Fields, Literal, Member,
    Model, Modes, Node, Object, Program, Property, Returned, Root, SubType, Tagged, TemporalMode, Tuple, TypedDict,
    Whole,
};
use super::options::Known;
use super::output::{Output, Piece};

/// The items of a tuple of the program.
struct Items<'a, 'py, O>(&'a Bound<'py, PyTuple>, PhantomData<O>);

impl<'a, 'py, O: Output> Items<'a, 'py, O> {
    fn of(tuple: &'a Bound<'py, PyTuple>) -> Self {
        Self(tuple, PhantomData)
    }

    fn any(&self, index: usize) -> PyResult<Bound<'py, PyAny>> {
        self.0.get_item(index)
    }

    fn tuple(&self, index: usize) -> PyResult<Bound<'py, PyTuple>> {
        Ok(self.any(index)?.cast_into()?)
    }

    fn text(&self, index: usize) -> PyResult<String> {
        self.any(index)?.extract()
    }

    fn flag(&self, index: usize) -> PyResult<bool> {
        self.any(index)?.extract()
    }

    /// Borrowed from the program.
    fn object(&self, index: usize) -> PyResult<Object> {
        Ok(self.any(index)?.as_ptr())
    }

    /// Borrowed from the program; `None` for Python's.
    fn optional(&self, index: usize) -> PyResult<Option<Object>> {
        let item = self.any(index)?;
        Ok((!item.is_none()).then(|| item.as_ptr()))
    }

    /// Borrowed from the program.
    fn class(&self, index: usize) -> PyResult<Class> {
        class_of(&self.any(index)?)
    }

    fn node(&self, index: usize) -> PyResult<Node> {
        node::<O>(&self.tuple(index)?)
    }

    fn nodes(&self, index: usize) -> PyResult<Box<[Node]>> {
        self.tuple(index)?.iter().map(|item| node::<O>(item.cast()?)).collect()
    }

    fn slot(&self, index: usize) -> PyResult<Option<Slot>> {
        let descriptor = self.any(index)?;
        if descriptor.is_none() {
            return Ok(None);
        }
        Slot::of(&descriptor).map(Some)
    }
}

fn class_of(item: &Bound<'_, PyAny>) -> PyResult<Class> {
    Ok(item.cast::<PyType>()?.as_type_ptr())
}

fn unknown(what: &str, name: &str) -> PyErr {
    PyValueError::new_err(format!("unknown {what} in the program: {name:?}"))
}

/// Build an encoder from the compiler's program.
pub fn program<O: Output>(program: &Bound<'_, PyTuple>) -> PyResult<Program<O>> {
    let items = Items::<O>::of(program);
    let modes = items.tuple(2)?;
    let modes = Items::<O>::of(&modes);
    let known = items.tuple(4)?;
    let known = Items::<O>::of(&known);
    let definitions = items.nodes(1)?;
    Ok(Program {
        root: items.node(0)?,
        definitions: definitions.into_vec(),
        modes: Modes {
            inf_nan: inf_nan(&modes.text(0)?)?,
            bytes: bytes_mode(&modes.text(1)?)?,
            temporal: temporal_mode(&modes.text(2)?)?,
            timedelta: temporal_mode(&modes.text(3)?)?,
        },
        exponent_sign: items.flag(3)?,
        options: Known {
            exclude_computed_fields: known.flag(0)?,
            polymorphic_serialization: known.flag(1)?,
            ensure_ascii: known.flag(2)?,
            undeclared_models: known.flag(3)?,
        },
        support: Support::of(&items.tuple(5)?)?,
        known: items.tuple(6)?.iter().map(|item| Ok(class_of(&item)?.addr())).collect::<PyResult<_>>()?,
        may_catch: items.object(7)?,
        failure: items.object(8)?,
        pack: items.object(9)?,
        anchor: program.clone().into_any().unbind(),
        form: PhantomData,
    })
}

fn inf_nan(name: &str) -> PyResult<InfNan> {
    Ok(match name {
        "null" => InfNan::Null,
        "constants" => InfNan::Constants,
        "strings" => InfNan::Strings,
        "unknown" => InfNan::Unknown,
        _ => return Err(unknown("mode", name)),
    })
}

fn bytes_mode(name: &str) -> PyResult<BytesMode> {
    Ok(match name {
        "utf8" => BytesMode::Utf8,
        "base64" => BytesMode::Base64,
        "hex" => BytesMode::Hex,
        "binary" => BytesMode::Binary,
        "unknown" => BytesMode::Unknown,
        _ => return Err(unknown("mode", name)),
    })
}

fn temporal_mode(name: &str) -> PyResult<TemporalMode> {
    Ok(match name {
        "iso8601" => TemporalMode::Iso8601,
        "seconds" => TemporalMode::Seconds,
        "unknown" => TemporalMode::Unknown,
        _ => return Err(unknown("mode", name)),
    })
}

fn node<O: Output>(tuple: &Bound<'_, PyTuple>) -> PyResult<Node> {
    let items = Items::<O>::of(tuple);
    let kind = items.text(0)?;
    Ok(match kind.as_str() {
        "any" => Node::Any,
        "none" => Node::None,
        "bool" => Node::Bool,
        "int" => Node::Int,
        "float" => Node::Float(inf_nan(&items.text(1)?)?),
        "str" => Node::Str,
        "bytes" => Node::Bytes(bytes_mode(&items.text(1)?)?),
        "datetime" => Node::Datetime,
        "date" => Node::Date,
        "time" => Node::Time,
        "timedelta" => Node::Timedelta(temporal_mode(&items.text(1)?)?),
        "uuid" => Node::Uuid,
        "decimal" => Node::Decimal,
        "url" => Node::Url(items.class(1)?),
        "literal" => Node::Literal(Box::new(literal(&items)?)),
        "enum" => Node::Enum(Box::new(enumeration(&items)?)),
        "nullable" => Node::Nullable(Box::new(items.node(1)?)),
        "list" => Node::List(Box::new(items.node(1)?)),
        "set" => Node::Set(Box::new(items.node(1)?)),
        "frozenset" => Node::FrozenSet(Box::new(items.node(1)?)),
        "tuple" => Node::Tuple(Box::new(Tuple { items: items.nodes(1)?, variadic: items.any(2)?.extract()? })),
        "dict" => Node::Dict(Box::new((items.node(1)?, items.node(2)?))),
        "model" => Node::Model(Box::new(Model {
            class: items.class(1)?,
            fields: fields::<O>(&items.tuple(2)?)?,
            fields_set: items.slot(3)?,
            extra: items.slot(4)?,
            extras: items.node(5)?,
        })),
        "root-model" => Node::Root(Box::new(Root { class: items.class(1)?, node: items.node(2)? })),
        "typed-dict" => Node::TypedDict(Box::new(TypedDict { fields: fields::<O>(&items.tuple(1)?)? })),
        "dataclass" => Node::Dataclass(Box::new(dataclass(&items)?)),
        "union" => Node::Union(items.nodes(1)?),
        "tagged-union" => Node::Tagged(Box::new(tagged(&items)?)),
        "json" => Node::Json(Box::new(items.node(1)?)),
        "shared" => Node::Shared(items.any(1)?.extract()?),
        "reference" => Node::Reference(items.any(1)?.extract()?),
        "whole" => Node::Whole(Box::new(Whole { serializer: items.object(1)?, keeps_warnings: items.flag(2)? })),
        "call" => Node::Call(Box::new(Call {
            function: items.object(1)?,
            takes_model: items.flag(2)?,
            nothing: if items.any(3)?.is_none() { None } else { Some(items.node(3)?) },
            result: returned::<O>(&items.tuple(4)?)?,
            handler: items.optional(5)?,
            make_handler: items.optional(6)?,
            make_info: items.optional(7)?,
            gives_owner: items.flag(8)?,
        })),
        "unsupported" => Node::Unsupported,
        _ => return Err(unknown("node", &kind)),
    })
}

fn literal<O: Output>(items: &Items<'_, '_, O>) -> PyResult<Literal> {
    Ok(Literal {
        ints: items.any(1)?.extract()?,
        strings: texts(&items.tuple(2)?)?,
        others: items.object(3)?,
        enums: items.tuple(4)?.iter().map(|item| class_of(&item)).collect::<PyResult<_>>()?,
    })
}

fn texts(tuple: &Bound<'_, PyTuple>) -> PyResult<Vec<Box<[u8]>>> {
    tuple.iter().map(|item| bytes(&item)).collect()
}

fn bytes(item: &Bound<'_, PyAny>) -> PyResult<Box<[u8]>> {
    Ok(item.cast::<PyString>()?.to_str()?.as_bytes().into())
}

fn enumeration<O: Output>(items: &Items<'_, '_, O>) -> PyResult<Enum> {
    let members = items.tuple(2)?;
    let members = members.iter().map(|item| {
        let tuple = item.cast::<PyTuple>()?;
        let items = Items::<O>::of(tuple);
        let mut key = O::behind(Buffer::new());
        push_text(&mut key, &items.text(2)?);
        Ok(Member { object: items.object(0)?, value: constant::<O>(&items.any(1)?)?, key: Piece::new(key.bytes()) })
    });
    let sub_type = items.text(3)?;
    Ok(Enum {
        class: items.class(1)?,
        sub_type: match sub_type.as_str() {
            "any" => SubType::Any,
            "int" => SubType::Int,
            "str" => SubType::Str,
            "float" => SubType::Float,
            _ => return Err(unknown("type of an enum", &sub_type)),
        },
        members: members.collect::<PyResult<_>>()?,
    })
}

fn dataclass<O: Output>(items: &Items<'_, '_, O>) -> PyResult<Dataclass> {
    let fields = fields::<O>(&items.tuple(3)?)?;
    let names = items.tuple(2)?;
    let names = names.iter().map(|name| {
        let index = fields.by_name.get(&bytes(&name)?).copied();
        Ok((name.as_ptr(), index.ok_or_else(|| unknown("field", &name.to_string()))?))
    });
    let names = names.collect::<PyResult<_>>()?;
    Ok(Dataclass { class: items.class(1)?, names, fields })
}

fn tagged<O: Output>(items: &Items<'_, '_, O>) -> PyResult<Tagged> {
    let mut tags = HashMap::new();
    for item in items.tuple(2)?.iter() {
        let (tag, index): (Bound<'_, PyAny>, usize) = item.extract()?;
        tags.insert(bytes(&tag)?, index);
    }
    Ok(Tagged {
        name: items.object(1)?,
        tags,
        classes: items.tuple(3)?.iter().map(|item| class_of(&item)).collect::<PyResult<_>>()?,
        choices: items.nodes(4)?,
    })
}

fn push_text<O: Output>(out: &mut O, text: &str) {
    out.push_text(text.as_bytes(), !text.is_ascii());
}

/// A plain value that stands in the program.
fn constant<O: Output>(value: &Bound<'_, PyAny>) -> PyResult<Piece> {
    let mut out = O::behind(Buffer::new());
    if value.is_none() {
        out.push_null();
    } else if let Ok(text) = value.cast::<PyString>() {
        push_text(&mut out, text.to_str()?);
    } else if let Ok(value) = value.cast::<PyBool>() {
        out.push_bool(value.is_true());
    } else if let Ok(value) = value.cast::<PyFloat>() {
        out.push_float(value.value(), true);
    } else if let Ok(number) = value.extract() {
        out.push_int(number);
    } else if !out.push_large_int(value.str()?.to_str()?.as_bytes()) {
        return Err(PyValueError::new_err("an integer in the program is too large"));
    }
    Ok(Piece::new(out.bytes()))
}

fn fields<O: Output>(tuple: &Bound<'_, PyTuple>) -> PyResult<Fields> {
    let items = Items::<O>::of(tuple);
    let mut found = Fields {
        fields: Vec::new(),
        by_name: HashMap::new(),
        taken: texts(&items.tuple(3)?)?.into_iter().collect(),
        by_alias: items.flag(1)?,
        required: 0,
        computed: Vec::new(),
        detours: false,
        serializer: items.object(4)?,
        share_aliases: items.flag(5)?,
    };
    for item in items.tuple(0)?.iter() {
        let field = field::<O>(item.cast()?)?;
        found.required += usize::from(field.required);
        found.detours |= matches!(field.kind, FieldKind::Detour(_) | FieldKind::Native(Node::Call(_)));
        // SAFETY: the key is a string that the program holds.
        let name = unsafe { Bound::from_borrowed_ptr(tuple.py(), field.key) };
        found.by_name.insert(bytes(&name)?, found.fields.len());
        found.fields.push(field);
    }
    for item in items.tuple(2)?.iter() {
        found.detours = true;
        found.computed.push(computed::<O>(item.cast()?)?);
    }
    Ok(found)
}

fn computed<O: Output>(tuple: &Bound<'_, PyTuple>) -> PyResult<Computed> {
    let items = Items::<O>::of(tuple);
    if items.text(0)? == "detour" {
        return Ok(Computed::Detour(detour::<O>(&items.tuple(1)?)?));
    }
    Ok(Computed::Property(Box::new(Property {
        attribute: items.object(1)?,
        names: [O::name_piece(&items.text(1)?), O::name_piece(&items.text(2)?)],
        result: returned::<O>(&items.tuple(3)?)?,
    })))
}

fn returned<O: Output>(tuple: &Bound<'_, PyTuple>) -> PyResult<Returned> {
    let items = Items::<O>::of(tuple);
    Ok(Returned { node: items.node(0)?, name: items.object(1)?, whole: items.object(2)?, field: items.optional(3)? })
}

fn field<O: Output>(tuple: &Bound<'_, PyTuple>) -> PyResult<Field> {
    let items = Items::<O>::of(tuple);
    let mode = items.text(4)?;
    let kind = match mode.as_str() {
        "native" => FieldKind::Native(items.node(5)?),
        "excluded" => FieldKind::Excluded,
        "detour" => FieldKind::Detour(detour::<O>(&items.tuple(5)?)?),
        _ => return Err(unknown("field", &mode)),
    };
    let default = items.text(6)?;
    Ok(Field {
        key: items.object(0)?,
        names: [O::name_piece(&items.text(1)?), O::name_piece(&items.text(2)?)],
        required: items.flag(3)?,
        kind,
        default: match default.as_str() {
            "absent" => Default::Absent,
            "plain" => Default::Plain(items.object(7)?),
            _ => Default::Opaque,
        },
    })
}

fn detour<O: Output>(tuple: &Bound<'_, PyTuple>) -> PyResult<Detour> {
    let items = Items::<O>::of(tuple);
    Ok(Detour { include: items.object(0)?, keeps_warnings: items.flag(1)?, gives_owner: items.flag(2)? })
}
