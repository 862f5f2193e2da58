#!/usr/bin/env bash
# The binary for measurements and packages: optimised across crates at the
# last link. Dependencies keep their bitcode, so that only this link is slow.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/env.sh
export RUSTFLAGS="${RUSTFLAGS:-} -C embed-bitcode=yes"
# Functions of the same instructions become one: most are generics that each crate has
# compiled for itself. It takes LLD, which is what rustc links with there.
fold=()
[[ "$(rustc -vV)" == *"host: x86_64-unknown-linux-gnu"* ]] && fold=(-C link-arg=-Wl,--icf=all)
cargo rustc --release -p orbit-server --bin orbit -- \
    -C lto="${ORBIT_LTO:-thin}" -C strip=symbols ${fold[@]+"${fold[@]}"}
ls -l "$CARGO_TARGET_DIR/release/orbit" >&2
