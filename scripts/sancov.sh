#!/bin/sh
# A compiler wrapper (RUSTC_WRAPPER) that counts coverage in our own crates only.
rustc="$1"
shift
case " $* " in
*" --crate-name orbit_"*)
    exec "$rustc" "$@" -C passes=sancov-module \
        -C llvm-args=-sanitizer-coverage-level=3 \
        -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
        -C codegen-units=1
    ;;
*) exec "$rustc" "$@" ;;
esac
