//! How deep a document is nested and how many items it has, before anybody makes values of it.

use super::cursor::{Binary, Cursor, Token};

/// What a document has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    Levels,
    Items,
}

/// Say what a document has more of than is allowed: levels of arrays and maps, or items in all of them together; a member
/// of a map is one item, and so is what an empty one does not have. Neither recurses nor believes a length. Where the document stops to be one, so does the count.
pub fn excess(data: &[u8], levels: usize, items: usize) -> Option<Excess> {
    let mut cursor = Cursor::new(data, Binary::Text);
    let mut open: Vec<usize> = Vec::new(); // for each level the values that are still to come
    let mut left = items;
    loop {
        let (count, values) = match cursor.token() {
            Some(Token::Array(count)) => (count.max(1), Some(count)),
            Some(Token::Map(count)) => (count.max(1), Some(2 * count)),
            Some(_) => (0, None),
            None => {
                cursor.extension()?;
                (0, None)
            }
        };
        let Some(rest) = left.checked_sub(count) else {
            return Some(Excess::Items);
        };
        left = rest;
        if let Some(values) = values {
            if open.len() == levels {
                return Some(Excess::Levels);
            }
            open.push(values);
        }
        loop {
            match open.last_mut() {
                None => return None,
                Some(0) => open.pop(),
                Some(values) => {
                    *values -= 1;
                    break;
                }
            };
        }
    }
}

/// Where the last of the documents ends that the data begins with, of `most` at most, and how many they are.
pub fn run_of_documents(data: &[u8], most: usize) -> (usize, usize) {
    let mut cursor = Cursor::new(data, Binary::Text);
    let (mut end, mut count) = (0, 0);
    while count < most && skip_document(&mut cursor).is_some() {
        (end, count) = (cursor.position(), count + 1);
    }
    (end, count)
}

fn skip_document(cursor: &mut Cursor<'_>) -> Option<()> {
    let mut values = 1_usize; // that are still to come
    while values > 0 {
        match cursor.token() {
            Some(Token::Array(count)) => values = values.checked_add(count)?,
            Some(Token::Map(count)) => values = values.checked_add(2 * count)?,
            Some(_) => {}
            None => {
                cursor.extension()?;
            }
        }
        values -= 1;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_end_with_their_last_value() {
        for document in [
            &b"\xc0"[..],
            b"\x90",
            b"\x92\x91\xc0\x81\xa1a\x91\x90",
            b"\xc4\x02\xc1\xc1",
            b"\x93\xd4\x01\xc1\xc7\x02\x05ab\xde\x00\x01\x01\xcb\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(run_of_documents(&[document, b"\xc1"].concat(), 9), (document.len(), 1), "{document:?}");
            for end in 0..document.len() {
                assert_eq!(run_of_documents(&document[..end], 9), (0, 0), "{document:?}");
            }
        }
        assert_eq!(run_of_documents(b"\xc0\x91\x01\x92\xc0", 9), (3, 2));
        assert_eq!(run_of_documents(b"\xc0\x91\x01\x92\xc0", 1), (1, 1));
        assert_eq!(run_of_documents(b"\xc1", 9), (0, 0));
        for wrong in [&b"\xc1"[..], b"\x92\xc0\xc1", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff\xc0\xc0"] {
            assert_eq!(run_of_documents(wrong, 9), (0, 0), "{wrong:?}");
        }
    }

    #[test]
    fn levels_are_counted_at_every_place() {
        let document = [0x92, 0x91, 0xc0, 0x81, 0xa1, b'a', 0x91, 0x90]; // [[nil], {"a": [[]]}]
        assert_eq!(excess(&document, 3, 100), Some(Excess::Levels));
        assert_eq!(excess(&document, 4, 100), None);
        assert_eq!(excess(&[0x91; 1000], 200, 100_000), Some(Excess::Levels));
        assert_eq!(excess(&[0xc0], 0, 0), None);
    }

    #[test]
    fn items_are_counted_in_all_arrays_and_maps() {
        let document = [0x92, 0x91, 0xc0, 0x81, 0xa1, b'a', 0x90];
        assert_eq!(excess(&document, 200, 5), None);
        assert_eq!(excess(&document, 200, 4), Some(Excess::Items));
    }

    #[test]
    fn what_is_no_document_is_counted_as_far_as_it_goes() {
        assert_eq!(excess(&[], 0, 0), None);
        assert_eq!(excess(&[0xdd, 0xff, 0xff, 0xff, 0xff], 200, 5), None); // a claim that the input cannot hold
        assert_eq!(excess(&[0x93, 0xd4, 1, 2, 0xc7, 1, 5, 9, 0xc1, 0xc0], 200, 5), None);
        assert_eq!(excess(&[0x92, 0xd4, 1, 2, 0x91, 0x91, 0xc0], 2, 5), Some(Excess::Levels));
    }
}
