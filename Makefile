# What there is to do; `make` alone lists it.

.DEFAULT_GOAL := help
DOCKER ?= docker
.PHONY: help quickstart test testkube lint fmt doc crds golden bench bench-cluster bench-micro tools image deps

help: ## This list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

quickstart: ## Serve the whoami example on this machine, backends included
	cargo run --locked --bin ingora -- quickstart

test: tools testkube ## Run all tests
	cargo test --workspace --locked

testkube: ## Build the API server for the tests in a cluster (Go; five minutes the first time)
	@test -n "$(KUBEBUILDER_ASSETS)$(INGORA_SKIP_CLUSTER_TESTS)" || $(MAKE) --no-print-directory target/testkube

target/testkube: $(wildcard tests/testkube/*)
	cd tests/testkube && CGO_ENABLED=0 GOTOOLCHAIN=local go build -trimpath -buildvcs=false -ldflags '-s -w' -o ../../target/testkube .

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
