//! Lists, tuples, sets and dicts.

use pyo3::ffi;

use crate::py::object::Owned;

use super::node::{Class, Node, Object, Tuple};
use super::scalar::text_of;
use super::state::{Outcome, State, Stop};
use super::table::Walk;

/// Each has the contract of [`State::encode`].
impl State<'_> {
    pub unsafe fn encode_list<const STRICT: bool>(&mut self, item: &Node, value: Object) -> Outcome {
        // SAFETY: the value is held, and each item is fetched when its turn comes: the list may change while Python code
        // runs, never while an item is borrowed without any.
        unsafe {
            if ffi::PyList_CheckExact(value) == 0 {
                return self.no_container::<STRICT>(value);
            }
            self.enter()?;
            let _held = Self::hold(value);
            self.out.push(b'[');
            let mut index = 0;
            let program = self.program;
            let item = program.resolved(item);
            if let Node::Model(model) = item {
                while index < ffi::PyList_GET_SIZE(value) {
                    if index != 0 {
                        self.out.push(b',');
                    }
                    self.encode_model::<STRICT>(model, ffi::PyList_GET_ITEM(value, index))?;
                    index += 1;
                }
            }
            while index < ffi::PyList_GET_SIZE(value) {
                if index != 0 {
                    self.out.push(b',');
                }
                self.encode::<STRICT>(item, ffi::PyList_GET_ITEM(value, index))?;
                index += 1;
            }
            self.out.push(b']');
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
            self.out.push(b'[');
            for index in 0..length {
                if index != 0 {
                    self.out.push(b',');
                }
                let item = match node.variadic {
                    Some(at) if index >= at => {
                        let behind = declared - 1 - at;
                        if index < length - behind { at } else { declared - (length - index) }
                    }
                    _ => index,
                };
                self.encode::<STRICT>(&node.items[item], ffi::PyTuple_GET_ITEM(value, index as isize))?;
            }
            self.out.push(b']');
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
            self.out.push(b'[');
            let mut is_first = true;
            while let Some(element) = Owned::from_new(ffi::PyIter_Next(iterator.as_ptr())) {
                if !is_first {
                    self.out.push(b',');
                }
                is_first = false;
                self.encode::<STRICT>(item, element.as_ptr())?;
            }
            if !ffi::PyErr_Occurred().is_null() {
                ffi::PyErr_Clear();
                return Err(Stop::Decline);
            }
            self.out.push(b']');
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
            self.out.push(b'{');
            let mut is_first = true;
            while let Some((name, element)) = walk.next()? {
                if !is_first {
                    self.out.push(b',');
                }
                is_first = false;
                let element = Self::hold(element); // a key may run Python code
                if ffi::PyUnicode_CheckExact(name) != 0 && matches!(key, Node::Str | Node::Any) {
                    self.push_text(name)?;
                } else if STRICT {
                    // Pydantic puts the keys into a dict of its own, in which equal texts fall together.
                    return Err(Stop::Decline);
                } else {
                    let name = Self::hold(name);
                    self.encode_key(key, name.as_ptr())?;
                }
                self.out.push(b':');
                self.encode::<STRICT>(item, element.as_ptr())?;
            }
            self.out.push(b'}');
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
                Node::Int | Node::Any if ffi::PyLong_CheckExact(key) != 0 => {
                    self.out.push(b'"');
                    self.push_int(key)?;
                    self.out.push(b'"');
                    Ok(())
                }
                Node::Float(_) if ffi::PyFloat_CheckExact(key) != 0 => self.push_str_of(key),
                Node::Bool | Node::Any if ffi::PyBool_Check(key) != 0 => {
                    self.out.push(b'"');
                    self.encode_bool::<false>(key)?;
                    self.out.push(b'"');
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

    /// Write the name of an extra attribute, and the colon.
    pub unsafe fn push_name(&mut self, name: Object) -> Outcome {
        // SAFETY: the name is alive.
        unsafe {
            if ffi::PyUnicode_CheckExact(name) == 0 {
                return Err(Stop::Decline);
            }
            let (text, wide) = text_of(name).ok_or(Stop::Decline)?;
            self.out.wide |= wide;
            self.out.push_string(text);
        }
        self.out.push(b':');
        Ok(())
    }
}
