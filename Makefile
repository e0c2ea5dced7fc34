# What there is to do; `make` alone lists it.

.DEFAULT_GOAL := help
DOCKER ?= docker
.PHONY: help quickstart test test-boringssl testkube fuzz lint fmt doc crds golden bench bench-cluster bench-load bench-boringssl soak bench-micro tools image deps

help: ## This list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

quickstart: ## Serve the whoami example on this machine, backends included
	cargo run --locked --bin ingora -- quickstart

test: tools testkube ## Run all tests
	cargo test --workspace --locked

test-boringssl: ## Run the tests with BoringSSL in OpenSSL's place (needs a C++ compiler and libclang)
	.ci/deps boringssl
	cargo test --locked -p ingora --no-default-features --features boringssl --target-dir target/boringssl -- --skip cluster --skip deploy

testkube: ## Build the API server for the tests in a cluster (Go; five minutes the first time)
	@test -n "$(KUBEBUILDER_ASSETS)$(INGORA_SKIP_CLUSTER_TESTS)" || $(MAKE) --no-print-directory target/testkube

target/testkube: $(wildcard tests/testkube/*)
	cd tests/testkube && CGO_ENABLED=0 GOTOOLCHAIN=local go build -trimpath -buildvcs=false -ldflags '-s -w' -o ../../target/testkube .

# Counts what was reached, for the fuzzer to find its way.
COVERAGE = --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

fuzz: ## Fuzz the reading of connections' first bytes for five minutes (needs a C++ compiler)
	mkdir -p target/fuzz/corpus
	cd tests/fuzz && RUSTFLAGS='$(COVERAGE)' cargo run --release --locked --target $(HOST) --target-dir ../../target/fuzz \
		-- -max_total_time=300 -max_len=70000 -timeout=10 -artifact_prefix=../../target/fuzz/ ../../target/fuzz/corpus

lint: ## Formatting, clippy, documentation, licences of dependencies (where cargo-deny is installed), scripts
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check; \
	else echo 'cargo-deny is not installed: dependencies are not checked against deny.toml'; fi
	for script in .ci/run .ci/deps benches/*.sh benches/*/*.sh deploy/*.sh; do bash -n "$$script" || exit 1; done

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

bench-cluster: testkube ## Measure starts, changes and storms with 10,000 routes on a real API server
	cargo build --release --locked --bin ingora
	INGORA_BINARY=$(abspath target/release/ingora) cargo bench --locked --bench cluster

bench-load: ## Measure TLS, HTTP/2, TCP and UDP beside nginx and HAProxy, services and filters beside none
	.ci/deps bench
	cargo build --release --locked --bin ingora
	INGORA_BINARY=$(abspath target/release/ingora) cargo bench --locked --bench load

bench-boringssl: ## Measure handshakes beside nginx and HAProxy with either TLS library
	.ci/deps boringssl
	.ci/deps bench
	cargo build --release --locked --bin ingora
	cargo build --release --locked --bin ingora --no-default-features --features boringssl --target-dir target/boringssl
	INGORA_BINARY=$(abspath target/release/ingora) PARTS=handshakes cargo bench --locked --bench load
	INGORA_BINARY=$(abspath target/boringssl/release/ingora) PARTS=handshakes cargo bench --locked --bench load

soak: ## Make 200,000 connections of every sort during 100 changes; none may be lost, no memory either
	cargo build --release --locked --bin ingora
	INGORA_BINARY=$(abspath target/release/ingora) cargo bench --locked --bench soak

bench-micro: ## Run the benchmarks of the parts
	cargo bench --locked

tools: target/tools/built ## Build kustomize and Helm for the tests, in the versions of tests/tools/go.mod

target/tools/built: tests/tools/go.mod tests/tools/go.sum
	cd tests/tools && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o ../../target/tools/ tool
	touch $@

image: ## Build the container image, with docker or what DOCKER names
	$(DOCKER) build -f deploy/Dockerfile -t ingora:$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1) .

deps: ## Check that what building needs is there; as root on Debian, install it
	.ci/deps
