//! A block to values.

use std::ffi::CStr;
use std::rc::Rc;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::tag::{self, flag, zone};
use super::value::{Known, as_class, call};
use crate::py::collector::{LONG, Resting};
use crate::py::copy::classes::{Class, Kind, Object};
use crate::py::copy::instance::{allocate, put};
use crate::py::copy::set;
use crate::py::datetime;
use crate::py::decode::dict_template::DictTemplate;
use crate::py::decode::objects::uuid_of;
use crate::py::function::{Arguments, Callable};
use crate::py::object::Owned;

/// Why nothing was read.
enum Miss {
    Malformed,
    /// An exception is set.
    Raised,
}

type Read<T> = Result<T, Miss>;

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct BlockReader {
    known: Known,
    fallback: Py<PyAny>,
    refuse: Py<PyAny>,
}

#[pymethods]
impl BlockReader {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.known.classes.kind_of())?;
        visit.call(&self.fallback)?;
        visit.call(&self.refuse)
    }
}

impl BlockReader {
    pub fn new(
        py: Python<'_>,
        kind_of: Bound<'_, PyAny>,
        fallback: Bound<'_, PyAny>,
        refuse: Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        Ok(Self { known: Known::new(py, kind_of)?, fallback: fallback.unbind(), refuse: refuse.unbind() })
    }

    /// The kinds of the classes; `None` if one of them has a say in how its instances are made.
    unsafe fn kinds(&self, classes: Object) -> Option<Vec<(Object, Kind)>> {
        // SAFETY: exactly a tuple, which the caller holds.
        unsafe {
            (0..ffi::PyTuple_GET_SIZE(classes))
                .map(|index| {
                    let class = ffi::PyTuple_GET_ITEM(classes, index);
                    let kind = self.known.classes.of(as_class(class)?).kind;
                    matches!(kind, Kind::Model | Kind::RootModel | Kind::Enum).then_some((class, kind))
                })
                .collect()
        }
    }
}

impl Callable for BlockReader {
    const FUNCTION: &'static CStr = c"read_block";

    fn call(&self, py: Python<'_>, arguments: Arguments) -> Object {
        // SAFETY: the caller of the function holds its arguments; bytes do not change.
        unsafe {
            let (Some(block), 2) = (arguments.first(), arguments.positional()) else {
                return arguments.forward(&self.fallback);
            };
            let Some(classes) = arguments.without_first().only() else {
                return arguments.forward(&self.fallback);
            };
            if ffi::PyBytes_CheckExact(block) == 0 || ffi::PyTuple_CheckExact(classes) == 0 {
                return arguments.forward(&self.fallback);
            }
            let data: &[u8] =
                std::slice::from_raw_parts(ffi::PyBytes_AsString(block).cast(), ffi::PyBytes_Size(block) as usize);
            let Some(kinds) = self.kinds(classes).filter(|_| data.first() == Some(&tag::VERSION)) else {
                return arguments.forward(&self.fallback);
            };
            let mut reader = Reader::new(&self.known, data, kinds);
            let resting = (data.len() >= LONG).then(|| Resting::new(py));
            let value = reader.value();
            drop(resting);
            match value {
                Ok(value) if reader.at == data.len() => value.into_ptr(),
                Ok(_) | Err(Miss::Malformed) => ffi::PyObject_CallNoArgs(self.refuse.as_ptr()),
                Err(Miss::Raised) => std::ptr::null_mut(),
            }
        }
    }
}

/// How to make the instances of one shape.
struct Shape {
    class: Class,
    is_root: bool,
    flags: u8,
    names: usize,
    dict: DictTemplate,
    given: Owned,
}

struct Reader<'a> {
    known: &'a Known,
    data: &'a [u8],
    at: usize,
    classes: Vec<(Object, Kind)>,
    shapes: Vec<Rc<Shape>>,
    /// What references refer to, and whether it may be a key.
    kept: Vec<(Owned, bool)>,
    depth: usize,
    /// Values that are still to come: each takes a byte at least.
    promised: usize,
    last_zone: Option<(u8, i32, Owned)>,
}

impl<'a> Reader<'a> {
    fn new(known: &'a Known, data: &'a [u8], classes: Vec<(Object, Kind)>) -> Self {
        Self {
            known,
            data,
            at: 1,
            classes,
            shapes: Vec::new(),
            kept: Vec::new(),
            depth: 0,
            promised: 0,
            last_zone: None,
        }
    }

    // -- pieces -------------------------------------------------------------------------------------------------------

    #[inline]
    fn byte(&mut self) -> Read<u8> {
        let byte = *self.data.get(self.at).ok_or(Miss::Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or(Miss::Malformed)?;
        let taken = self.data.get(self.at..end).ok_or(Miss::Malformed)?;
        self.at = end;
        Ok(taken)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Miss::Malformed)
    }

    #[inline]
    fn number(&mut self) -> Read<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        let mut number = u64::from(first & 0x7F);
        let mut shift = 7;
        loop {
            let byte = self.byte()?;
            // Of the tenth byte, one bit is left.
            if shift == 63 && byte > 1 {
                return Err(Miss::Malformed);
            }
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    fn size(&mut self) -> Read<usize> {
        usize::try_from(self.number()?).map_err(|_| Miss::Malformed)
    }

    fn counted(&mut self) -> Read<&'a [u8]> {
        let size = self.size()?;
        self.take(size)
    }

    /// A count of values to come, each of which is so many; they have to fit the rest.
    #[inline]
    fn count(&mut self, each: usize) -> Read<usize> {
        let count = self.size()?;
        self.promise(count.checked_mul(each).ok_or(Miss::Malformed)?)?;
        Ok(count)
    }

    #[inline]
    fn promise(&mut self, count: usize) -> Read<()> {
        self.promised = self.promised.checked_add(count).ok_or(Miss::Malformed)?;
        if self.promised > self.data.len() - self.at { Err(Miss::Malformed) } else { Ok(()) }
    }

    #[inline]
    fn promised_value(&mut self) -> Read<Owned> {
        self.promised -= 1;
        self.value()
    }

    fn promised_key(&mut self) -> Read<Owned> {
        self.promised -= 1;
        self.key()
    }

    fn keep(&mut self, object: &Owned, is_key: bool) {
        // SAFETY: alive, being held.
        self.kept.push((unsafe { Owned::from_borrowed(object.as_ptr()) }, is_key));
    }

    fn reference(&mut self) -> Read<(Owned, bool)> {
        let number = self.size()?;
        let (object, is_key) = self.kept.get(number).ok_or(Miss::Malformed)?;
        // SAFETY: alive, being kept.
        Ok((unsafe { Owned::from_borrowed(object.as_ptr()) }, *is_key))
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth == tag::DEEPEST {
            return Err(Miss::Malformed);
        }
        self.depth += 1;
        let outcome = work(self);
        self.depth -= 1;
        outcome
    }

    // -- values -------------------------------------------------------------------------------------------------------

    fn value(&mut self) -> Read<Owned> {
        let mut first = self.byte()?;
        while first == tag::SHAPE {
            self.new_shape()?;
            first = self.byte()?;
        }
        match first {
            tag::LIST | tag::KEPT_LIST => self.deeper(|reader| reader.list(first == tag::KEPT_LIST)),
            tag::TUPLE | tag::KEPT_TUPLE => self.deeper(|reader| reader.tuple(first == tag::KEPT_TUPLE)),
            tag::DICT | tag::KEPT_DICT => self.deeper(|reader| reader.dict(first == tag::KEPT_DICT)),
            tag::SET | tag::KEPT_SET => self.deeper(|reader| reader.set(first == tag::KEPT_SET)),
            tag::FROZENSET => self.deeper(Self::frozenset),
            tag::MODEL | tag::KEPT_MODEL => self.deeper(|reader| reader.model(first == tag::KEPT_MODEL)),
            tag::REFERENCE => self.deeper(|reader| Ok(reader.reference()?.0)),
            _ => self.scalar(first),
        }
    }

    #[inline]
    fn scalar(&mut self, first: u8) -> Read<Owned> {
        // SAFETY: functions of the interpreter that make objects; the GIL is held.
        unsafe {
            match first {
                tag::SHORT..tag::UNUSED => self.take((first - tag::SHORT).into()).and_then(new_text),
                tag::SMALL..tag::SHORT => owned(ffi::PyLong_FromLong((first - tag::SMALL).into())),
                tag::NONE => Ok(Owned::from_borrowed(ffi::Py_None())),
                tag::TRUE => Ok(Owned::from_borrowed(ffi::Py_True())),
                tag::FALSE => Ok(Owned::from_borrowed(ffi::Py_False())),
                tag::INTEGER => {
                    let number = self.number()?;
                    owned(ffi::PyLong_FromLongLong((number >> 1) as i64 ^ -((number & 1) as i64)))
                }
                tag::LONG => self.long(),
                tag::FLOAT => owned(ffi::PyFloat_FromDouble(f64::from_le_bytes(self.fixed()?))),
                tag::TEXT => self.counted().and_then(new_text),
                tag::KEPT_TEXT => {
                    let text = self.counted().and_then(new_text)?;
                    self.keep(&text, true);
                    Ok(text)
                }
                tag::BYTES => {
                    let bytes = self.counted()?;
                    owned(ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), bytes.len() as ffi::Py_ssize_t))
                }
                tag::MEMBER => self.member(),
                tag::UUID => uuid_of(&self.fixed()?).map_err(|_| failed()),
                tag::DECIMAL => {
                    let text = self.counted().and_then(new_text)?;
                    call(self.known.decimal.as_ptr(), text.as_ptr()).ok_or(Miss::Raised)
                }
                tag::DATE | tag::DATETIME | tag::TIME | tag::TIMEDELTA => self.moment(first),
                _ => Err(Miss::Malformed),
            }
        }
    }

    #[cold]
    fn long(&mut self) -> Read<Owned> {
        let bytes = self.counted()?;
        // SAFETY: the GIL is held.
        let py = unsafe { Python::assume_attached() };
        let number = || -> PyResult<Bound<'_, PyAny>> {
            let options = pyo3::types::PyDict::new(py);
            options.set_item("signed", true)?;
            let bytes = pyo3::types::PyBytes::new(py, bytes);
            py.get_type::<pyo3::types::PyInt>().call_method("from_bytes", (bytes, "little"), Some(&options))
        };
        match number() {
            // SAFETY: a reference that is given away.
            Ok(number) => unsafe { owned(number.into_ptr()) },
            Err(error) => {
                error.restore(py);
                Err(Miss::Raised)
            }
        }
    }

    fn member(&mut self) -> Read<Owned> {
        let (class, kind) = self.class()?;
        if kind != Kind::Enum {
            return Err(Miss::Malformed);
        }
        let first = self.byte()?;
        if first > tag::BYTES && first < tag::SMALL {
            return Err(Miss::Malformed);
        }
        let value = self.scalar(first)?;
        // SAFETY: the class is held by the caller of the reader.
        let member = unsafe { call(class, value.as_ptr()) }.ok_or(Miss::Raised)?;
        self.keep(&member, true);
        Ok(member)
    }

    fn class(&mut self) -> Read<(Object, Kind)> {
        let number = self.size()?;
        self.classes.get(number).copied().ok_or(Miss::Malformed)
    }

    /// A key: nothing whose hash takes long.
    fn key(&mut self) -> Read<Owned> {
        let first = self.byte()?;
        match first {
            tag::TUPLE => self.deeper(|reader| {
                let count = reader.count(1)?;
                let items = (0..count).map(|_| reader.promised_key()).collect::<Read<Vec<_>>>()?;
                new_tuple(items)
            }),
            tag::REFERENCE => match self.reference()? {
                (key, true) => Ok(key),
                _ => Err(Miss::Malformed),
            },
            tag::SHAPE => Err(Miss::Malformed),
            _ => self.scalar(first),
        }
    }

    // -- times --------------------------------------------------------------------------------------------------------

    fn moment(&mut self, first: u8) -> Read<Owned> {
        let made = match first {
            tag::DATE => datetime::new_date(self.day()?),
            tag::DATETIME => {
                let day = self.day()?;
                let (clock, zone, fold) = self.clock()?;
                datetime::new_datetime(day, clock, &zone, fold)
            }
            tag::TIME => {
                let (clock, zone, fold) = self.clock()?;
                datetime::new_time(clock, &zone, fold)
            }
            _ => return self.duration(),
        };
        made.ok_or(Miss::Raised)
    }

    fn day(&mut self) -> Read<[i32; 3]> {
        Ok([u16::from_le_bytes(self.fixed()?).into(), self.byte()?.into(), self.byte()?.into()])
    }

    fn clock(&mut self) -> Read<([i32; 4], Owned, i32)> {
        let [hour, minute, second] = self.fixed()?;
        let [low, middle, high] = self.fixed()?;
        let micro = i32::from_le_bytes([low, middle, high, 0]);
        let kind = self.byte()?;
        let zone = self.zone(kind & !zone::FOLD)?;
        Ok(([hour.into(), minute.into(), second.into(), micro], zone, (kind >= zone::FOLD).into()))
    }

    fn zone(&mut self, kind: u8) -> Read<Owned> {
        // SAFETY: the objects are alive, and their constructors native.
        unsafe {
            match kind {
                zone::NONE => return Ok(Owned::from_borrowed(ffi::Py_None())),
                zone::UTC => return Ok(Owned::from_borrowed(self.known.utc.as_ptr())),
                zone::PYTHONS | zone::PYDANTICS => {}
                _ => return Err(Miss::Malformed),
            }
            let seconds = i32::from_le_bytes(self.fixed()?);
            if let Some((known_kind, known, zone)) = &self.last_zone
                && (*known_kind, *known) == (kind, seconds)
            {
                return Ok(Owned::from_borrowed(zone.as_ptr()));
            }
            let made = if kind == zone::PYDANTICS {
                let seconds = owned(ffi::PyLong_FromLong(seconds.into()))?;
                call(self.known.tz_info.as_ptr(), seconds.as_ptr()).ok_or(Miss::Raised)?
            } else {
                let offset = datetime::new_duration(0, seconds, 0).ok_or(Miss::Raised)?;
                call(self.known.timezone.as_ptr(), offset.as_ptr()).ok_or(Miss::Raised)?
            };
            self.last_zone = Some((kind, seconds, Owned::from_borrowed(made.as_ptr())));
            Ok(made)
        }
    }

    fn duration(&mut self) -> Read<Owned> {
        let days = i32::from_le_bytes(self.fixed()?);
        let (seconds, micros) = (u32::from_le_bytes(self.fixed()?), u32::from_le_bytes(self.fixed()?));
        // What is written is normalised.
        if seconds >= 86_400 || micros >= 1_000_000 {
            return Err(Miss::Malformed);
        }
        datetime::new_duration(days, seconds as i32, micros as i32).ok_or(Miss::Raised)
    }

    // -- containers ---------------------------------------------------------------------------------------------------

    fn list(&mut self, is_kept: bool) -> Read<Owned> {
        let count = self.count(1)?;
        // SAFETY: a new list of `None`s, as long as the count; its items are replaced with a look at its length.
        unsafe {
            let list = owned(ffi::PyList_New(count as ffi::Py_ssize_t))?;
            for index in 0..count {
                let none = Owned::from_borrowed(ffi::Py_None());
                ffi::PyList_SET_ITEM(list.as_ptr(), index as ffi::Py_ssize_t, none.into_ptr());
            }
            if is_kept {
                self.keep(&list, false);
            }
            for index in 0..count {
                let item = self.promised_value()?;
                if ffi::PyList_SetItem(list.as_ptr(), index as ffi::Py_ssize_t, item.into_ptr()) < 0 {
                    return Err(Miss::Raised);
                }
            }
            Ok(list)
        }
    }

    fn tuple(&mut self, is_kept: bool) -> Read<Owned> {
        let count = self.count(1)?;
        let items = (0..count).map(|_| self.promised_value()).collect::<Read<Vec<_>>>()?;
        let tuple = new_tuple(items)?;
        if is_kept {
            self.keep(&tuple, false);
        }
        Ok(tuple)
    }

    fn dict(&mut self, is_kept: bool) -> Read<Owned> {
        let count = self.count(2)?;
        // SAFETY: a new dict; keys and values are alive.
        unsafe {
            let dict = owned(ffi::PyDict_New())?;
            if is_kept {
                self.keep(&dict, false);
            }
            for _ in 0..count {
                let key = self.promised_key()?;
                let value = self.promised_value()?;
                if ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) < 0 {
                    return Err(Miss::Raised);
                }
            }
            Ok(dict)
        }
    }

    fn set(&mut self, is_kept: bool) -> Read<Owned> {
        let count = self.count(1)?;
        // SAFETY: makes a set.
        let set = unsafe { owned(ffi::PySet_New(std::ptr::null_mut()))? };
        if is_kept {
            self.keep(&set, false);
        }
        self.fill(&set, count)?;
        Ok(set)
    }

    fn frozenset(&mut self) -> Read<Owned> {
        let count = self.count(1)?;
        // SAFETY: makes a frozen set, which may be filled as long as nobody else has it.
        let set = unsafe { owned(ffi::PyFrozenSet_New(std::ptr::null_mut()))? };
        self.fill(&set, count)?;
        Ok(set)
    }

    fn fill(&mut self, set: &Owned, count: usize) -> Read<()> {
        for _ in 0..count {
            let item = self.promised_key()?;
            // SAFETY: set and item are alive.
            if unsafe { ffi::PySet_Add(set.as_ptr(), item.as_ptr()) } < 0 {
                return Err(Miss::Raised);
            }
        }
        Ok(())
    }

    // -- models -------------------------------------------------------------------------------------------------------

    fn new_shape(&mut self) -> Read<()> {
        let (class, kind) = self.class()?;
        let flags = self.byte()?;
        let is_root = kind == Kind::RootModel;
        let known = if is_root { flag::MORE } else { flag::EXTRA | flag::PRIVATE | flag::MORE };
        if !matches!(kind, Kind::Model | Kind::RootModel) || flags & !known != 0 {
            return Err(Miss::Malformed);
        }
        let count = self.count(1)?;
        let names = (0..count).map(|_| self.name()).collect::<Read<Vec<_>>>()?;
        let bits = self.take(count.div_ceil(8))?;
        if count % 8 != 0 && bits.last().is_some_and(|last| last >> (count % 8) != 0) {
            return Err(Miss::Malformed);
        }
        // SAFETY: names are exact strings.
        unsafe {
            let py = Python::assume_attached();
            let given = owned(ffi::PySet_New(std::ptr::null_mut()))?;
            for (index, name) in names.iter().enumerate() {
                if bits[index / 8] >> (index % 8) & 1 == 1 && ffi::PySet_Add(given.as_ptr(), name.as_ptr()) < 0 {
                    return Err(Miss::Raised);
                }
            }
            let names: Vec<Py<PyAny>> =
                names.into_iter().map(|name| Bound::from_owned_ptr(py, name.into_ptr()).unbind()).collect();
            let dict = DictTemplate::new(py, &names).map_err(|error| {
                error.restore(py);
                Miss::Raised
            })?;
            // Attached anew: PyO3 keeps what is dropped outside.
            Python::attach(|_| drop(names));
            self.shapes.push(Rc::new(Shape { class: class.cast(), is_root, flags, names: count, dict, given }));
        }
        Ok(())
    }

    /// A name, interned as attributes are.
    fn name(&mut self) -> Read<Owned> {
        self.promised -= 1;
        let first = self.byte()?;
        let name = match first {
            tag::REFERENCE => self.reference()?.0,
            tag::TEXT | tag::KEPT_TEXT | tag::SHORT..tag::UNUSED => self.scalar(first)?,
            _ => return Err(Miss::Malformed),
        };
        // SAFETY: alive; interning gives the same reference back, or one to an equal string.
        unsafe {
            if ffi::PyUnicode_CheckExact(name.as_ptr()) == 0 {
                return Err(Miss::Malformed);
            }
            let mut name = name.into_ptr();
            ffi::PyUnicode_InternInPlace(&raw mut name);
            owned(name)
        }
    }

    fn model(&mut self, is_kept: bool) -> Read<Owned> {
        let number = self.size()?;
        let shape = Rc::clone(self.shapes.get(number).ok_or(Miss::Malformed)?);
        self.promise(shape.names + shape.flags.count_ones() as usize)?;
        // SAFETY: the class was proved to be made by its allocator, and to keep its state in the slots of BaseModel.
        unsafe {
            let model = allocate(shape.class).map_err(|_| failed())?;
            if is_kept {
                self.keep(&model, false);
            }
            let mut filling = shape.dict.start().ok_or(Miss::Raised)?;
            for index in 0..shape.names {
                let value = self.promised_value()?;
                shape.dict.put(&mut filling, index, value).ok_or(Miss::Raised)?;
            }
            let dict = shape.dict.finish(filling);
            if ffi::PyObject_GenericSetDict(model.as_ptr(), dict.as_ptr(), std::ptr::null_mut()) < 0 {
                return Err(Miss::Raised);
            }
            let slots = self.known.slots;
            let extra = self.beside(shape.flags & flag::EXTRA)?;
            let private = self.beside(shape.flags & flag::PRIVATE)?;
            let fields_set = set::copied(shape.given.as_ptr()).ok_or(Miss::Raised)?;
            if shape.flags & flag::MORE != 0 {
                self.promised -= 1;
                for _ in 0..self.count(1)? {
                    let name = self.name()?;
                    if ffi::PySet_Add(fields_set.as_ptr(), name.as_ptr()) < 0 {
                        return Err(Miss::Raised);
                    }
                }
            }
            put(model.as_ptr(), slots.fields_set, fields_set);
            if !shape.is_root {
                put(model.as_ptr(), slots.extra, extra);
                put(model.as_ptr(), slots.private, private);
            }
            Ok(model)
        }
    }

    /// A dict that stands beside the fields, or None.
    fn beside(&mut self, is_there: u8) -> Read<Owned> {
        // SAFETY: alive objects.
        unsafe {
            if is_there == 0 {
                return Ok(Owned::from_borrowed(ffi::Py_None()));
            }
            let found = self.promised_value()?;
            if ffi::PyDict_CheckExact(found.as_ptr()) == 0 { Err(Miss::Malformed) } else { Ok(found) }
        }
    }
}

#[inline]
fn new_text(bytes: &[u8]) -> Read<Owned> {
    use crate::py::decode::reader::new_ascii;
    if bytes.is_ascii() {
        return new_ascii(bytes).ok_or(Miss::Raised);
    }
    // SAFETY: so many bytes are there.
    let text = unsafe {
        let size = bytes.len() as ffi::Py_ssize_t;
        Owned::from_new(ffi::PyUnicode_DecodeUTF8(bytes.as_ptr().cast(), size, std::ptr::null()))
    };
    text.ok_or_else(|| {
        // SAFETY: the GIL is held.
        unsafe {
            let is_text = ffi::PyErr_ExceptionMatches(ffi::PyExc_UnicodeDecodeError) == 0;
            if is_text {
                return Miss::Raised;
            }
            ffi::PyErr_Clear();
        }
        Miss::Malformed
    })
}

fn new_tuple(items: Vec<Owned>) -> Read<Owned> {
    // SAFETY: a new tuple is filled, with references that are given away.
    unsafe {
        let tuple = owned(ffi::PyTuple_New(items.len() as ffi::Py_ssize_t))?;
        for (index, item) in items.into_iter().enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as ffi::Py_ssize_t, item.into_ptr());
        }
        Ok(tuple)
    }
}

/// A new reference, or null with an exception set.
#[inline]
unsafe fn owned(object: Object) -> Read<Owned> {
    // SAFETY: said above.
    unsafe { Owned::from_new(object) }.ok_or(Miss::Raised)
}

/// What to say of a failed call that may not have set an exception.
#[cold]
fn failed() -> Miss {
    // SAFETY: the GIL is held.
    unsafe {
        if ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_NoMemory();
        }
    }
    Miss::Raised
}
