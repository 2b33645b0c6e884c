//! Memory from the system, and a reserve for small pieces when that has none left.
//!
//! A failed allocation ends the process, and may not unwind. So the walks live on the reserve until their next look
//! ([`look`]), and end in a `MemoryError` there. The reserve costs nothing: pages that were never touched.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::memory::give_up;

/// Bytes of the reserve: what a walk takes from one look to the next, and to get out, several times over.
const SIZE: usize = 1 << 20;
/// Larger pieces are asked for by who can do without.
const LARGEST: usize = 1 << 14;
/// If the system has so much, there is memory again.
const ENOUGH: usize = 1 << 17;

#[repr(align(64))]
struct Reserve(UnsafeCell<[u8; SIZE]>);

// SAFETY: each byte belongs to the piece that was given out, and pieces do not overlap.
unsafe impl Sync for Reserve {}

static RESERVE: Reserve = Reserve(UnsafeCell::new([0; SIZE]));

/// How many pieces are in use, times 2^32, and where the next one begins.
static STATE: AtomicU64 = AtomicU64::new(0);
const PIECE: u64 = 1 << 32;

struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Leave the call if pieces of the reserve are in use, and the system still has no memory.
#[inline]
pub fn look() {
    if STATE.load(Ordering::Relaxed) >= PIECE && !has_memory() {
        give_up();
    }
}

#[cold]
fn has_memory() -> bool {
    let Ok(layout) = Layout::from_size_align(ENOUGH, 16) else { return false };
    // SAFETY: the layout has a size; what was given is given back.
    unsafe {
        let piece = System.alloc(layout);
        if !piece.is_null() {
            System.dealloc(piece, layout);
        }
        !piece.is_null()
    }
}

/// Take a piece of the reserve; null if it is too large.
#[cold]
fn take(layout: Layout) -> *mut u8 {
    if layout.size() > LARGEST || layout.align() > align_of::<Reserve>() {
        return std::ptr::null_mut();
    }
    let mut start = 0;
    let taken = STATE.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
        start = (state as u32 as usize).next_multiple_of(layout.align());
        let end = start + layout.size();
        (end <= SIZE).then_some((state & !(PIECE - 1)) + PIECE + end as u64)
    });
    match taken {
        // SAFETY: the piece ends within the reserve.
        Ok(_) => unsafe { RESERVE.0.get().cast::<u8>().add(start) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// Give a piece back. With the last one, everything is free again.
#[cold]
fn put_back() {
    let _ = STATE.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
        Some(if state < 2 * PIECE { 0 } else { state - PIECE })
    });
}

#[inline]
fn is_reserve(piece: *mut u8) -> bool {
    piece.addr().wrapping_sub(RESERVE.0.get().addr()) < SIZE
}

// SAFETY: pieces are the system's, or of the reserve, each of which is given out once; nothing here unwinds.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let piece = unsafe { System.alloc(layout) };
        if piece.is_null() { take(layout) } else { piece }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise; a piece of the reserve may have been used before.
        unsafe {
            let mut piece = System.alloc_zeroed(layout);
            if piece.is_null() {
                piece = take(layout);
                if !piece.is_null() {
                    piece.write_bytes(0, layout.size());
                }
            }
            piece
        }
    }

    #[inline]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if is_reserve(piece) {
            return put_back();
        }
        // SAFETY: the caller's promise; the piece is the system's.
        unsafe { System.dealloc(piece, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_reserve(piece) {
            // SAFETY: the caller's promise; the piece is the system's.
            let moved = unsafe { System.realloc(piece, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller's promise; both pieces have as many bytes as are copied.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(piece, layout.size().min(size));
                self.dealloc(piece, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_given_out_once_and_free_again_at_the_end() {
        let layout = Layout::from_size_align(1000, 16).unwrap();
        let pieces: Vec<_> = std::iter::from_fn(|| Some(take(layout)).filter(|piece| !piece.is_null())).collect();
        assert_eq!(pieces.len(), SIZE / 1008);
        assert!(pieces.windows(2).all(|pair| pair[1].addr() - pair[0].addr() == 1008));
        for piece in pieces {
            assert!(is_reserve(piece) && piece.addr().is_multiple_of(16));
            // SAFETY: a piece of this layout, given back once.
            unsafe { ALLOCATOR.dealloc(piece, layout) };
        }
        assert_eq!(STATE.load(Ordering::Relaxed), 0);
        assert!(take(Layout::from_size_align(LARGEST + 1, 1).unwrap()).is_null());
        look();
    }
}
