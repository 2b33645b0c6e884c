//! JSON text: what the reader accepts, serde_json accepts with the same value, and the other way round.

#![no_main]

use _core::json::cursor::Cursor;
use _core::json::{binary_text, escape, measure, temporal_read};
use _core::source::Source;
use libfuzzer_sys::fuzz_target;
use pydantic_serialization_fuzz::tree::{self, DEEPEST};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let mut cursor = Cursor::new(data);
    let found = tree::read(&mut cursor, DEEPEST).filter(|_| Source::is_at_end(&mut cursor));
    match (found, serde_json::from_slice::<Value>(data)) {
        (Some(found), Ok(expected)) => assert_eq!(found, expected),
        // It stops at 128 levels. Numbers beyond all doubles are integers here, and have as many digits as they like.
        (Some(_), Err(error)) => {
            let text = error.to_string();
            assert!(text.starts_with("recursion limit") || text.starts_with("number out of range"), "{text}");
        }
        (None, Ok(expected)) => {
            let is_long = data.len() > 4300; // integers with more digits are left to Pydantic
            assert!(is_long || skips(data), "refused: {expected}");
        }
        (None, Err(_)) => {}
    }
    scalars(data);
    records(data);
});

fn skips(data: &[u8]) -> bool {
    let mut cursor = Cursor::new(data);
    cursor.skip_value(DEEPEST).is_some() && cursor.is_at_end()
}

/// Lines that were made one array have the values that they have one by one, and a run of values is an array of so many.
fn records(data: &[u8]) {
    if let Some((array, count)) = measure::array_of_lines(data)
        && let Ok(values) = serde_json::from_slice::<Vec<Value>>(&array)
    {
        let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let single: Option<Vec<Value>> = lines.map(|line| serde_json::from_slice(line).ok()).collect();
        assert_eq!(values.len(), count);
        assert_eq!(Some(values), single);
    }
    let run = measure::run_of_values(data);
    if run.values > 0
        && let Ok(values) = serde_json::from_slice::<Vec<Value>>(&[b"[", &data[..run.length], b"]"].concat())
    {
        assert_eq!(values.len(), run.values);
    }
}

/// Texts with one form each: what is read is written as it was.
fn scalars(data: &[u8]) {
    if let Some(bytes) = binary_text::base64(data) {
        let mut text = Vec::new();
        escape::push_base64(&mut text, &bytes);
        assert_eq!(text, data);
    }
    if let Some(bytes) = binary_text::hex(data) {
        let mut text = Vec::new();
        escape::push_hex(&mut text, &bytes);
        assert_eq!(text, data);
    }
    if let Some(date) = temporal_read::date(data) {
        assert_eq!(format!("{:04}-{:02}-{:02}", date.year, date.month, date.day).as_bytes(), data);
    }
    if let Some((date, time)) = temporal_read::datetime(data) {
        assert_eq!(temporal_read::date(&data[..10]), Some(date));
        assert_eq!(temporal_read::time(&data[11..]), Some(time));
    }
    if let Some(time) = temporal_read::time(data) {
        let is_time = time.hour < 24 && time.minute < 60 && time.second < 60 && time.microsecond < 1_000_000;
        assert!(is_time && time.offset.is_none_or(|seconds| seconds.abs() < 86_400));
    }
    if let Some(duration) = temporal_read::duration(data) {
        assert!(duration.days.abs() < 1_000_000 && duration.microseconds.abs() < 1_000_000);
    }
}
