//! How deep a text is nested, how many items it has and how long its integers are, before anybody makes values of it.
//!
//! Of a text that is not JSON these tell what they found up to where it stops to be: no reader gets further.

use memchr::{memchr, memchr2};

use crate::memory::Buffer;

/// Say whether arrays and objects have more items and members together than that; an empty one counts as one.
pub fn items_exceed(text: &[u8], limit: usize) -> bool {
    // At the speed of memory; what stands in strings is looked at only where that does not do.
    count(text, |byte| byte == b',' || is_opening(byte)) > limit && {
        let mut items = 0;
        outside_strings(text, |byte| {
            items += usize::from(byte == b',' || is_opening(byte));
            items > limit
        })
    }
}

/// Say whether arrays and objects are nested deeper than that.
pub fn depth_exceeds(text: &[u8], limit: usize) -> bool {
    count(text, is_opening) > limit && {
        let mut depth = 0usize;
        outside_strings(text, |byte| {
            if is_opening(byte) {
                depth += 1;
            } else if matches!(byte, b']' | b'}') {
                depth = depth.saturating_sub(1);
            }
            depth > limit
        })
    }
}

/// Say whether an integer has more digits than that.
pub fn has_longer_integer(text: &[u8], digits: usize) -> bool {
    // So many digits in a row cover one of the places that are looked at.
    let covers = |at: usize| {
        let after = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let before = text[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        after > 0 && before + after > digits
    };
    (digits..text.len()).step_by(digits.max(1)).any(covers) && {
        let mut run = 0;
        outside_strings(text, |byte| {
            run = if byte.is_ascii_digit() { run + 1 } else { 0 };
            run > digits
        })
    }
}

/// Where the array, object or string ends that a text begins with; `None` if it does not end there.
///
/// Only brackets and quotes are looked at: what stands between them is its reader's business.
pub fn value_end(text: &[u8]) -> Option<usize> {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        let at = rest.iter().position(|byte| matches!(byte, b'"' | b'[' | b']' | b'{' | b'}'))?;
        rest = match rest[at] {
            b'"' => string_rest(&rest[at + 1..])?,
            b'[' | b'{' => {
                depth += 1;
                &rest[at + 1..]
            }
            _ => {
                depth = depth.saturating_sub(1);
                &rest[at + 1..]
            }
        };
        if depth == 0 {
            return Some(text.len() - rest.len());
        }
    }
}

/// What [`run_of_values`] found.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// Bytes up to the end of the last value.
    pub length: usize,
    pub values: usize,
}

/// The arrays and objects that a text begins with, with commas between them, as far as something follows each of them.
///
/// As for [`value_end`], only brackets and quotes are looked at.
pub fn run_of_values(text: &[u8]) -> Run {
    let (mut run, mut at) = (Run { length: 0, values: 0 }, 0);
    while text.get(at).is_some_and(|byte| is_opening(*byte)) {
        let Some(length) = value_end(&text[at..]) else { break };
        let end = at + length;
        let Some(next) = behind_space(text, end) else { break };
        run = Run { length: end, values: run.values + 1 };
        match behind_space(text, next + 1) {
            Some(value) if text[next] == b',' => at = value,
            _ => break,
        }
    }
    run
}

/// Where something stands that is no white space, from a place on.
fn behind_space(text: &[u8], start: usize) -> Option<usize> {
    let rest = text.get(start..)?;
    rest.iter().position(|byte| !is_space(*byte)).map(|at| start + at)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Lines as one array and their number, blank ones aside; `None` unless each is exactly one array or object.
///
/// Brackets and quotes say so: an array of such lines has the values that they have one by one.
pub fn array_of_lines(text: &[u8]) -> Option<(Buffer, usize)> {
    let (mut array, mut count) = (Buffer::with_room(text.len() + 2), 0);
    for line in text.split(|byte| *byte == b'\n') {
        let Some(start) = behind_space(line, 0) else { continue };
        let end = line.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
        let line = &line[start..end];
        if !is_opening(line[0]) || value_end(line) != Some(line.len()) {
            return None;
        }
        array.push(if count == 0 { b'[' } else { b',' });
        array.extend_from_slice(line);
        count += 1;
    }
    array.push(b']');
    (count > 0).then_some((array, count))
}

fn is_opening(byte: u8) -> bool {
    matches!(byte, b'[' | b'{')
}

/// How many bytes are such ones.
fn count(text: &[u8], is_meant: impl Fn(u8) -> bool) -> usize {
    // So few that their number fits a byte: the compiler then counts in whole registers.
    text.chunks(255).map(|few| usize::from(few.iter().map(|byte| u8::from(is_meant(*byte))).sum::<u8>())).sum()
}

/// Look at each byte that is in no string until `is_enough`; says whether it was.
fn outside_strings(text: &[u8], mut is_enough: impl FnMut(u8) -> bool) -> bool {
    let mut rest = text;
    while let Some(quote) = memchr(b'"', rest) {
        if rest[..quote].iter().any(|byte| is_enough(*byte)) {
            return true;
        }
        rest = behind_string(&rest[quote + 1..]);
    }
    rest.iter().any(|byte| is_enough(*byte))
}

/// What follows the string that has begun.
fn behind_string(rest: &[u8]) -> &[u8] {
    string_rest(rest).unwrap_or_default()
}

/// The same; `None` if it does not end.
fn string_rest(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let at = memchr2(b'"', b'\\', rest)?;
        if rest[at] == b'"' {
            return Some(&rest[at + 1..]);
        }
        rest = rest.get(at + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_with_their_last_bracket_or_quote() {
        for (value, follows) in [
            (r#"{}"#, ","),
            (r#"{"a": [1, {"b": "]}"}], "c\\": "\"}"}"#, " ]"),
            (r#""a\\""#, r#""""#),
            (r#""""#, ""),
            (r#"[[[]], "[", "\\\"["]"#, "]]"),
        ] {
            assert_eq!(value_end([value, follows].concat().as_bytes()), Some(value.len()), "{value}");
            for end in 0..value.len() {
                assert_eq!(value_end(&value.as_bytes()[..end]), None, "{}", &value[..end]);
            }
        }
    }

    #[test]
    fn values_are_taken_as_long_as_something_follows() {
        for (text, length, values) in [
            (r#"{"a":1}, [2] ,{"c":"}"} ]"#, 23, 3),
            (r#"{"a":1}, [2]"#, 7, 1),
            (r#"{"a":1},"#, 7, 1),
            (r#"{"a":1}"#, 0, 0),
            (r#"{"a":1}}"#, 7, 1),
            (r#"{"a":1} {"b":2},"#, 7, 1),
            (r#"{"a":1}, 5, {}]"#, 7, 1),
            (r#"5, {}]"#, 0, 0),
            (r#"{"a"#, 0, 0),
            ("", 0, 0),
        ] {
            assert_eq!(run_of_values(text.as_bytes()), Run { length, values }, "{text}");
        }
    }

    #[test]
    fn lines_that_are_one_value_each_become_an_array() {
        let array = |text: &str| array_of_lines(text.as_bytes()).map(|(array, count)| (array.into_inner(), count));
        assert_eq!(array("{\"a\":1}\r\n\n  [\"]\"] \n{}"), Some((br#"[{"a":1},["]"],{}]"#.to_vec(), 3)));
        for wrong in
            ["", "\n", "5", "{},{}", "{\"a\":1\n\"b\":2}", "{}]\n[{}", "[1]\n\"a\"", "{} x", "\u{feff}{}", "[\"\n\"]"]
        {
            assert_eq!(array(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn items_outside_strings_are_counted() {
        let text = br#"{"a,[\"{": [1, 2, []], "b\\": {}}"#;
        assert!(items_exceed(text, 6));
        assert!(!items_exceed(text, 7));
        assert!(!items_exceed(b"", 0));
        assert!(items_exceed(&b"[1,".repeat(1000), 1999));
        assert!(!items_exceed(&b"[1,".repeat(1000), 2000));
    }

    #[test]
    fn levels_outside_strings_are_counted() {
        let text = br#"[["[[[", {"a": []}], "\"[[["]"#;
        assert!(depth_exceeds(text, 3));
        assert!(!depth_exceeds(text, 4));
        assert!(!depth_exceeds(b"]]]][", 1));
        assert!(!depth_exceeds(&b"[],".repeat(1000), 1));
    }

    #[test]
    fn digits_outside_strings_are_counted() {
        for before in 0..12 {
            let text = [&b" ".repeat(before)[..], b"1234567", b" "].concat();
            assert!(has_longer_integer(&text, 6));
            assert!(!has_longer_integer(&text, 7));
        }
        assert!(!has_longer_integer(br#"["1234567"]"#, 3));
        assert!(has_longer_integer(br#"["1234567", 1234]"#, 3));
        assert!(!has_longer_integer(br#"{"12345": 123.123}"#, 3));
    }
}
