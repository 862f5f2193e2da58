#!/usr/bin/env bash
# The long versions of the tests; what ran is appended to docs/soak.md.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/env.sh
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
cargo build --bin orbit || exit 1
export ORBIT_SOAK=1
cargo test -p orbit-tests --no-fail-fast -- --nocapture --test-threads=1 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
cargo test -p orbit-query --lib -- --nocapture planned::tests::columns 2>&1 | tee -a "$log"
columns=${PIPESTATUS[0]}
((status)) || status=$columns
cargo test -p orbit-core --features columns --lib -- --nocapture series::tests 2>&1 | tee -a "$log"
series=${PIPESTATUS[0]}
((status)) || status=$series
cargo test -p orbit-core --features columns --lib -- --nocapture actor::simulation 2>&1 | tee -a "$log"
simulation=${PIPESTATUS[0]}
((status)) || status=$simulation
cargo test -p orbit-core --lib -- --nocapture merge::tests::laws 2>&1 | tee -a "$log"
laws=${PIPESTATUS[0]}
((status)) || status=$laws
{
    echo
    echo "## $(date -u +%Y-%m-%dT%H:%MZ), commit $(git rev-parse --short HEAD)"
    echo
    echo '```text'
    grep -E 'ORBIT_SEED=|histories|operations in|kills,|cuts,|seeds,|injections,|flips,|statements,|^test result|^skipped:' "$log"
    echo '```'
} >>docs/soak.md
exit "$status"
