//! The binary `orbit`: server and command line in one.

use clap::Parser;
use mimalloc::MiMalloc;
use orbit_core::memory::{self, Counting};
use std::io::Write;

#[global_allocator]
static ALLOCATOR: Counting<MiMalloc> = Counting(MiMalloc);

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
