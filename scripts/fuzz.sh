#!/usr/bin/env bash
# scripts/fuzz.sh TARGET SECONDS [--keep]: see fuzz/README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/env.sh
# Of its own: the counters must not get into what is shipped.
export CARGO_TARGET_DIR="$CARGO_TARGET_DIR/fuzz"
RUSTC_WRAPPER="$PWD/scripts/sancov.sh" cargo build --quiet --package orbit-fuzz
[[ $# -gt 0 ]] || exit 0
exec "$CARGO_TARGET_DIR/debug/fuzz" "$@"
