//! How the micro node is linked: without what only unwinding needs.

use std::path::Path;

const LEAVE_OUT_UNWIND_TABLES: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.eh_frame_hdr) *(.gcc_except_table*) } } INSERT AFTER .text;\n";

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(without_unwind_tables)");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    // The micro profile, alone in optimising for size, aborts on panic: nobody
    // reads the unwind tables, a seventh of the file. Those of the standard library
    // are compiled in already; only the linker can leave them out.
    if variable("OPT_LEVEL") != "z" || variable("CARGO_CFG_TARGET_OS") != "linux" {
        return Ok(());
    }
    let script = Path::new(&variable("OUT_DIR")).join("no-unwind-tables.ld");
    std::fs::write(&script, LEAVE_OUT_UNWIND_TABLES)?;
    println!("cargo::rustc-cfg=without_unwind_tables");
    let mut arguments = vec![
        format!("-Wl,-T,{}", script.display()),
        "-Wl,--no-eh-frame-hdr".to_owned(),
        // Relocations as a bit map.
        "-Wl,-z,pack-relative-relocs".to_owned(),
    ];
    // Functions of the same instructions become one. It takes LLD, which is what rustc links
    // with there.
    let lld = "x86_64-unknown-linux-gnu";
    if variable("HOST") == lld && variable("TARGET") == lld {
        arguments.push("-Wl,--icf=all".to_owned());
    }
    for argument in arguments {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    Ok(())
}
