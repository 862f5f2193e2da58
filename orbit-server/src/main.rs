//! The binary `orbit`: server and command line in one.

use clap::Parser;
use mimalloc::MiMalloc;
use orbit_core::memory;
use std::alloc::{GlobalAlloc, Layout};
use std::process::ExitCode;

/// The allocator, counting what is held: see [`memory`].
struct Counting;

// SAFETY: every call is handed on as it came; counting takes no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        memory::took(layout.size());
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        memory::took(layout.size());
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        memory::gave(layout.size());
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match size >= layout.size() {
            true => memory::took(size - layout.size()),
            false => memory::gave(layout.size() - size),
        }
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

unsafe extern "C" {
    /// mimalloc's own: what this thread's heap has to spare goes back to the system.
    fn mi_collect(force: bool);
}

fn main() -> ExitCode {
    memory::set_tidy(|| {
        // SAFETY: may be called by any thread at any time.
        unsafe { mi_collect(true) }
    });
    orbit_server::cli::run(orbit_server::cli::Cli::parse())
}
