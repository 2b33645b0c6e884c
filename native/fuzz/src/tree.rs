//! A document read through [`Source`], as a tree that can be compared with what another library reads.

use _core::json::unescape::unescape;
use _core::source::{Kind, Number, RawString, Source};
use serde_json::{Map, Value};

/// Levels of arrays and objects.
pub const DEEPEST: usize = 200;

/// Read one value; `None` where the source is not certain of it. Of a key that stands twice, the last value counts.
///
/// On the way, every value is skipped too, and has to end where it ends for its reader.
pub fn read<'t, S: Source<'t>>(source: &mut S, levels: usize) -> Option<Value> {
    let start = source.next_position();
    let value = read_value(source, levels)?;
    let end = source.position();
    source.rewind(start);
    source.skip_value(levels).expect("what was read can be skipped");
    assert_eq!(source.position(), end, "it ends elsewhere when it is skipped");
    Some(value)
}

fn read_value<'t, S: Source<'t>>(source: &mut S, levels: usize) -> Option<Value> {
    Some(match source.kind() {
        Kind::Null => source.null().map(|()| Value::Null)?,
        Kind::Truth => Value::Bool(source.truth()?),
        Kind::Number => number(source.number()?)?,
        Kind::String => Value::String(text(source.string()?)?),
        Kind::Array => {
            let levels = levels.checked_sub(1)?;
            let mut open = source.enter_array()?;
            let mut items = Vec::new();
            while source.goes_on(&mut open)? {
                items.push(read_value(source, levels)?);
            }
            Value::Array(items)
        }
        Kind::Object => {
            let levels = levels.checked_sub(1)?;
            let mut open = source.enter_object()?;
            let mut members = Map::new();
            while source.goes_on(&mut open)? {
                let start = source.next_position();
                let key = text(source.key()?)?;
                assert_eq!(source.key_at(start).as_ref(), Some(&key), "the key is another one afterwards");
                members.insert(key, read_value(source, levels)?);
            }
            Value::Object(members)
        }
        Kind::Binary | Kind::Other => return None,
    })
}

fn number(number: impl Number) -> Option<Value> {
    if number.is_integer() {
        let digits = number.digits()?;
        let text = std::str::from_utf8(&digits).expect("digits are ASCII");
        if text == "-0" {
            return Some((-0.0).into()); // as serde_json has it; for Pydantic it is the integer 0
        }
        if let Some(value) = number.as_i64() {
            assert_eq!(text.parse::<i64>().ok(), Some(value), "{text}");
            return Some(value.into());
        }
        return match text.parse::<u64>() {
            Ok(value) => Some(value.into()),
            Err(_) => Value::from(text.parse::<f64>().ok()?).into(),
        };
    }
    number.as_f64().map(Value::from)
}

fn text(raw: RawString<'_>) -> Option<String> {
    let bytes = std::str::from_utf8(raw.bytes).expect("the bytes of a string are UTF-8");
    assert_eq!(raw.is_ascii, bytes.is_ascii());
    if !raw.has_escapes {
        return Some(bytes.to_owned());
    }
    let mut text = String::new();
    unescape(raw.bytes, &mut text)?;
    Some(text)
}
