//! sqlx checks its queries against a server while it compiles: another server, another check.
fn main() {
    println!("cargo:rerun-if-env-changed=DATABASE_URL");
    println!("cargo:rerun-if-env-changed=CHECKED_AT");
    println!("cargo:rerun-if-changed=build.rs");
}
