//! Numbers, strings, and what they stand for.

use pyo3::ffi;

use super::node::{BytesForm, FloatBounds, IntBounds, Length, StrRules, Table};
use super::reader::{Fit, Miss, Read, Reader, new_text, out_of_memory};
use crate::json::binary_text;
use crate::json::raw_number::RawNumber;
use crate::py::object::Owned;

/// Pydantic refuses integers with more digits.
const MOST_DIGITS: usize = 4300;

impl<'t> Reader<'_, 't> {
    pub(super) fn null(&mut self) -> Read<Owned> {
        match self.cursor.peek() {
            Some(b'n') => {
                self.cursor.word(b"null").ok_or(Miss::Unknown)?;
                Ok(none())
            }
            Some(_) => Err(Miss::Refused),
            None => Err(Miss::Unknown),
        }
    }

    #[inline]
    pub(super) fn boolean(&mut self) -> Read<Owned> {
        match self.cursor.peek() {
            Some(b't') => {
                self.cursor.word(b"true").ok_or(Miss::Unknown)?;
                Ok(truth(true))
            }
            Some(b'f') => {
                self.cursor.word(b"false").ok_or(Miss::Unknown)?;
                Ok(truth(false))
            }
            Some(b'"') => {
                let raw = self.cursor.string().ok_or(Miss::Unknown)?;
                // The longest word that Pydantic takes for a truth value is "false".
                Err(if raw.bytes.len() > 5 && !raw.has_escapes { Miss::Refused } else { Miss::Lax })
            }
            byte => Err(kind_of_miss(byte)),
        }
    }

    #[inline]
    pub(super) fn integer(&mut self, bounds: Option<&IntBounds>) -> Read<Owned> {
        match self.cursor.peek() {
            Some(b'-' | b'0'..=b'9') => {}
            Some(b'"') => {
                let raw = self.cursor.string().ok_or(Miss::Unknown)?;
                // No form of an integer has a letter in it.
                let is_word = !raw.has_escapes && raw.bytes.iter().any(u8::is_ascii_alphabetic);
                return Err(if is_word { Miss::Refused } else { Miss::Lax });
            }
            byte => return Err(kind_of_miss(byte)),
        }
        let number = self.cursor.number().ok_or(Miss::Unknown)?;
        match number.as_i64() {
            Some(value) if bounds.is_none_or(|bounds| bounds.allows(value)) => new_integer(value),
            Some(_) => Err(Miss::Refused),
            None if !number.is_integer => Err(Miss::Lax),
            None if bounds.is_none() => big_integer(number),
            None => Err(Miss::Unknown),
        }
    }

    #[inline]
    pub(super) fn float(&mut self, bounds: Option<&FloatBounds>) -> Read<Owned> {
        match self.cursor.peek() {
            Some(b'-' | b'0'..=b'9') => {}
            Some(b'"') => {
                let raw = self.cursor.string().ok_or(Miss::Unknown)?;
                // A number, "nan" or "infinity" in any case have none of these letters.
                let is_word = raw.bytes.iter().any(|byte| b"bcdghjklmopqrsuvwxz".contains(&byte.to_ascii_lowercase()));
                return Err(if is_word && !raw.has_escapes { Miss::Refused } else { Miss::Lax });
            }
            byte => return Err(kind_of_miss(byte)),
        }
        let number = self.cursor.number().ok_or(Miss::Unknown)?;
        let value = if number.is_integer {
            self.lower_fit(Fit::Strict);
            // Pydantic reads an integer first, so `-0` is 0.0 here; huge ones its versions read differently.
            let value = number.as_i64().filter(|_| number.bytes.len() <= 18).ok_or(Miss::Unknown)?;
            value as f64
        } else {
            number.as_f64().ok_or(Miss::Unknown)?
        };
        if bounds.is_some_and(|bounds| !bounds.allows(value)) {
            return Err(Miss::Refused);
        }
        new_float(value)
    }

    #[inline]
    pub(super) fn string(&mut self, rules: Option<&StrRules>) -> Read<Owned> {
        match self.cursor.peek() {
            Some(b'"') => {}
            Some(b'-' | b'0'..=b'9') => return Err(Miss::Lax), // where numbers are coerced
            byte => return Err(kind_of_miss(byte)),
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
        if self.cursor.peek() != Some(b'"') {
            return Err(Miss::Unknown);
        }
        let raw = self.cursor.string().ok_or(Miss::Unknown)?;
        self.lower_fit(Fit::Strict);
        let text = self.text_of(raw)?;
        let decoded;
        let bytes = match form {
            BytesForm::Utf8 => text,
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
        // SAFETY: pointer and length are of one slice.
        unsafe {
            Owned::from_new(ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), bytes.len() as ffi::Py_ssize_t))
                .ok_or_else(out_of_memory)
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
        let found = match self.cursor.peek().ok_or(Miss::Unknown)? {
            b'"' => {
                let raw = self.cursor.string().ok_or(Miss::Unknown)?;
                let is_number = !table.integers.is_empty() && table.is_closed;
                let found = table.texts.get(self.text_of(raw)?);
                // The text of a number may stand for a member of an enumeration of numbers.
                Some(found.ok_or(if is_number { Miss::Lax } else { missing })?)
            }
            b'-' | b'0'..=b'9' => {
                let number = self.cursor.number().ok_or(Miss::Unknown)?;
                // 1.0 and True equal 1 in Python, so only what was declared as an integer is certain.
                let value = number.as_i64().ok_or(Miss::Unknown)?;
                let is_equal_to_truth = table.yes.is_some() || table.no.is_some();
                Some(table.integers.get(&value).ok_or(if is_equal_to_truth { Miss::Unknown } else { missing })?)
            }
            b't' => {
                self.cursor.word(b"true").ok_or(Miss::Unknown)?;
                let is_equal = table.integers.contains_key(&1);
                Some(table.yes.as_ref().ok_or(if is_equal { Miss::Unknown } else { missing })?)
            }
            b'f' => {
                self.cursor.word(b"false").ok_or(Miss::Unknown)?;
                let is_equal = table.integers.contains_key(&0);
                Some(table.no.as_ref().ok_or(if is_equal { Miss::Unknown } else { missing })?)
            }
            b'n' => {
                self.cursor.word(b"null").ok_or(Miss::Unknown)?;
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

    pub(super) fn plain(&mut self) -> Read<Owned> {
        match self.cursor.peek().ok_or(Miss::Unknown)? {
            b'"' => {
                let raw = self.cursor.string().ok_or(Miss::Unknown)?;
                self.string_object(raw)
            }
            b'{' => self.plain_dict(),
            b'[' => self.plain_list(),
            b't' | b'f' => self.boolean(),
            b'n' => self.null(),
            _ => {
                let number = self.cursor.number().ok_or(Miss::Unknown)?;
                match number.as_i64() {
                    Some(value) => new_integer(value),
                    None if number.is_integer => big_integer(number),
                    None => new_float(number.as_f64().ok_or(Miss::Unknown)?),
                }
            }
        }
    }

    fn plain_list(&mut self) -> Read<Owned> {
        self.open(b'[')?;
        let list = new_list()?;
        let mut is_first = true;
        while self.goes_on(b']', is_first)? {
            is_first = false;
            let item = self.plain()?;
            append(&list, &item)?;
        }
        Ok(list)
    }

    /// An object as it stands, whose keys are all different.
    pub(super) fn plain_object(&mut self) -> Read<Owned> {
        self.open(b'{')?;
        let dict = new_dict()?;
        let mut count = 0;
        while self.goes_on(b'}', count == 0)? {
            count += 1;
            let raw = self.key()?;
            let key = self.string_object(raw)?;
            let value = self.plain()?;
            set_item(&dict, &key, &value)?;
        }
        // SAFETY: the dictionary is alive.
        let different = unsafe { ffi::PyDict_Size(dict.as_ptr()) };
        if different == count { Ok(dict) } else { Err(Miss::Unknown) }
    }

    fn plain_dict(&mut self) -> Read<Owned> {
        self.open(b'{')?;
        let dict = new_dict()?;
        let mut is_first = true;
        while self.goes_on(b'}', is_first)? {
            is_first = false;
            let raw = self.key()?;
            let key = self.string_object(raw)?;
            let value = self.plain()?;
            set_item(&dict, &key, &value)?;
        }
        Ok(dict)
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
fn kind_of_miss(byte: Option<u8>) -> Miss {
    match byte {
        Some(b'{' | b'[' | b'n') => Miss::Refused,
        Some(b't' | b'f' | b'-' | b'0'..=b'9') => Miss::Lax,
        Some(b'"') => Miss::Refused,
        _ => Miss::Unknown, // NaN, Infinity, or no JSON at all
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
fn new_integer(value: i64) -> Read<Owned> {
    // SAFETY: gives a new reference or null.
    unsafe { Owned::from_new(ffi::PyLong_FromLongLong(value)).ok_or_else(out_of_memory) }
}

#[inline]
fn new_float(value: f64) -> Read<Owned> {
    // SAFETY: gives a new reference or null.
    unsafe { Owned::from_new(ffi::PyFloat_FromDouble(value)).ok_or_else(out_of_memory) }
}

fn big_integer(number: RawNumber<'_>) -> Read<Owned> {
    if number.bytes.len() > MOST_DIGITS {
        return Err(Miss::Unknown);
    }
    let mut text = number.bytes.to_vec();
    text.push(0);
    // SAFETY: the digits end with a zero byte, as the function wants them.
    unsafe {
        Owned::from_new(ffi::PyLong_FromString(text.as_ptr().cast(), std::ptr::null_mut(), 10))
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
