//! Values to a block.

use std::collections::HashMap;
use std::ffi::CStr;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::shape::{Parts, Shape};
use super::tag::{self, flag, zone};
use super::value::Known;
use crate::py::copy::classes::{AddressHasher, Class, Kind, Object};
use crate::py::copy::dict::Values;
use crate::py::copy::instance::State;
use crate::py::datetime::zone_of;
use crate::py::function::{Arguments, Callable};
use crate::py::object::Owned;

/// The value has to be pickled in the ordinary way. No exception is set.
struct Unsuited;

type Written = Result<(), Unsuited>;

type ByAddress<T> = HashMap<usize, T, BuildHasherDefault<AddressHasher>>;

/// References that the walk knows of: that of the holder, and one of its own.
const HELD: ffi::Py_ssize_t = 2;

#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct Writer {
    known: Known,
}

#[pymethods]
impl Writer {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.known.classes.kind_of())
    }
}

impl Writer {
    pub fn new(py: Python<'_>, kind_of: Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { known: Known::new(py, kind_of)? })
    }
}

impl Callable for Writer {
    const FUNCTION: &'static CStr = c"write_block";

    fn call(&self, _py: Python<'_>, arguments: Arguments) -> Object {
        // SAFETY: the caller of the function holds the value; results are given away.
        unsafe {
            let nothing = || Owned::from_borrowed(ffi::Py_None()).into_ptr();
            let Some(value) = arguments.only() else {
                return nothing();
            };
            let mut block = Block::new(&self.known);
            // Something else may refer to the outermost value, too: no reference is known.
            if block.value(value, 0).is_err() || block.shapes.is_empty() {
                return nothing();
            }
            block.result().map_or(std::ptr::null_mut(), Owned::into_ptr)
        }
    }
}

struct Block<'a> {
    known: &'a Known,
    out: Vec<u8>,
    /// Numbers of what is kept, by address; what is kept is held, so that no address is used twice.
    numbers: ByAddress<usize>,
    kept: Vec<Owned>,
    classes: Vec<Owned>,
    shapes: Vec<Shape>,
    last_shape: usize,
    /// Keys and values of the dicts that are being written, held.
    entries: Vec<Owned>,
    names: Vec<Object>,
    depth: usize,
}

/// Each function that takes an object wants it alive, by `references` that the walk knows of.
impl<'a> Block<'a> {
    fn new(known: &'a Known) -> Self {
        let mut out = Vec::with_capacity(256);
        out.push(tag::VERSION);
        Self {
            known,
            out,
            numbers: HashMap::default(),
            kept: Vec::new(),
            classes: Vec::new(),
            shapes: Vec::new(),
            last_shape: 0,
            entries: Vec::new(),
            names: Vec::new(),
            depth: 0,
        }
    }

    /// The block and the classes. `None` if memory ran out; an exception is then set.
    unsafe fn result(self) -> Option<Owned> {
        // SAFETY: new objects, filled with references that are given away.
        unsafe {
            let size = self.out.len() as ffi::Py_ssize_t;
            let block = Owned::from_new(ffi::PyBytes_FromStringAndSize(self.out.as_ptr().cast(), size))?;
            let classes = Owned::from_new(ffi::PyTuple_New(self.classes.len() as ffi::Py_ssize_t))?;
            for (index, class) in self.classes.into_iter().enumerate() {
                ffi::PyTuple_SET_ITEM(classes.as_ptr(), index as ffi::Py_ssize_t, class.into_ptr());
            }
            Owned::from_new(ffi::PyTuple_Pack(2, block.as_ptr(), classes.as_ptr()))
        }
    }

    // -- pieces -------------------------------------------------------------------------------------------------------

    #[inline]
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    fn counted(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Keep what stands in the block from here on, under the next number.
    unsafe fn keep(&mut self, object: Object) {
        self.numbers.insert(object.addr(), self.kept.len());
        // SAFETY: the caller holds the object.
        self.kept.push(unsafe { Owned::from_borrowed(object) });
    }

    /// Write a reference to what is kept; say whether that is done.
    fn refer(&mut self, object: Object) -> bool {
        let Some(number) = self.numbers.get(&object.addr()).copied() else {
            return false;
        };
        self.out.push(tag::REFERENCE);
        self.number(number as u64);
        true
    }

    // -- values -------------------------------------------------------------------------------------------------------

    #[inline]
    unsafe fn value(&mut self, value: Object, references: ffi::Py_ssize_t) -> Written {
        // SAFETY: the caller's promise.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if class == &raw mut ffi::PyUnicode_Type {
                return self.text(value, references);
            }
            if self.plain(value, class)? {
                return Ok(());
            }
            self.other(value, references)
        }
    }

    /// Write a value whose holder may lose it meanwhile. Nothing else runs while a scalar is written.
    #[inline(always)]
    unsafe fn held(&mut self, value: Object) -> Written {
        // SAFETY: nothing has run since the value was read from its holder.
        unsafe {
            let class = ffi::Py_TYPE(value);
            if class == &raw mut ffi::PyUnicode_Type {
                return self.text(value, HELD - 1);
            }
            if self.plain(value, class)? {
                return Ok(());
            }
            let value = Owned::from_borrowed(value);
            self.other(value.as_ptr(), HELD)
        }
    }

    /// Write a scalar but for text; say whether it was one.
    #[inline(always)]
    unsafe fn plain(&mut self, value: Object, class: Class) -> Result<bool, Unsuited> {
        // SAFETY: the caller's promise; the class says what the value is.
        unsafe {
            if class == &raw mut ffi::PyLong_Type {
                self.integer(value)?;
            } else if class == &raw mut ffi::PyFloat_Type {
                self.out.push(tag::FLOAT);
                self.out.extend_from_slice(&ffi::PyFloat_AS_DOUBLE(value).to_le_bytes());
            } else if value == ffi::Py_None() {
                self.out.push(tag::NONE);
            } else if class == &raw mut ffi::PyBool_Type {
                self.out.push(if value == ffi::Py_True() { tag::TRUE } else { tag::FALSE });
            } else if class == &raw mut ffi::PyBytes_Type {
                let size = ffi::PyBytes_Size(value) as usize;
                self.out.push(tag::BYTES);
                self.counted(std::slice::from_raw_parts(ffi::PyBytes_AsString(value).cast(), size));
            } else {
                return Ok(false);
            }
            Ok(true)
        }
    }

    #[inline(always)]
    unsafe fn integer(&mut self, value: Object) -> Written {
        // SAFETY: exactly an integer.
        unsafe {
            let mut overflow = 0;
            let number = ffi::PyLong_AsLongLongAndOverflow(value, &raw mut overflow);
            if overflow != 0 {
                return self.long(value);
            }
            if (0..64).contains(&number) {
                self.out.push(tag::SMALL | number as u8);
            } else {
                self.out.push(tag::INTEGER);
                self.number(((number << 1) ^ (number >> 63)) as u64);
            }
            Ok(())
        }
    }

    #[cold]
    unsafe fn long(&mut self, value: Object) -> Written {
        // SAFETY: exactly an integer; its methods are its own.
        unsafe {
            let py = Python::assume_attached();
            let value = Bound::from_borrowed_ptr(py, value);
            let bytes = || -> PyResult<Vec<u8>> {
                let bits: usize = value.call_method0("bit_length")?.extract()?;
                let options = pyo3::types::PyDict::new(py);
                options.set_item("signed", true)?;
                value.call_method("to_bytes", (bits / 8 + 1, "little"), Some(&options))?.extract()
            };
            let bytes = quietly(bytes())?;
            self.out.push(tag::LONG);
            self.counted(&bytes);
            Ok(())
        }
    }

    /// Write text; what something else refers to is kept.
    #[inline(always)]
    unsafe fn text(&mut self, value: Object, references: ffi::Py_ssize_t) -> Written {
        // SAFETY: exactly a string.
        unsafe {
            let is_kept = ffi::Py_REFCNT(value) > references && ffi::PyUnicode_GET_LENGTH(value) > 1;
            if is_kept && self.refer(value) {
                return Ok(());
            }
            self.new_text(value, is_kept)?;
            if is_kept {
                self.keep(value);
            }
            Ok(())
        }
    }

    unsafe fn new_text(&mut self, value: Object, is_kept: bool) -> Written {
        // SAFETY: exactly a string. The UTF-8 of other than ASCII is made anew: a string keeps what it is asked for.
        unsafe {
            if ffi::PyUnicode_IS_COMPACT_ASCII(value) != 0 {
                let size = ffi::PyUnicode_GET_LENGTH(value) as usize;
                self.utf8(std::slice::from_raw_parts(ffi::PyUnicode_DATA(value).cast(), size), is_kept);
                return Ok(());
            }
            let Some(bytes) = Owned::from_new(ffi::PyUnicode_AsUTF8String(value)) else {
                ffi::PyErr_Clear();
                return Err(Unsuited);
            };
            let size = ffi::PyBytes_Size(bytes.as_ptr()) as usize;
            self.utf8(std::slice::from_raw_parts(ffi::PyBytes_AsString(bytes.as_ptr()).cast(), size), is_kept);
            Ok(())
        }
    }

    #[inline(always)]
    fn utf8(&mut self, bytes: &[u8], is_kept: bool) {
        if !is_kept && bytes.len() < 64 {
            self.out.push(tag::SHORT | bytes.len() as u8);
            self.out.extend_from_slice(bytes);
        } else {
            self.out.push(if is_kept { tag::KEPT_TEXT } else { tag::TEXT });
            self.counted(bytes);
        }
    }

    unsafe fn other(&mut self, value: Object, references: ffi::Py_ssize_t) -> Written {
        // SAFETY: the caller's promise; the kind says what the value is.
        unsafe {
            let kind = self.known.classes.of(ffi::Py_TYPE(value)).kind;
            match kind {
                Kind::Enum => return self.member(value),
                Kind::Uuid | Kind::Decimal | Kind::Date | Kind::DateTime | Kind::Time | Kind::TimeDelta => {
                    return self.leaf(value, kind);
                }
                _ => {}
            }
            if self.depth == tag::DEEPEST {
                return Err(Unsuited);
            }
            self.depth += 1;
            let is_kept = ffi::Py_REFCNT(value) > references;
            if !is_kept || !self.refer(value) {
                match kind {
                    Kind::List => self.list(value, is_kept)?,
                    Kind::Tuple => self.tuple(value, is_kept)?,
                    Kind::Dict => self.dict(value, is_kept, std::ptr::null_mut())?,
                    Kind::Set => {
                        self.out.push(if is_kept { tag::KEPT_SET } else { tag::SET });
                        if is_kept {
                            self.keep(value);
                        }
                        self.items(value)?;
                    }
                    Kind::FrozenSet => {
                        self.out.push(tag::FROZENSET);
                        self.items(value)?;
                    }
                    Kind::Model | Kind::RootModel => self.model(value, kind, is_kept)?,
                    _ => return Err(Unsuited),
                }
            }
            self.depth -= 1;
            Ok(())
        }
    }

    // -- containers ---------------------------------------------------------------------------------------------------

    unsafe fn list(&mut self, list: Object, is_kept: bool) -> Written {
        // SAFETY: exactly a list; its length is looked at anew for each item, and an item is held while it is written.
        unsafe {
            let size = ffi::PyList_GET_SIZE(list);
            self.out.push(if is_kept { tag::KEPT_LIST } else { tag::LIST });
            if is_kept {
                self.keep(list);
            }
            self.number(size as u64);
            for index in 0..size {
                if ffi::PyList_GET_SIZE(list) != size {
                    return Err(Unsuited);
                }
                self.held(ffi::PyList_GET_ITEM(list, index))?;
            }
            Ok(())
        }
    }

    unsafe fn tuple(&mut self, tuple: Object, is_kept: bool) -> Written {
        // SAFETY: exactly a tuple, which holds its items.
        unsafe {
            let size = ffi::PyTuple_GET_SIZE(tuple);
            let is_kept = is_kept && size > 0;
            self.out.push(if is_kept { tag::KEPT_TUPLE } else { tag::TUPLE });
            self.number(size as u64);
            for index in 0..size {
                self.value(ffi::PyTuple_GET_ITEM(tuple, index), HELD - 1)?;
            }
            if is_kept {
                self.keep(tuple);
            }
            Ok(())
        }
    }

    /// Write a dict but for entries whose value is `without`.
    unsafe fn dict(&mut self, dict: Object, is_kept: bool, without: Object) -> Written {
        // SAFETY: exactly a dict; keys and values are held until they are written.
        unsafe {
            self.out.push(if is_kept { tag::KEPT_DICT } else { tag::DICT });
            if is_kept {
                self.keep(dict);
            }
            let start = self.entries.len();
            let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            while ffi::PyDict_Next(dict, &raw mut at, &raw mut key, &raw mut value) != 0 {
                if value != without {
                    self.entries.push(Owned::from_borrowed(key));
                    self.entries.push(Owned::from_borrowed(value));
                }
            }
            let end = self.entries.len();
            self.number(((end - start) / 2) as u64);
            for index in (start..end).step_by(2) {
                let (key, value) = (self.entries[index].as_ptr(), self.entries[index + 1].as_ptr());
                self.key(key)?;
                self.value(value, HELD)?;
            }
            self.entries.truncate(start);
            Ok(())
        }
    }

    unsafe fn items(&mut self, set: Object) -> Written {
        // SAFETY: a set that is held; its iterator notices changes.
        unsafe {
            let size = ffi::PySet_Size(set);
            self.number(size as u64);
            let mut count = 0;
            let items = Owned::from_new(ffi::PyObject_GetIter(set)).ok_or_else(unsuited)?;
            while let Some(item) = Owned::from_new(ffi::PyIter_Next(items.as_ptr())) {
                self.key(item.as_ptr())?;
                count += 1;
            }
            if ffi::PyErr_Occurred().is_null() && count == size { Ok(()) } else { Err(unsuited()) }
        }
    }

    /// Write what is hashed quickly, and without code of the user's.
    unsafe fn key(&mut self, key: Object) -> Written {
        // SAFETY: the caller holds the key.
        unsafe {
            let class = ffi::Py_TYPE(key);
            if class == &raw mut ffi::PyUnicode_Type {
                return self.text(key, HELD);
            }
            if self.plain(key, class)? {
                return Ok(());
            }
            if class == &raw mut ffi::PyTuple_Type {
                if self.depth == tag::DEEPEST {
                    return Err(Unsuited);
                }
                self.depth += 1;
                let size = ffi::PyTuple_GET_SIZE(key);
                self.out.push(tag::TUPLE);
                self.number(size as u64);
                for index in 0..size {
                    self.key(ffi::PyTuple_GET_ITEM(key, index))?;
                }
                self.depth -= 1;
                return Ok(());
            }
            match self.known.classes.of(class).kind {
                Kind::Enum => self.member(key),
                kind => self.leaf(key, kind),
            }
        }
    }

    // -- leaves -------------------------------------------------------------------------------------------------------

    unsafe fn leaf(&mut self, value: Object, kind: Kind) -> Written {
        // SAFETY: the kind says what the value is; the functions of `datetime` were imported.
        unsafe {
            self.check_reducer(ffi::Py_TYPE(value))?;
            match kind {
                Kind::Uuid => self.uuid(value),
                Kind::Decimal => {
                    let text = Owned::from_new(ffi::PyObject_Str(value)).ok_or_else(unsuited)?;
                    let mut size = 0;
                    let data = ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut size);
                    if data.is_null() {
                        return Err(unsuited());
                    }
                    self.out.push(tag::DECIMAL);
                    self.counted(std::slice::from_raw_parts(data.cast(), size as usize));
                    Ok(())
                }
                Kind::Date => {
                    self.out.push(tag::DATE);
                    self.day(value);
                    Ok(())
                }
                Kind::DateTime => {
                    self.out.push(tag::DATETIME);
                    self.day(value);
                    let clock = [
                        ffi::PyDateTime_DATE_GET_HOUR(value) as u8,
                        ffi::PyDateTime_DATE_GET_MINUTE(value) as u8,
                        ffi::PyDateTime_DATE_GET_SECOND(value) as u8,
                    ];
                    let fold = ffi::PyDateTime_DATE_GET_FOLD(value) as u8;
                    self.clock(clock, ffi::PyDateTime_DATE_GET_MICROSECOND(value) as u32, value, fold)
                }
                Kind::Time => {
                    self.out.push(tag::TIME);
                    let clock = [
                        ffi::PyDateTime_TIME_GET_HOUR(value) as u8,
                        ffi::PyDateTime_TIME_GET_MINUTE(value) as u8,
                        ffi::PyDateTime_TIME_GET_SECOND(value) as u8,
                    ];
                    let fold = ffi::PyDateTime_TIME_GET_FOLD(value) as u8;
                    self.clock(clock, ffi::PyDateTime_TIME_GET_MICROSECOND(value) as u32, value, fold)
                }
                Kind::TimeDelta => {
                    self.out.push(tag::TIMEDELTA);
                    for part in [
                        ffi::PyDateTime_DELTA_GET_DAYS(value),
                        ffi::PyDateTime_DELTA_GET_SECONDS(value),
                        ffi::PyDateTime_DELTA_GET_MICROSECONDS(value),
                    ] {
                        self.out.extend_from_slice(&part.to_le_bytes());
                    }
                    Ok(())
                }
                _ => Err(Unsuited),
            }
        }
    }

    unsafe fn day(&mut self, value: Object) {
        // SAFETY: a date or a datetime.
        unsafe {
            self.out.extend_from_slice(&(ffi::PyDateTime_GET_YEAR(value) as u16).to_le_bytes());
            self.out.push(ffi::PyDateTime_GET_MONTH(value) as u8);
            self.out.push(ffi::PyDateTime_GET_DAY(value) as u8);
        }
    }

    unsafe fn clock(&mut self, clock: [u8; 3], microsecond: u32, moment: Object, fold: u8) -> Written {
        self.out.extend_from_slice(&clock);
        self.out.extend_from_slice(&microsecond.to_le_bytes()[..3]);
        let fold = if fold == 0 { 0 } else { zone::FOLD };
        // SAFETY: a datetime or a time, which holds its zone.
        unsafe {
            let object = zone_of(moment);
            let class = ffi::Py_TYPE(object).cast::<ffi::PyObject>();
            let kind = if object == ffi::Py_None() {
                zone::NONE
            } else if object == self.known.utc.as_ptr() {
                zone::UTC
            } else if class == self.known.tz_info.as_ptr() {
                zone::PYDANTICS
            } else if class == self.known.timezone.as_ptr() {
                zone::PYTHONS
            } else {
                return Err(Unsuited);
            };
            self.out.push(kind | fold);
            if matches!(kind, zone::PYTHONS | zone::PYDANTICS) {
                let seconds = offset_of(object, kind).ok_or(Unsuited)?;
                self.out.extend_from_slice(&seconds.to_le_bytes());
            }
            Ok(())
        }
    }

    unsafe fn uuid(&mut self, value: Object) -> Written {
        // SAFETY: exactly a UUID; its slots are read with a look at what is there.
        unsafe {
            let number = self.known.uuid_int.read(value);
            let safety = self.known.uuid_safety.read(value);
            if number.is_null() || ffi::PyLong_CheckExact(number) == 0 || safety != self.known.unknown_safety.as_ptr() {
                return Err(Unsuited);
            }
            let number: u128 = quietly(Bound::from_borrowed_ptr(Python::assume_attached(), number).extract())?;
            self.out.push(tag::UUID);
            self.out.extend_from_slice(&number.to_be_bytes());
            Ok(())
        }
    }

    unsafe fn member(&mut self, member: Object) -> Written {
        // SAFETY: a member of a plain enumeration, whose attributes are read without code of the class.
        unsafe {
            if self.refer(member) {
                return Ok(());
            }
            let name = intern!(Python::assume_attached(), "_value_");
            let value = ffi::PyObject_GenericGetAttr(member, name.as_ptr());
            let value = Owned::from_new(value).ok_or_else(unsuited)?;
            let class = self.class(ffi::Py_TYPE(member))?;
            self.out.push(tag::MEMBER);
            self.number(class);
            let kind = ffi::Py_TYPE(value.as_ptr());
            if kind == &raw mut ffi::PyUnicode_Type {
                self.new_text(value.as_ptr(), false)?;
            } else if !self.plain(value.as_ptr(), kind)? {
                return Err(Unsuited);
            }
            self.keep(member);
            Ok(())
        }
    }

    /// The number of a class.
    unsafe fn class(&mut self, class: Class) -> Result<u64, Unsuited> {
        let known = self.classes.iter().position(|known| known.as_ptr() == class.cast());
        if let Some(number) = known {
            return Ok(number as u64);
        }
        // SAFETY: the class of a live value.
        unsafe {
            self.check_reducer(class)?;
            self.classes.push(Owned::from_borrowed(class.cast()));
        }
        Ok(self.classes.len() as u64 - 1)
    }

    /// Leave instances of a class to pickle if the application has registered another way to pickle them.
    #[inline]
    unsafe fn check_reducer(&self, class: Class) -> Written {
        // SAFETY: the class of a live value, which is hashed by its address.
        match unsafe { ffi::PyDict_Contains(self.known.reducers.as_ptr(), class.cast()) } {
            0 => Ok(()),
            1 => Err(Unsuited),
            _ => Err(unsuited()),
        }
    }

    // -- models -------------------------------------------------------------------------------------------------------

    unsafe fn model(&mut self, model: Object, kind: Kind, is_kept: bool) -> Written {
        // SAFETY: an instance of a class that was proved to be a model; what it holds is held until it is written.
        unsafe {
            let state = State::of(model, self.known.slots);
            // Pickle would keep the identity of a dict or set that something else refers to.
            if !state.is_usual(kind) || is_shared(&state.dict) || is_shared(&state.fields_set) {
                return Err(Unsuited);
            }
            let (extra, private) = match kind {
                Kind::RootModel => (None, None),
                _ => (state.extra.as_ref().and_then(not_none), state.private.as_ref().and_then(not_none)),
            };
            if private.is_some_and(|private| ffi::Py_REFCNT(private) > HELD && ffi::PyDict_Size(private) == 0) {
                return Err(Unsuited);
            }
            let flags =
                if extra.is_some() { flag::EXTRA } else { 0 } | if private.is_some() { flag::PRIVATE } else { 0 };
            let shape = self.shape(ffi::Py_TYPE(model), flags, &state)?;
            self.out.push(if is_kept { tag::KEPT_MODEL } else { tag::MODEL });
            self.number(shape as u64);
            if is_kept {
                self.keep(model);
            }
            self.attributes(&state.dict, shape)?;
            if let Some(extra) = extra {
                self.value(extra, HELD)?;
            }
            if let Some(private) = private {
                self.dict(private, false, self.known.undefined.as_ptr())?;
            }
            if self.shapes[shape].flags & flag::MORE != 0 {
                self.more(shape, state.fields_set.as_ptr())?;
            }
            Ok(())
        }
    }

    /// The places of the values of a dict, if all its keys are strings.
    #[inline]
    unsafe fn places(&self, dict: &Owned) -> Option<Values> {
        // SAFETY: exactly a dict, which is held.
        if self.known.knows_dicts { unsafe { Values::of(dict.as_ptr()) } } else { None }
    }

    /// List the names in a `__dict__`.
    #[inline]
    unsafe fn list_names(&mut self, dict: &Owned) -> Written {
        self.names.clear();
        // SAFETY: exactly a dict, which is held; nothing else runs here.
        unsafe {
            if let Some(mut places) = self.places(dict) {
                while let Ok(Some((name, _))) = places.next() {
                    self.names.push(name);
                }
                return Ok(());
            }
            let (mut at, mut name) = (0, std::ptr::null_mut());
            while ffi::PyDict_Next(dict.as_ptr(), &raw mut at, &raw mut name, std::ptr::null_mut()) != 0 {
                if ffi::PyUnicode_CheckExact(name) == 0 {
                    return Err(Unsuited);
                }
                self.names.push(name);
            }
            Ok(())
        }
    }

    /// Write the values of a `__dict__`, whose names are those of the shape.
    #[inline]
    unsafe fn attributes(&mut self, dict: &Owned, shape: usize) -> Written {
        let names = Rc::clone(&self.shapes[shape].names);
        // SAFETY: exactly a dict, which is held. Should it change meanwhile, it has another table, other names, or fewer.
        unsafe {
            let mut done = 0;
            if let Some(entries) = self.places(dict) {
                let mut index = 0;
                while let Some((name, value)) = entries.get(index) {
                    index += 1;
                    if value.is_null() {
                        continue;
                    }
                    if names.get(done).map(Owned::as_ptr) != Some(name) {
                        return Err(Unsuited);
                    }
                    self.held(value)?;
                    if !entries.is_current() {
                        return Err(Unsuited);
                    }
                    done += 1;
                }
            } else {
                let (mut at, mut name, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
                while ffi::PyDict_Next(dict.as_ptr(), &raw mut at, &raw mut name, &raw mut value) != 0 {
                    if names.get(done).map(Owned::as_ptr) != Some(name) {
                        return Err(Unsuited);
                    }
                    self.held(value)?;
                    done += 1;
                }
            }
            if done == names.len() { Ok(()) } else { Err(Unsuited) }
        }
    }

    /// The number of the shape of an instance; a new one is written.
    #[inline]
    unsafe fn shape(&mut self, class: Class, flags: u8, state: &State) -> Result<usize, Unsuited> {
        let fields_set = state.fields_set.as_ptr();
        // SAFETY: parts of a live instance.
        unsafe {
            if let Some(entries) = self.places(&state.dict)
                && let Some(shape) = self.shapes.get(self.last_shape)
                && shape.fits(class, flags, &entries, fields_set)
            {
                return Ok(self.last_shape);
            }
            self.list_names(&state.dict)?;
            let names = std::mem::take(&mut self.names);
            let found = self.other_shape(&Parts { class, flags, names: &names, fields_set });
            self.names = names;
            self.last_shape = *found.as_ref().unwrap_or(&0);
            found
        }
    }

    unsafe fn other_shape(&mut self, parts: &Parts<'_>) -> Result<usize, Unsuited> {
        /// Shapes of one value are few. Where they are not, looking for one takes longer than writing it again.
        const RECENT: usize = 32;
        // SAFETY: parts of a live instance.
        unsafe {
            let first = self.shapes.len().saturating_sub(RECENT);
            if let Some(found) = self.shapes[first..].iter().position(|shape| parts.has(shape)) {
                return Ok(first + found);
            }
            let mut shape = parts.shape().ok_or(Unsuited)?;
            if let Some(found) = self.shapes[first..].iter_mut().position(|known| known.takes(&mut shape)) {
                return Ok(first + found);
            }
            let class = self.class(parts.class)?;
            self.out.push(tag::SHAPE);
            self.number(class);
            self.out.push(shape.flags);
            self.number(shape.names.len() as u64);
            for name in shape.names.iter() {
                self.text(name.as_ptr(), 0)?;
            }
            self.out.extend_from_slice(&shape.bits);
            self.shapes.push(shape);
            Ok(self.shapes.len() - 1)
        }
    }

    /// Write the names of given fields that are not in `__dict__`.
    unsafe fn more(&mut self, shape: usize, fields_set: Object) -> Written {
        // SAFETY: a set that is held; names are compared as exact strings.
        unsafe {
            let mut more = Vec::new();
            let items = Owned::from_new(ffi::PyObject_GetIter(fields_set)).ok_or_else(unsuited)?;
            while let Some(item) = Owned::from_new(ffi::PyIter_Next(items.as_ptr())) {
                if ffi::PyUnicode_CheckExact(item.as_ptr()) == 0 {
                    return Err(Unsuited);
                }
                let names = &self.shapes[shape].names;
                let is_name = names.iter().any(|name| {
                    name.as_ptr() == item.as_ptr() || ffi::PyUnicode_Compare(name.as_ptr(), item.as_ptr()) == 0
                });
                if !is_name {
                    more.push(item);
                }
            }
            if !ffi::PyErr_Occurred().is_null() {
                return Err(unsuited());
            }
            self.number(more.len() as u64);
            for name in more {
                self.text(name.as_ptr(), 0)?;
            }
            Ok(())
        }
    }
}

fn not_none(object: &Owned) -> Option<Object> {
    // SAFETY: only addresses are compared.
    (object.as_ptr() != unsafe { ffi::Py_None() }).then_some(object.as_ptr())
}

/// Say whether something else than its owner and this walk refers to an object.
fn is_shared(object: &Owned) -> bool {
    // SAFETY: alive, being held.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) > HELD }
}

/// Forget the exception of a call that failed.
#[cold]
fn unsuited() -> Unsuited {
    // SAFETY: the GIL is held.
    unsafe { ffi::PyErr_Clear() };
    Unsuited
}

/// The result of a call, without the exception if it failed.
fn quietly<T>(result: PyResult<T>) -> Result<T, Unsuited> {
    result.map_err(|error| {
        // Attached anew: PyO3 keeps what is dropped outside.
        Python::attach(|_| drop::<PyErr>(error));
        Unsuited
    })
}

/// The offset of a zone in whole seconds, if that is all there is to say of it.
///
/// # Safety
/// Exactly a `timezone` or a `TzInfo`, and alive.
unsafe fn offset_of(object: Object, kind: u8) -> Option<i32> {
    // SAFETY: the methods of these classes are native.
    unsafe {
        let py = Python::assume_attached();
        let object = Bound::from_borrowed_ptr(py, object);
        if kind == zone::PYTHONS {
            let arguments = quietly(object.call_method0("__getinitargs__")).ok()?;
            if quietly(arguments.len()).ok()? != 1 {
                return None; // it has a name
            }
        }
        let offset = quietly(object.call_method1("utcoffset", (None::<u8>,))).ok()?;
        if (*ffi::PyDateTimeAPI()).DeltaType != ffi::Py_TYPE(offset.as_ptr())
            || ffi::PyDateTime_DELTA_GET_MICROSECONDS(offset.as_ptr()) != 0
        {
            return None;
        }
        let days = ffi::PyDateTime_DELTA_GET_DAYS(offset.as_ptr());
        Some(days * 86_400 + ffi::PyDateTime_DELTA_GET_SECONDS(offset.as_ptr()))
    }
}
