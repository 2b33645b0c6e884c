//! Lists, tuples, sets and dicts.

use std::ops::Range;

use pyo3::ffi;

use crate::json::number::{LONGEST_INT, write_int};
use crate::memory::{push, with_room};
use crate::py::int_object::as_i64;
use crate::py::object::Owned;

use super::node::{Class, Node, Object, Tuple};
use super::output::Output;
use super::state::{Outcome, State, Stop};
use crate::py::entries::Walk;

/// Each has the contract of [`State::encode`].
impl<O: Output> State<'_, O> {
    pub unsafe fn encode_list<const STRICT: bool>(&mut self, item: &Node, value: Object) -> Outcome {
        // SAFETY: the value is held, and each item is fetched when its turn comes: the list may change while Python code
        // runs, never while an item is borrowed without any.
        unsafe {
            if ffi::PyList_CheckExact(value) == 0 {
                return self.no_container::<STRICT>(value);
            }
            self.enter()?;
            let _held = Self::hold(value);
            let length = ffi::PyList_GET_SIZE(value);
            self.out.begin_array(length as usize);
            let mut index = 0;
            let program = self.program;
            let item = program.resolved(item);
            if let Node::Model(model) = item {
                while index < ffi::PyList_GET_SIZE(value) {
                    self.out.next(index == 0);
                    self.encode_model::<STRICT>(model, ffi::PyList_GET_ITEM(value, index))?;
                    index += 1;
                    self.item_done();
                }
            }
            while index < ffi::PyList_GET_SIZE(value) {
                self.out.next(index == 0);
                self.encode::<STRICT>(item, ffi::PyList_GET_ITEM(value, index))?;
                index += 1;
                self.item_done();
            }
            if O::IS_COUNTED && index != length {
                return Err(Stop::Decline); // it has changed
            }
            self.out.end_array();
        }
        self.leave();
        Ok(())
    }

    pub unsafe fn encode_tuple<const STRICT: bool>(&mut self, node: &Tuple, value: Object) -> Outcome {
        // SAFETY: the value is held, and a tuple does not change.
        unsafe {
            if ffi::PyTuple_CheckExact(value) == 0 {
                return self.no_container::<STRICT>(value);
            }
            let length = ffi::PyTuple_GET_SIZE(value) as usize;
            let declared = node.items.len();
            match node.variadic {
                // Too few items are written without a word, but not always in the same way.
                Some(_) if length + 1 < declared => return Err(Stop::Decline),
                None if length != declared => {
                    return Err(if STRICT { Stop::Reject } else { Stop::Decline });
                }
                _ => {}
            }
            self.enter()?;
            let _held = Self::hold(value);
            self.out.begin_array(length);
            for index in 0..length {
                self.out.next(index == 0);
                let item = match node.variadic {
                    Some(at) if index >= at => {
                        let behind = declared - 1 - at;
                        if index < length - behind { at } else { declared - (length - index) }
                    }
                    _ => index,
                };
                self.encode::<STRICT>(&node.items[item], ffi::PyTuple_GET_ITEM(value, index as isize))?;
                self.item_done();
            }
            self.out.end_array();
        }
        self.leave();
        Ok(())
    }

    pub unsafe fn encode_set<const STRICT: bool>(&mut self, item: &Node, class: Class, value: Object) -> Outcome {
        // SAFETY: the iterator holds the set, and each item is held while it is written.
        unsafe {
            if ffi::Py_TYPE(value) != class {
                return self.no_container::<STRICT>(value);
            }
            self.enter()?;
            let _held = Self::hold(value); // making the iterator may run the garbage collector
            let Some(iterator) = Owned::from_new(ffi::PyObject_GetIter(value)) else {
                ffi::PyErr_Clear();
                return Err(Stop::Decline);
            };
            let length = ffi::PySet_Size(value) as usize;
            self.out.begin_array(length);
            let mut written = 0;
            while let Some(element) = Owned::from_new(ffi::PyIter_Next(iterator.as_ptr())) {
                self.out.next(written == 0);
                written += 1;
                self.encode::<STRICT>(item, element.as_ptr())?;
                self.item_done();
            }
            if O::IS_COUNTED && written != length {
                return Err(Stop::Decline); // it has changed
            }
            if !ffi::PyErr_Occurred().is_null() {
                ffi::PyErr_Clear();
                return Err(Stop::Decline);
            }
            self.out.end_array();
        }
        self.leave();
        Ok(())
    }

    pub unsafe fn encode_dict<const STRICT: bool>(&mut self, key: &Node, item: &Node, value: Object) -> Outcome {
        // SAFETY: the dict is held, and the walk notices changes; keys and values are held while they are written.
        unsafe {
            if ffi::PyDict_CheckExact(value) == 0 {
                return self.no_container::<STRICT>(value);
            }
            self.enter()?;
            let _held = Self::hold(value);
            let mut walk = Walk::over(value);
            let length = ffi::PyDict_Size(value) as usize;
            self.out.begin_dict(length);
            let (mut written, mut names) = (0, Names::default());
            while let Some((name, element)) = walk.next()? {
                self.out.next(written == 0);
                written += 1;
                let element = Self::hold(element); // a key may run Python code
                if ffi::PyUnicode_CheckExact(name) != 0 && matches!(key, Node::Str | Node::Any) {
                    self.push_text(name)?;
                } else if STRICT {
                    // Pydantic puts the keys into a dict of its own, in which equal texts fall together.
                    return Err(Stop::Decline);
                } else {
                    let name = Self::hold(name);
                    let start = self.out.len();
                    self.encode_key(key, name.as_ptr())?;
                    if O::IS_COUNTED {
                        names.note(name.as_ptr(), start..self.out.len());
                    }
                }
                self.out.colon();
                self.encode::<STRICT>(item, element.as_ptr())?;
                self.item_done();
            }
            if O::IS_COUNTED && (written != length || names.may_be_equal(length, self.out.bytes())) {
                return Err(Stop::Decline); // it has changed; or it has fewer members than keys
            }
            self.out.end_dict();
        }
        self.leave();
        Ok(())
    }

    #[cold]
    #[inline(never)]
    unsafe fn no_container<const STRICT: bool>(&mut self, value: Object) -> Outcome {
        // SAFETY: the value is alive.
        unsafe {
            if value == ffi::Py_None() {
                return self.null();
            }
            Err(self.refuse::<STRICT>(value))
        }
    }

    /// Write the key of an object that is no exact string in a place for strings.
    unsafe fn encode_key(&mut self, node: &Node, key: Object) -> Outcome {
        // SAFETY: the caller holds the key; program parts live as long as the run.
        unsafe {
            match node {
                Node::Str if ffi::PyUnicode_Check(key) != 0 => self.push_text(key),
                Node::Shared(index) => self.encode_key(&self.program.definitions[*index], key),
                Node::Int | Node::Any if ffi::PyLong_CheckExact(key) != 0 => self.push_int_key(key),
                Node::Float(_) if ffi::PyFloat_CheckExact(key) != 0 => self.push_str_of(key),
                Node::Bool | Node::Any if ffi::PyBool_Check(key) != 0 => {
                    self.out.push_ascii(if key == ffi::Py_True() { b"true" } else { b"false" });
                    Ok(())
                }
                Node::Literal(_) | Node::Nullable(_) if ffi::PyUnicode_CheckExact(key) != 0 => match node {
                    Node::Nullable(inner) if matches!(**inner, Node::Str | Node::Any | Node::Literal(_)) => {
                        self.push_text(key)
                    }
                    Node::Literal(_) => self.push_text(key),
                    _ => Err(Stop::Decline),
                },
                Node::Enum(node) => {
                    let member = node.members.iter().find(|member| member.object == key);
                    self.out.push_piece(&member.ok_or(Stop::Decline)?.key);
                    Ok(())
                }
                Node::Uuid if ffi::Py_TYPE(key) == self.program.support.uuid => self.encode_uuid::<false>(key),
                Node::Date if ffi::Py_TYPE(key) == (*ffi::PyDateTimeAPI()).DateType => self.encode_date::<false>(key),
                Node::Time if ffi::Py_TYPE(key) == (*ffi::PyDateTimeAPI()).TimeType => self.encode_time::<false>(key),
                Node::Datetime if ffi::Py_TYPE(key) == (*ffi::PyDateTimeAPI()).DateTimeType => {
                    self.encode_datetime::<false>(key)
                }
                Node::Decimal if ffi::Py_TYPE(key) == self.program.support.decimal => self.encode_decimal::<false>(key),
                Node::Bytes(mode) if ffi::PyBytes_CheckExact(key) != 0 => self.encode_bytes::<false>(*mode, key),
                _ => Err(Stop::Decline),
            }
        }
    }

    unsafe fn push_int_key(&mut self, key: Object) -> Outcome {
        // SAFETY: the key is a live int; the text is used while its owner lives.
        unsafe {
            if let Some(number) = as_i64(key) {
                let mut digits = [0; LONGEST_INT];
                let length = write_int(&mut digits, number);
                self.out.push_ascii(&digits[..length]);
                return Ok(());
            }
            let Some(digits) = Owned::from_new(ffi::PyObject_Str(key)) else {
                ffi::PyErr_Clear(); // more digits than Python turns into text
                return Err(Stop::Decline);
            };
            self.push_text(digits.as_ptr())
        }
    }

    /// Write the name of an extra attribute, and the colon.
    pub unsafe fn push_name(&mut self, name: Object) -> Outcome {
        // SAFETY: the name is alive.
        unsafe {
            if ffi::PyUnicode_CheckExact(name) == 0 {
                return Err(Stop::Decline);
            }
            self.push_text(name)?;
        }
        self.out.colon();
        Ok(())
    }
}

/// Keys of one dict that are no texts themselves: two of them may be written as the same text.
#[derive(Default)]
struct Names {
    places: Vec<Range<usize>>,
    ints: usize,
}

impl Names {
    /// Note what was written for a key.
    unsafe fn note(&mut self, key: Object, place: Range<usize>) {
        // SAFETY: the caller says that the key is alive.
        if unsafe { ffi::PyLong_CheckExact(key) } != 0 {
            self.ints += 1; // no two ints have the same text
        } else {
            push(&mut self.places, place);
        }
    }

    /// Whether two of so many keys are equal now, or could be.
    fn may_be_equal(&self, keys: usize, written: &[u8]) -> bool {
        if self.places.is_empty() {
            return self.ints != 0 && self.ints != keys;
        }
        if self.places.len() != keys {
            return true;
        }
        let mut texts: Vec<&[u8]> = with_room(self.places.len());
        texts.extend(self.places.iter().map(|place| &written[place.clone()]));
        texts.sort_unstable();
        texts.windows(2).any(|pair| pair[0] == pair[1])
    }
}
