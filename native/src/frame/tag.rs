//! Checksum and MACs over the parts of a frame: BLAKE2b (RFC 7693), HMAC-SHA256 (RFC 2104).

use blake2b_simd::{Params, State};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Bytes of a MAC, and of the longest tag.
pub const MAC: usize = 16;
/// Bytes of a checksum.
pub const CHECKSUM: usize = 8;

/// A hash function that has taken in its key: frames continue from a copy of it.
pub enum Tagger {
    Blake2b(State),
    HmacSha256(Hmac<Sha256>),
}

impl Tagger {
    /// The checksum of frames that are not signed.
    pub fn checksum() -> Self {
        Self::Blake2b(Params::new().hash_length(CHECKSUM).personal(b"sf-frame-chk-v1").to_state())
    }

    /// Keyed BLAKE2b with a subkey of at most 64 bytes.
    pub fn blake2b(subkey: &[u8]) -> Option<Self> {
        let is_key = subkey.len() <= blake2b_simd::KEYBYTES;
        is_key
            .then(|| Self::Blake2b(Params::new().hash_length(MAC).personal(b"sf-frame-mac-v1").key(subkey).to_state()))
    }

    /// HMAC-SHA256, cut to its first half.
    pub fn hmac_sha256(subkey: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(subkey).ok().map(Self::HmacSha256)
    }

    /// The tag over the header, the cache key with its length (32 bits) before it, and the body. A checksum is followed
    /// by zeros. `None` for a cache key that is too long.
    pub fn tag(&self, header: &[u8], cache_key: &[u8], body: &[u8]) -> Option<[u8; MAC]> {
        let length = u32::try_from(cache_key.len()).ok()?.to_le_bytes();
        let mut tag = [0; MAC];
        match self {
            Self::Blake2b(state) => {
                let mut state = state.clone();
                state.update(header).update(&length).update(cache_key).update(body);
                let hash = state.finalize();
                tag[..hash.as_bytes().len()].copy_from_slice(hash.as_bytes());
            }
            Self::HmacSha256(state) => {
                let mut state = state.clone();
                for part in [header, &length, cache_key, body] {
                    state.update(part);
                }
                tag.copy_from_slice(&state.finalize().into_bytes()[..MAC]);
            }
        }
        Some(tag)
    }

    /// Whether a frame's tag is the right one. Takes the same time wherever they differ.
    pub fn matches(&self, found: &[u8], header: &[u8], cache_key: &[u8], body: &[u8]) -> bool {
        self.tag(header, cache_key, body).is_some_and(|tag| tag[..found.len()].ct_eq(found).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_covers_every_part_and_where_each_ends() {
        for tagger in [Tagger::checksum(), Tagger::blake2b(&[7; 32]).unwrap(), Tagger::hmac_sha256(&[7; 32]).unwrap()] {
            let tag = tagger.tag(b"header", b"key", b"body").unwrap();
            assert!(tagger.matches(&tag, b"header", b"key", b"body"));
            assert!(!tagger.matches(&tag, b"headeR", b"key", b"body"));
            assert!(!tagger.matches(&tag, b"header", b"keY", b"body"));
            assert!(!tagger.matches(&tag, b"header", b"key", b"bodY"));
            assert!(!tagger.matches(&tag, b"header", b"keyb", b"ody"));
        }
    }
}
