//! The binary `orbit`: server and command line in one.

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    orbit_server::cli::run(orbit_server::cli::Cli::parse())
}
