#!/usr/bin/env bash
# Installs what a build (default), the tests (`setup.sh test`) or the
# measurements (`setup.sh bench`) need and this machine lacks.
set -euo pipefail
purpose="${1:-build}"

missing=()
need() { # need COMMAND-OR-FILE PACKAGE...
    local probe="$1"
    shift
    if [[ "$probe" == /* ]]; then
        compgen -G "$probe" >/dev/null && return
    else
        command -v "$probe" >/dev/null && return
    fi
    missing+=("$@")
}

if ! command -v cargo >/dev/null; then
    echo "setup: cargo is not installed; install a Rust toolchain (1.94 or newer) first: https://rustup.rs" >&2
    exit 1
fi
need cc gcc
need g++ g++
# bindgen reads RocksDB's headers through libclang; libclang-cpp is another library.
if ! compgen -G "/usr/lib/llvm-*/lib/libclang[.-][0-9s]*" >/dev/null &&
    ! compgen -G "/usr/lib/*/libclang[.-][0-9s]*" >/dev/null; then
    missing+=(libclang-dev)
fi
if [[ "$purpose" != build ]]; then
    need psql postgresql-client
    need "/usr/lib/postgresql/*/bin/initdb" postgresql
    need "/usr/lib/postgresql/*/bin/pgbench" postgresql
    need strace strace
    need ip iproute2
    need mkfs.ext4 e2fsprogs
    need python3 python3
fi
if [[ "$purpose" == test ]]; then
    # The client matrix, tests/clients.
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    need node nodejs
    need npm npm
    need javac default-jdk-headless
    need /usr/share/java/postgresql.jar libpostgresql-jdbc-java
    need "/usr/lib/*/odbc/psqlodbcw.so" odbc-postgresql
    need "/usr/lib/*/libodbc.so.2" libodbc2
    # Diesel links it.
    need "/usr/lib/*/libpq.so" libpq-dev
fi

if ((${#missing[@]})); then
    if ! command -v apt-get >/dev/null || [[ "$(id -u)" != 0 ]]; then
        echo "setup: please install: ${missing[*]} (as root: apt-get install ${missing[*]})" >&2
        exit 1
    fi
    echo "setup: installing ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    # Only the programs are wanted, not a cluster of Debian's own.
    mkdir -p /etc/postgresql-common
    grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf ||
        echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

# Python's and Node's clients, in versions of their own. Without them their tests are skipped.
if [[ "$purpose" == test ]]; then
    root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
    clients="$HOME/.cache/orbit/clients"
    mkdir -p "$clients/node"
    wanted="$root/tests/clients/requirements.txt"
    if ! cmp -s "$wanted" "$clients/venv/requirements.txt"; then
        echo "setup: installing Python's clients into $clients/venv" >&2
        if python3 -m venv --clear "$clients/venv" &&
            "$clients/venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2; then
            cp "$wanted" "$clients/venv/requirements.txt"
        else
            echo "setup: Python's clients could not be installed; their tests are skipped" >&2
            rm -rf "$clients/venv"
        fi
    fi
    wanted="$root/tests/clients/package.json"
    if ! cmp -s "$wanted" "$clients/node/installed.json"; then
        echo "setup: installing Node's clients into $clients/node" >&2
        cp "$wanted" "$clients/node/package.json"
        if (cd "$clients/node" && npm install --silent --no-package-lock --no-audit --no-fund >&2); then
            cp "$wanted" "$clients/node/installed.json"
        else
            echo "setup: Node's clients could not be installed; their tests are skipped" >&2
            rm -rf "$clients/node"
        fi
    fi
fi
