//! Sealed frames: a header that is read is written as it was; a tag fits its own parts and no others.

#![no_main]

use std::sync::LazyLock;

use _core::frame::header::Header;
use _core::frame::tag::{MAC, Tagger};
use libfuzzer_sys::fuzz_target;

static TAGGERS: LazyLock<Vec<Tagger>> = LazyLock::new(|| {
    let keyed = [Tagger::blake2b(&[7; 32]), Tagger::hmac_sha256(&[7; 32])];
    std::iter::once(Tagger::checksum()).chain(keyed.into_iter().flatten()).collect()
});

fuzz_target!(|data: &[u8]| {
    let Some(header) = Header::read(data) else { return };
    let size = header.size_in_frame();
    let mut frame = [0; 64];
    header.write(&mut frame);
    assert_eq!(frame[..size], data[..size]);
    assert_eq!(Header::read(&frame[..size]).as_ref(), Some(&header));
    let (head, rest) = data.split_at(size);
    let (key, body) = rest.split_at(rest.len() / 2);
    for tagger in TAGGERS.iter() {
        let tag = tagger.tag(head, key, body).expect("the key is short");
        assert!(tagger.matches(&tag, head, key, body));
        // What was found in place of a tag fits only if it is the tag.
        if let Some(found) = body.first_chunk::<MAC>() {
            assert_eq!(tagger.matches(found, head, key, body), tag == *found);
        }
    }
});
