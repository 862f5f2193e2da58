//! An allocator that counts what is held, over any other.

use super::{gave, took};
use std::alloc::{GlobalAlloc, Layout};

/// Counts what a program holds, so that a node in it knows its ceiling: for
/// `#[global_allocator]`.
///
/// ```
/// use orbit_core::memory::Counting;
/// use std::alloc::System;
///
/// #[global_allocator]
/// static ALLOCATOR: Counting<System> = Counting(System);
/// # fn main() {
/// # let held = vec![0u8; 1 << 20];
/// # let _ceiling = orbit_core::memory::Ceiling::new(8 << 20);
/// # assert!(orbit_core::memory::held().is_some_and(|(bytes, _)| bytes >= 1 << 20), "{held:?}");
/// # }
/// ```
pub struct Counting<A>(pub A);

// SAFETY: every call is handed on as it came; counting takes no memory.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promise.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promise.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        gave(layout.size());
        // SAFETY: the caller's promise.
        unsafe { self.0.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match size >= layout.size() {
            true => took(size - layout.size()),
            false => gave(layout.size() - size),
        }
        // SAFETY: the caller's promise.
        unsafe { self.0.realloc(pointer, layout, size) }
    }
}
