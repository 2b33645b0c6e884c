//! MessagePack: what the reader accepts, rmpv reads to the same value and the same end; its JSON text is valid.

#![no_main]

use _core::msgpack::cursor::{Binary, Cursor};
use _core::msgpack::measure::run_of_documents;
use _core::source::{Document, Source};
use libfuzzer_sys::fuzz_target;
use pydantic_serialization_fuzz::tree::{self, DEEPEST};
use serde_json::{Map, Value};

fuzz_target!(|data: &[u8]| {
    let mut cursor = Cursor::new(data, Binary::Text);
    if let Some(found) = tree::read(&mut cursor, DEEPEST) {
        let mut rest = data;
        let expected = rmpv::decode::read_value(&mut rest).expect("rmpv reads it");
        assert_eq!(data.len() - rest.len(), Source::position(&cursor));
        assert_eq!(Some(found), plain(expected));
    }
    let (end, count) = run_of_documents(data, 1);
    if count == 1 {
        let mut rest = data;
        // Only that it is nested too deep is nothing that the end depends on.
        if rmpv::decode::read_value(&mut rest).is_ok() {
            assert_eq!(data.len() - rest.len(), end);
        }
        let (run, count) = run_of_documents(data, 3);
        assert!(run >= end && (1..=3).contains(&count));
    }
    for binary in [Binary::Text, Binary::Marked(b"\"bytes:")] {
        let mut cursor = Cursor::new(data, binary);
        if Cursor::skip_value(&mut cursor, DEEPEST).is_none() {
            continue;
        }
        let end = cursor.position();
        let text = cursor.json(0, end).expect("what was skipped has a JSON text");
        assert!(is_json(&text), "{}", String::from_utf8_lossy(&text));
        if let Some(range) = cursor.all_counting(0, DEEPEST) {
            assert_eq!(range, 0..end);
        }
    }
});

/// A value as the reader of trees gives it; `None` for one that JSON does not have.
fn plain(value: rmpv::Value) -> Option<Value> {
    Some(match value {
        rmpv::Value::Nil => Value::Null,
        rmpv::Value::Boolean(truth) => truth.into(),
        rmpv::Value::Integer(number) => number.as_i64().map_or_else(|| number.as_u64().into(), Value::from),
        rmpv::Value::F32(number) => Value::from(f64::from(number)),
        rmpv::Value::F64(number) => Value::from(number),
        rmpv::Value::String(text) => text.into_str()?.into(),
        rmpv::Value::Array(items) => Value::Array(items.into_iter().map(plain).collect::<Option<_>>()?),
        rmpv::Value::Map(members) => {
            let mut found = Map::new();
            for (key, value) in members {
                found.insert(key.as_str()?.to_owned(), plain(value)?);
            }
            Value::Object(found)
        }
        rmpv::Value::Binary(_) | rmpv::Value::Ext(..) => return None,
    })
}

/// The text is valid JSON, but for the constants that Pydantic reads as well.
fn is_json(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).expect("JSON is UTF-8");
    if text.contains("NaN") || text.contains("Infinity") {
        return true; // in a string or not
    }
    match serde_json::from_str::<Value>(text) {
        Ok(_) => true,
        Err(error) => error.to_string().starts_with("recursion limit"),
    }
}
