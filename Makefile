# Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
ENV := . scripts/env.sh

.PHONY: help setup build demo test lint soak bench micro release clean

help:
	@echo "make demo     build, start a node, import real flights, run the showcase queries"
	@echo "make test     set up and run every test"
	@echo "make lint     formatting, clippy"
	@echo "make soak     the long versions of the tests; appends to docs/soak.md"
	@echo "make bench    measure beside PostgreSQL and SQLite on this machine"
	@echo "make release  the optimised binary, target/release/orbit"
	@echo "make micro    the small node without DataFusion and RocksDB"

setup:
	@scripts/setup.sh build

build: setup
	@$(ENV) && cargo build --bin orbit

demo: build
	@$(ENV) && "$$CARGO_TARGET_DIR/debug/orbit" demo

test:
	@scripts/setup.sh test
	@scripts/test.sh

lint:
	@$(ENV) && cargo fmt --all --check && cargo clippy --workspace --all-targets

soak:
	@scripts/setup.sh test
	@scripts/soak.sh

release: setup
	@scripts/release.sh

bench: 
	@scripts/setup.sh bench
	@scripts/release.sh
	@scripts/bench.sh

micro: setup
	@$(ENV) && cargo build -p orbit-edge --no-default-features --features redb --profile micro
	@$(ENV) && ls -l "$$CARGO_TARGET_DIR/micro/orbit-edge"

clean:
	@$(ENV) && cargo clean
