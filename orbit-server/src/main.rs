//! The binary `orbit`: server and command line in one.

use clap::Parser;
use mimalloc::MiMalloc;
use orbit_core::memory;
use std::alloc::{GlobalAlloc, Layout};
use std::io::Write;

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

fn main() {
    memory::set_tidy(|| {
        // SAFETY: may be called by any thread at any time.
        unsafe { mi_collect(true) }
    });
    let code = orbit_server::cli::run(orbit_server::cli::Cli::parse());
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    // All that counts is on disk. RocksDB's threads may still be at work, and what its
    // library tears down when a process returns is torn down under them: it aborts then.
    // SAFETY: _exit only ends the process.
    unsafe { libc::_exit(i32::from(code)) }
}
