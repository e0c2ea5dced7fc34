# What there is to do; `make` alone lists it.

.DEFAULT_GOAL := help
.PHONY: help quickstart test lint fmt doc crds golden bench bench-micro deps

help: ## This list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

quickstart: ## Serve the whoami example on this machine, backends included
	cargo run --locked --bin ingora -- quickstart

test: ## Run all tests
	cargo test --workspace --locked

lint: ## Formatting, clippy, documentation, licences of dependencies (where cargo-deny is installed), scripts
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check; \
	else echo 'cargo-deny is not installed: dependencies are not checked against deny.toml'; fi
	for script in .ci/run .ci/deps benches/*.sh benches/*/*.sh; do bash -n "$$script" || exit 1; done

fmt: ## Format all Rust code
	cargo fmt --all

doc: ## The documentation of the code, in target/doc
	cargo doc --workspace --no-deps --locked

crds: ## Write the CRDs beside their types anew (crds/*.yaml)
	UPDATE_CRDS=1 cargo test --locked -p ingora-crds

golden: ## Write the golden files of the translation anew; read their diff before it is committed
	UPDATE_GOLDEN=1 cargo test --locked --test integration golden

bench: ## Compare the cost of a request with a bare Pingora proxy, nginx and HAProxy
	.ci/deps bench
	cargo build --release --locked --bin ingora --example bare_pingora
	benches/compare.sh

bench-micro: ## Run the benchmarks of the parts
	cargo bench --locked

deps: ## Check that what building needs is there; as root on Debian, install it
	.ci/deps
