//! Compiles the `.proto` files with protox: no protoc on the machine.

use std::path::Path;

const OWN: [&str; 2] = ["orbit/v1/node.proto", "orbit/v1/link.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let own = protox::compile(OWN, ["proto"])?;
    let descriptors = protox::Compiler::new(["proto"])?
        .include_imports(true)
        .open_files(OWN)?
        .open_files(["arrow/flight/protocol/flight.proto"])?
        .encode_file_descriptor_set();
    let out = std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?;
    std::fs::write(Path::new(&out).join("descriptors.bin"), descriptors)?;
    tonic_prost_build::configure().compile_fds(own)?;
    Ok(())
}
