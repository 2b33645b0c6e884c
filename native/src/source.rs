//! What a reader asks of a document, whatever its format: the next value, taken once, forwards.
//!
//! A source knows what is certain and nothing more: anything that is not plainly valid makes a method return `None`, and
//! the caller hands the whole document to somebody whose verdict counts.

use std::borrow::Cow;
use std::ops::Range;

/// What the next value is, before it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Truth,
    Number,
    String,
    /// Bytes, where they are something else than text: nothing but bytes is declared in a way that takes them.
    Binary,
    Array,
    Object,
    /// The document ends, or goes on with what is not certain.
    Other,
}

/// A string as it stands in a document.
#[derive(Clone, Copy)]
pub struct RawString<'t> {
    /// Valid UTF-8; in JSON, what stands between the quotes.
    pub bytes: &'t [u8],
    /// Every byte is ASCII.
    pub is_ascii: bool,
    /// There are escapes, so the bytes are not the text yet.
    pub has_escapes: bool,
}

/// Bytes that are expected next, such as the key of a field.
pub struct Expected {
    bytes: Box<[u8]>,
    /// The first of them, as two words, and which bits of these they take.
    words: [u64; 2],
    masks: [u64; 2],
}

/// So many bytes are compared as words.
const SHORT: usize = 16;

impl Expected {
    /// Expect these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut words = [0; SHORT];
        let mut masks = [0; SHORT];
        for (at, byte) in bytes.iter().take(SHORT).enumerate() {
            words[at] = *byte;
            masks[at] = 0xff;
        }
        Self { bytes: bytes.into(), words: words_of(&words), masks: words_of(&masks) }
    }

    /// Expect what never comes.
    pub fn nothing() -> Self {
        Self::new(b"nothing in any document starts like this")
    }

    /// The length of these bytes if `rest` starts with them, else 0. Short ones are compared as one word, without a call.
    #[inline(always)]
    pub fn length_in(&self, rest: &[u8]) -> usize {
        let length = self.bytes.len();
        let found = match rest.first_chunk::<SHORT>() {
            Some(chunk) => {
                let [first, second] = words_of(chunk);
                (first ^ self.words[0]) & self.masks[0] | (second ^ self.words[1]) & self.masks[1] == 0
                    && (length <= SHORT || rest.starts_with(&self.bytes))
            }
            None => rest.starts_with(&self.bytes),
        };
        if found { length } else { 0 }
    }
}

#[inline(always)]
fn words_of(bytes: &[u8; SHORT]) -> [u64; 2] {
    let all = u128::from_le_bytes(*bytes);
    [all as u64, (all >> 64) as u64]
}

/// A number that was taken from a document.
pub trait Number: Copy {
    /// Neither a fraction nor an exponent.
    fn is_integer(&self) -> bool;

    /// The value, if the number is an integer of 64 bits.
    fn as_i64(&self) -> Option<i64>;

    /// The value of an integer as a double, if it is so small that every reader gives the same one.
    fn as_small_f64(&self) -> Option<f64>;

    /// The value of any other number; `None` where it is beyond all finite doubles.
    fn as_f64(&self) -> Option<f64>;

    /// The digits of an integer, as JSON has them; `None` for more than Pydantic reads.
    fn digits(&self) -> Option<Cow<'_, [u8]>>;
}

/// What can be asked about a document afterwards.
pub trait Document {
    /// The JSON text of the values between two positions. There is one for everything that was taken or skipped.
    fn json(&self, start: usize, end: usize) -> Option<Cow<'_, [u8]>>;

    /// The key at a position.
    fn key_at(&self, position: usize) -> Option<String>;
}

/// A position in a document.
pub trait Source<'t>: Document {
    type Number: Number;
    /// How far an array or object has been read.
    type Open: Copy;

    /// Every value counts. Not so in formats of whose keys, where one stands in an object several times, nobody sees any
    /// value but the last.
    const EVERY_VALUE_COUNTS: bool = true;

    /// Where the source stands.
    fn position(&self) -> usize;

    /// Go to where the next value or key starts, and say where that is.
    fn next_position(&mut self) -> usize;

    /// Go back to a position where the source has been.
    fn rewind(&mut self, position: usize);

    /// What the next value is.
    fn kind(&mut self) -> Kind;

    /// Say whether the next value is of this kind: for the common ones, without finding out which of all it is.
    fn is_null(&mut self) -> bool;
    fn is_number(&mut self) -> bool;
    fn is_string(&mut self) -> bool;
    fn is_array(&mut self) -> bool;
    fn is_object(&mut self) -> bool;

    /// Take a null.
    fn null(&mut self) -> Option<()>;

    /// Take a truth value.
    fn truth(&mut self) -> Option<bool>;

    /// Take a number, which [`Self::is_number`] has seen.
    fn number(&mut self) -> Option<Self::Number>;

    /// Take a string, which [`Self::is_string`] has seen.
    fn string(&mut self) -> Option<RawString<'t>>;

    /// Take bytes.
    fn binary(&mut self) -> Option<&'t [u8]>;

    /// Go into an array, which [`Self::is_array`] has seen.
    fn enter_array(&mut self) -> Option<Self::Open>;

    /// Go into an object, which [`Self::is_object`] has seen.
    fn enter_object(&mut self) -> Option<Self::Open>;

    /// Say whether another item follows, and go to it, or out of the array or object.
    fn goes_on(&mut self, open: &mut Self::Open) -> Option<bool>;

    /// Take a key, up to its value.
    fn key(&mut self) -> Option<RawString<'t>>;

    /// Take a key up to its value, if it is this one.
    fn take_key(&mut self, expected: &Expected) -> bool;

    /// Skip one value of any kind; it must be valid, and nested at most `levels` deep.
    fn skip_value(&mut self, levels: usize) -> Option<()>;

    /// Say whether the document is over.
    fn is_at_end(&mut self) -> bool;

    /// The stretch of the document around a position, as far as known, in which every value counts. `None` if the value at
    /// the position holds one that does not, or is nested more than `levels` deep.
    fn all_counting(&self, _position: usize, _levels: usize) -> Option<Range<usize>> {
        Some(0..usize::MAX)
    }
}
