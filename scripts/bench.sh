#!/usr/bin/env bash
# The side-by-side measurements of docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/env.sh
python3 scripts/bench.py "$@"
RUSTFLAGS="${RUSTFLAGS:-} -C embed-bitcode=yes" cargo build --release -p orbit-compare
"$CARGO_TARGET_DIR/release/orbit-compare" commit 8 5
"$CARGO_TARGET_DIR/release/orbit-compare" point-read
"$CARGO_TARGET_DIR/release/orbit-compare" actors
"$CARGO_TARGET_DIR/release/orbit-compare" links
