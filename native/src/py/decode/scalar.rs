//! Numbers, strings, and what they stand for.

use pyo3::ffi;

use super::node::{BytesForm, FloatBounds, IntBounds, Length, StrRules, Table};
use super::reader::{Fit, Miss, Read, Reader, new_text, out_of_memory};
use crate::json::binary_text;
use crate::py::object::Owned;
use crate::source::{Kind, Number, RawString, Source};

impl<'t, S: Source<'t>> Reader<'_, 't, S> {
    pub(super) fn null(&mut self) -> Read<Owned> {
        match self.cursor.kind() {
            Kind::Null => {
                self.cursor.null().ok_or(Miss::Unknown)?;
                Ok(none())
            }
            Kind::Other => Err(Miss::Unknown),
            _ => Err(Miss::Refused),
        }
    }

    #[inline]
    pub(super) fn boolean(&mut self) -> Read<Owned> {
        match self.cursor.kind() {
            Kind::Truth => Ok(truth(self.cursor.truth().ok_or(Miss::Unknown)?)),
            Kind::String => {
                let raw = self.cursor.string().ok_or(Miss::Unknown)?;
                // The longest word that Pydantic takes for a truth value is "false".
                Err(if raw.bytes.len() > 5 && !raw.has_escapes { Miss::Refused } else { Miss::Lax })
            }
            kind => Err(kind_of_miss(kind)),
        }
    }

    #[inline]
    pub(super) fn integer(&mut self, bounds: Option<&IntBounds>) -> Read<Owned> {
        if !self.cursor.is_number() {
            // No form of an integer has a letter in it.
            return Err(self.no_number(|raw| raw.bytes.iter().any(u8::is_ascii_alphabetic)));
        }
        let number = self.cursor.number().ok_or(Miss::Unknown)?;
        match number.as_i64() {
            Some(value) if bounds.is_none_or(|bounds| bounds.allows(value)) => new_integer(value),
            Some(_) => Err(Miss::Refused),
            None if !number.is_integer() => Err(Miss::Lax),
            None if bounds.is_none() => big_integer(number),
            None => Err(Miss::Unknown),
        }
    }

    #[inline]
    pub(super) fn float(&mut self, bounds: Option<&FloatBounds>) -> Read<Owned> {
        if !self.cursor.is_number() {
            // A number, "nan" or "infinity" in any case have none of these letters.
            let is_no_part = |byte: &u8| b"bcdghjklmopqrsuvwxz".contains(&byte.to_ascii_lowercase());
            return Err(self.no_number(|raw| raw.bytes.iter().any(is_no_part)));
        }
        let number = self.cursor.number().ok_or(Miss::Unknown)?;
        let value = if number.is_integer() {
            self.lower_fit(Fit::Strict);
            number.as_small_f64()
        } else {
            number.as_f64()
        };
        let value = value.ok_or(Miss::Unknown)?;
        if bounds.is_some_and(|bounds| !bounds.allows(value)) {
            return Err(Miss::Refused);
        }
        new_float(value)
    }

    /// What a value that is no number means where one is wanted; `is_word` says that a text is surely none.
    #[cold]
    #[inline(never)]
    fn no_number(&mut self, is_word: impl Fn(RawString<'t>) -> bool) -> Miss {
        match self.cursor.kind() {
            Kind::String => match self.cursor.string() {
                Some(raw) if !raw.has_escapes && is_word(raw) => Miss::Refused,
                Some(_) => Miss::Lax,
                None => Miss::Unknown,
            },
            kind => kind_of_miss(kind),
        }
    }

    #[inline]
    pub(super) fn string(&mut self, rules: Option<&StrRules>) -> Read<Owned> {
        if !self.cursor.is_string() {
            let kind = self.cursor.kind();
            return Err(if kind == Kind::Number { Miss::Lax } else { kind_of_miss(kind) }); // where they are coerced
        }
        let raw = self.cursor.string().ok_or(Miss::Unknown)?;
        self.lower_fit(Fit::Strict);
        let Some(rules) = rules else {
            return self.string_object(raw);
        };
        let text = self.text_of(raw)?;
        let text = text_is_allowed(rules, text)?;
        new_text(text).ok_or_else(out_of_memory)
    }

    pub(super) fn bytes(&mut self, length: Length, form: BytesForm) -> Read<Owned> {
        if let BytesForm::Binary = form {
            return self.binary(length);
        }
        if !self.cursor.is_string() {
            return Err(Miss::Unknown);
        }
        let raw = self.cursor.string().ok_or(Miss::Unknown)?;
        self.lower_fit(Fit::Strict);
        let text = self.text_of(raw)?;
        let decoded;
        let bytes = match form {
            BytesForm::Utf8 | BytesForm::Binary => text,
            BytesForm::Base64 => {
                decoded = binary_text::base64(text).ok_or(Miss::Unknown)?;
                &decoded
            }
            BytesForm::Hex => {
                decoded = binary_text::hex(text).ok_or(Miss::Unknown)?;
                &decoded
            }
        };
        if !length.allows(bytes.len()) {
            return Err(Miss::Refused);
        }
        new_bytes(bytes)
    }

    fn binary(&mut self, length: Length) -> Read<Owned> {
        match self.cursor.kind() {
            Kind::Binary => {
                let bytes = self.cursor.binary().ok_or(Miss::Unknown)?;
                if length.allows(bytes.len()) { new_bytes(bytes) } else { Err(Miss::Refused) }
            }
            Kind::String => Err(Miss::Lax),
            Kind::Other => Err(Miss::Unknown),
            _ => Err(Miss::Refused),
        }
    }

    pub(super) fn literal(&mut self, table: &Table) -> Read<Owned> {
        self.lookup(table)
    }

    pub(super) fn member(&mut self, table: &Table) -> Read<Owned> {
        let found = self.lookup(table);
        self.lower_fit(Fit::Lax);
        found
    }

    fn lookup(&mut self, table: &Table) -> Read<Owned> {
        let missing = if table.is_closed { Miss::Refused } else { Miss::Unknown };
        let found = match self.cursor.kind() {
            Kind::String => {
                let raw = self.cursor.string().ok_or(Miss::Unknown)?;
                let is_number = !table.integers.is_empty() && table.is_closed;
                let found = table.texts.get(self.text_of(raw)?);
                // The text of a number may stand for a member of an enumeration of numbers.
                Some(found.ok_or(if is_number { Miss::Lax } else { missing })?)
            }
            Kind::Number => {
                let number = self.cursor.number().ok_or(Miss::Unknown)?;
                // 1.0 and True equal 1 in Python, so only what was declared as an integer is certain.
                let value = number.as_i64().ok_or(Miss::Unknown)?;
                let is_equal_to_truth = table.yes.is_some() || table.no.is_some();
                Some(table.integers.get(&value).ok_or(if is_equal_to_truth { Miss::Unknown } else { missing })?)
            }
            Kind::Truth => {
                let is_true = self.cursor.truth().ok_or(Miss::Unknown)?;
                let found = if is_true { &table.yes } else { &table.no };
                let is_equal = table.integers.contains_key(&i64::from(is_true));
                Some(found.as_ref().ok_or(if is_equal { Miss::Unknown } else { missing })?)
            }
            Kind::Null => {
                self.cursor.null().ok_or(Miss::Unknown)?;
                table.none.as_ref()
            }
            _ => return Err(Miss::Unknown),
        };
        let found = found.ok_or(missing)?;
        // SAFETY: the table keeps the object alive.
        Ok(unsafe { Owned::from_borrowed(found.as_ptr()) })
    }

    /// A value without a declaration: what Pydantic makes of JSON by itself.
    pub(super) fn any(&mut self) -> Read<Owned> {
        self.lower_fit(Fit::Strict);
        self.plain()
    }

    /// The same where bytes that are no text stand for themselves.
    pub(super) fn any_binary(&mut self) -> Read<Owned> {
        let outer = std::mem::replace(&mut self.keeps_binary, true);
        let value = self.any();
        self.keeps_binary = outer;
        value
    }

    pub(super) fn plain(&mut self) -> Read<Owned> {
        match self.cursor.kind() {
            Kind::String => {
                let raw = self.cursor.string().ok_or(Miss::Unknown)?;
                self.string_object(raw)
            }
            Kind::Object => self.plain_dict().map(|(dict, _)| dict),
            Kind::Array => self.plain_list(),
            Kind::Truth => self.boolean(),
            Kind::Null => self.null(),
            Kind::Binary if self.keeps_binary => new_bytes(self.cursor.binary().ok_or(Miss::Unknown)?),
            Kind::Binary | Kind::Other => Err(Miss::Unknown),
            Kind::Number => {
                let number = self.cursor.number().ok_or(Miss::Unknown)?;
                match number.as_i64() {
                    Some(value) => new_integer(value),
                    None if number.is_integer() => big_integer(number),
                    None => new_float(number.as_f64().ok_or(Miss::Unknown)?),
                }
            }
        }
    }

    fn plain_list(&mut self) -> Read<Owned> {
        let mut open = self.open_array()?;
        let list = new_list()?;
        while self.goes_on(&mut open)? {
            let item = self.plain()?;
            append(&list, &item)?;
            self.item_done();
        }
        Ok(list)
    }

    /// An object as it stands, whose keys are all different.
    pub(super) fn plain_object(&mut self) -> Read<Owned> {
        let (dict, count) = self.plain_dict()?;
        // SAFETY: the dictionary is alive.
        let different = unsafe { ffi::PyDict_Size(dict.as_ptr()) };
        if different == count { Ok(dict) } else { Err(Miss::Unknown) }
    }

    /// An object as it stands, and how many keys it was made of.
    fn plain_dict(&mut self) -> Read<(Owned, ffi::Py_ssize_t)> {
        let mut open = self.open_object()?;
        let dict = new_dict()?;
        let mut count = 0;
        while self.goes_on(&mut open)? {
            count += 1;
            let raw = self.key()?;
            let key = self.string_object(raw)?;
            let value = self.plain()?;
            set_item(&dict, &key, &value)?;
            self.item_done();
        }
        Ok((dict, count))
    }
}

/// The text that is kept of a string, if its rules allow it.
pub(super) fn text_is_allowed<'s>(rules: &StrRules, text: &'s [u8]) -> Read<&'s [u8]> {
    // Which characters are white space depends on a version of Unicode, unless all are ASCII.
    let is_ascii = text.is_ascii();
    if !is_ascii && (rules.strip || rules.ascii_only) {
        return Err(if rules.ascii_only { Miss::Refused } else { Miss::Unknown });
    }
    let text = if rules.strip { trim(text) } else { text };
    let count = if is_ascii { text.len() } else { text.iter().filter(|byte| **byte & 0xc0 != 0x80).count() };
    if rules.length.allows(count) { Ok(text) } else { Err(Miss::Refused) }
}

/// What a value of another kind means: refused if it is of a kind that is never converted.
#[inline]
fn kind_of_miss(kind: Kind) -> Miss {
    match kind {
        Kind::Object | Kind::Array | Kind::Null | Kind::String | Kind::Binary => Miss::Refused,
        Kind::Truth | Kind::Number => Miss::Lax,
        Kind::Other => Miss::Unknown,
    }
}

/// `None`, as a reference of one's own.
pub(super) fn none() -> Owned {
    // SAFETY: None lives as long as the interpreter.
    unsafe { Owned::from_borrowed(ffi::Py_None()) }
}

fn truth(value: bool) -> Owned {
    // SAFETY: True and False live as long as the interpreter.
    unsafe { Owned::from_borrowed(if value { ffi::Py_True() } else { ffi::Py_False() }) }
}

#[inline]
pub(super) fn new_integer(value: i64) -> Read<Owned> {
    // SAFETY: gives a new reference or null.
    unsafe { Owned::from_new(ffi::PyLong_FromLongLong(value)).ok_or_else(out_of_memory) }
}

#[inline]
fn new_float(value: f64) -> Read<Owned> {
    // SAFETY: gives a new reference or null.
    unsafe { Owned::from_new(ffi::PyFloat_FromDouble(value)).ok_or_else(out_of_memory) }
}

fn big_integer(number: impl Number) -> Read<Owned> {
    let mut text = number.digits().ok_or(Miss::Unknown)?.into_owned();
    text.push(0);
    // SAFETY: the digits end with a zero byte, as the function wants them.
    unsafe {
        Owned::from_new(ffi::PyLong_FromString(text.as_ptr().cast(), std::ptr::null_mut(), 10))
            .ok_or_else(out_of_memory)
    }
}

fn new_bytes(bytes: &[u8]) -> Read<Owned> {
    // SAFETY: pointer and length are of one slice.
    unsafe {
        Owned::from_new(ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), bytes.len() as ffi::Py_ssize_t))
            .ok_or_else(out_of_memory)
    }
}

pub(super) fn new_list() -> Read<Owned> {
    // SAFETY: gives a new reference or null.
    unsafe { Owned::from_new(ffi::PyList_New(0)).ok_or_else(out_of_memory) }
}

pub(super) fn new_dict() -> Read<Owned> {
    // SAFETY: gives a new reference or null.
    unsafe { Owned::from_new(ffi::PyDict_New()).ok_or_else(out_of_memory) }
}

pub(super) fn append(list: &Owned, item: &Owned) -> Read<()> {
    // SAFETY: both are alive, and the first is a list.
    match unsafe { ffi::PyList_Append(list.as_ptr(), item.as_ptr()) } {
        0 => Ok(()),
        _ => Err(out_of_memory()),
    }
}

pub(super) fn set_item(dict: &Owned, key: &Owned, value: &Owned) -> Read<()> {
    // SAFETY: all are alive, and the first is a dictionary.
    match unsafe { ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) } {
        0 => Ok(()),
        _ => Err(out_of_memory()), // or a key that cannot be hashed
    }
}

/// Strip ASCII white space, as Rust's and Pydantic's `trim` do for ASCII text.
fn trim(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}
