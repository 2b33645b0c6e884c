//! Copying text and looking for characters that JSON escapes, in one go.

#[cfg(not(target_arch = "x86_64"))]
use crate::json::escape::ESCAPES;

/// Copy text up to the first character that is escaped; return how much that is.
///
/// # Safety
/// `target` has room for the text and 16 bytes more.
#[cfg(target_arch = "x86_64")]
#[inline]
pub unsafe fn copy_clean(text: &[u8], target: *mut u8) -> usize {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_set_epi64x, _mm_storeu_si128};

    let mut at = 0;
    // SAFETY: blocks are read only where 16 bytes are left; SSE2 is part of x86-64; for writes the caller vouches.
    unsafe {
        while text.len() - at >= 16 {
            let block = _mm_loadu_si128(text.as_ptr().add(at).cast::<__m128i>());
            _mm_storeu_si128(target.add(at).cast::<__m128i>(), block);
            let found = special(block);
            if found != 0 {
                return first_special(at, found);
            }
            at += 16;
        }
        let rest = &text[at..];
        if rest.is_empty() {
            return at;
        }
        let (low, high) = load_partial(rest);
        let block = _mm_set_epi64x(high as i64, low as i64);
        _mm_storeu_si128(target.add(at).cast::<__m128i>(), block);
        let found = special(block) & ((1 << rest.len()) - 1);
        if found != 0 { first_special(at, found) } else { text.len() }
    }
}

/// A call, so that what is written next does not wait for the answer where nothing is escaped.
#[cfg(target_arch = "x86_64")]
#[cold]
#[inline(never)]
fn first_special(at: usize, found: u32) -> usize {
    at + found.trailing_zeros() as usize
}

/// One bit for each byte that is escaped.
#[cfg(target_arch = "x86_64")]
#[inline]
fn special(block: std::arch::x86_64::__m128i) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};

    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
        let quote = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'"' as i8));
        let backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'\\' as i8));
        _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))) as u32
    }
}

/// Up to 15 bytes, at least 1, as two little-endian words; the bytes behind them are 0.
#[cfg(target_arch = "x86_64")]
#[inline]
fn load_partial(bytes: &[u8]) -> (u64, u64) {
    let length = bytes.len();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let half = |at: usize| u64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")));
    if length >= 8 {
        (word(0), word(length - 8).unbounded_shr(8 * (16 - length as u32)))
    } else if length >= 4 {
        (half(0) | half(length - 4) << (8 * (length - 4)), 0)
    } else {
        let middle = length / 2;
        let (first, second, third) = (bytes[0], bytes[middle], bytes[length - 1]);
        (u64::from(first) | u64::from(second) << (8 * middle) | u64::from(third) << (8 * (length - 1)), 0)
    }
}

/// Copy text up to the first character that is escaped; return how much that is.
///
/// # Safety
/// `target` has room for the text.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub unsafe fn copy_clean(text: &[u8], target: *mut u8) -> usize {
    let clean = text.iter().position(|byte| ESCAPES[*byte as usize] != 0).unwrap_or(text.len());
    // SAFETY: the caller says that there is room; what is written to is no part of the text.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), target, clean) };
    clean
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_short_texts_are_in_order() {
        for length in 1..16_usize {
            let bytes: Vec<u8> = (1..=length as u8).collect();
            let (low, high) = load_partial(&bytes);
            let all = [low.to_le_bytes(), high.to_le_bytes()].concat();
            assert_eq!(all[..length], bytes);
            assert!(all[length..].iter().all(|byte| *byte == 0), "{length}: {all:?}");
        }
    }
}
