# What a developer, a newcomer and CI run. Each target sets up what it needs, in .tools/ and nowhere else.
#
# Needed on the machine: rustup's cargo, a C compiler, perl, make; for `make test` also python3, for `make fuzz` a C++ compiler.
# The first build takes some minutes, and some more where OpenSSL has to be compiled too (no libssl-dev and pkg-config).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test e2e lint soak fuzz bench mutants fmt

# Tools found on the machine first, then those installed here; rustup's folder last, for shells that do not know it.
export PATH := $(PATH):$(CURDIR)/.tools/bin:$(HOME)/.cargo/bin

# Arguments for the program behind demo, soak, fuzz, bench and mutants: make demo ARGS="--seed 7"
ARGS ?=

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Two simulated tenants, a first merge and some days of life, in this terminal
	@.ci/programs
	@"$$(.ci/programs path galbridge)" demo $(ARGS)

test: ## All tests: unit, property and documentation tests, the scenarios, the contract checkers
	@.ci/test

lint: ## Formatting, clippy, documentation links, licences and bans of dependencies, unused ones, machine paths
	@.ci/lint

e2e: ## Deploy the stack to MiniStack, and play a client's first day
	@.ci/e2e $(ARGS)

soak: ## A hundred thousand random histories: three hours on two cores
	@.ci/programs
	@"$$(.ci/programs path histories)" --seeds 0..100000 $(ARGS)

fuzz: ## Fuzz what comes from outside, ten seconds a target: make fuzz ARGS="600 all"
	@tests/fuzz/run $(ARGS)

bench: ## Measure the engine and the core
	@cargo build --release -q -p m365-simulator -p bench
	@cargo run --release -q -p bench -- $(ARGS)

mutants: ## Break each law by its patch and see its test turn red
	@tests/mutants/run $(ARGS)

fmt: ## Format everything
	@cargo fmt --all
