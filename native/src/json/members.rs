//! Looking into JSON text that somebody else has written: compact and valid.

/// The end of the value that starts at `at`: the position of the comma or bracket behind it.
fn end_of_value(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match text.get(at)? {
            b'"' => {
                at += 1;
                loop {
                    match text.get(at)? {
                        b'"' => break,
                        b'\\' => at += 1,
                        _ => {}
                    }
                    at += 1;
                }
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth == 0 => return Some(at),
            b']' | b'}' => depth -= 1,
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

/// Split a compact JSON object into its members, `"key":value` each; `None` if it is no such object.
pub fn split(text: &[u8]) -> Option<Vec<&[u8]>> {
    let inner = text.strip_prefix(b"{")?;
    let mut members = Vec::new();
    if inner == b"}" {
        return Some(members);
    }
    let mut at = 0;
    loop {
        let end = end_of_value(inner, at)?;
        members.push(&inner[at..end]);
        match inner[end] {
            b',' => at = end + 1,
            b'}' if end + 1 == inner.len() => return Some(members),
            _ => return None,
        }
    }
}

/// Levels of arrays and objects.
pub fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while let Some(byte) = text.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
            }
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_whatever_their_values_hold() {
        let text = br#"{"a":"},{\"","b":[{"c":1},2],"d":null}"#;
        let found = split(text).unwrap();
        assert_eq!(found, [&br#""a":"},{\"""#[..], &br#""b":[{"c":1},2]"#[..], &br#""d":null"#[..]]);
        assert_eq!(split(b"{}").unwrap().len(), 0);
        assert_eq!(split(b"[]"), None);
        assert_eq!(split(b"{\"a\":1"), None);
        assert_eq!(split(b"{\"a\":\"x"), None);
    }

    #[test]
    fn depth_ignores_brackets_in_strings() {
        assert_eq!(depth(b"1"), 0);
        assert_eq!(depth(br#"{"a[[":[[],"\"]]["]}"#), 3);
    }
}
