# Sourced by the Makefile's recipes and by CI: where builds go, and the prebuilt
# RocksDB when the cache holds the very version that Cargo.lock names.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/orbit/target}"
orbit_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
orbit_rocksdb="$HOME/.cache/orbit/rocksdb"
orbit_wants_rocksdb="$(awk '/^name = "librocksdb-sys"$/ { getline; gsub(/version = |"/, ""); print; exit }' "$orbit_root/Cargo.lock")"
if [ -n "$orbit_wants_rocksdb" ] && [ "$(cat "$orbit_rocksdb/VERSION" 2>/dev/null)" = "$orbit_wants_rocksdb" ]; then
    export ROCKSDB_LIB_DIR="$orbit_rocksdb" ROCKSDB_STATIC=1
fi
