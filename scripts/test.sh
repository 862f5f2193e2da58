#!/usr/bin/env bash
# Runs every test of the workspace and ends with one line that sums them up.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/env.sh

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
status=0
# One at a time: several start servers, tracers and loads, and measure how long a
# node takes to come back.
export RUST_TEST_THREADS=1

run() {
    echo "+ $*"
    "$@" 2>&1 | tee -a "$log"
    local result=${PIPESTATUS[0]}
    ((result == 0)) || status=1
}

# The binaries that tests of behaviour drive are built first.
cargo build --bin orbit || exit 1
run cargo test --workspace --exclude orbit-compare --no-fail-fast

passed=$(awk '/^test result:/ { sum += $4 } END { print sum + 0 }' "$log")
failed=$(awk '/^test result:/ { sum += $6 } END { print sum + 0 }' "$log")
skipped=$(grep -c '^skipped:' "$log")
((failed == 0 && status == 0)) || grep -E '^test .*FAILED$|^error' "$log" | sort -u
if ((status != 0 && failed == 0)); then
    failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
