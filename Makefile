# What one does with Kalends. The work is in scripts/ and bench/; this page names it.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup web test test-web screenshots lighthouse test-api test-clients check fmt sim bench bench-large demo acceptance clean

SEEDS ?= 0..2000
BENCH ?=
DEMO ?=
ACCEPT ?=
FUZZ ?=
CLIENTS ?=
WEB ?=

help: ## this page
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: PostgreSQL, the CalDAV servers, the oracles, the clients (idempotent)
	@scripts/setup

web: ## build the web app, which the binary has in it (then build that again)
	@scripts/web

test: ## everything: formatting, lints, tests on both databases and real servers, 200 simulation seeds
	@scripts/test

check: ## formatting and lints only
	@scripts/check

fmt: ## format the code
	@cargo fmt --all

sim: ## the simulation on more seeds: make sim SEEDS=0..5000
	@cargo run --quiet --package kalends-sim -- --seeds $(SEEDS) --open crates/sim/open-seeds.txt

bench: ## measure beside vdirsyncer, python-dateutil and libical: make bench BENCH=--quick
	@scripts/setup
	@cargo build --release --package kalends-server --bin kalends
	@.venv/bin/python bench/run.py $(BENCH)
	@.venv/bin/python bench/large_account.py --quick

bench-large: ## accounts of up to 100,000 events: memory, a kill in the middle, a change after it
	@cargo build --release --package kalends-server --bin kalends
	@python3 bench/large_account.py $(BENCH)

demo: ## Google, Microsoft and CalDAV accounts kept in step, then yours to play with (DEMO=--exit stops at the end)
	@scripts/demo $(DEMO)

acceptance: ## prove on a real server: 10,000 events edited at random, 50 kills (ACCEPT=--quick for a minute's worth)
	@scripts/acceptance $(ACCEPT)

test-api: ## fuzz the API from its own document (FUZZ=--quick for fewer cases)
	@scripts/test-api $(FUZZ)

test-web: ## the web app in a headless browser: stories, outages, accessibility (WEB=tests/plans.test.mjs for one file)
	@scripts/test-web $(WEB)

lighthouse: ## Lighthouse's points for the status page, as a phone on a slow line sees it (on a quiet machine)
	@scripts/lighthouse

screenshots: ## pictures of the web app's pages into web/screenshots
	@scripts/screenshots

test-clients: ## official Google and Microsoft client libraries against the sandbox (CLIENTS="--only msal" for some)
	@scripts/test-clients $(CLIENTS)

clean: ## remove what was built, the demo's data and the Python environments
	@cargo clean
	@rm -rf .venv .venv-clients .venv-node web/node_modules web/lighthouse/node_modules web/dist/app web/dist/index.html web/screenshots .demo .bench bench/results.json bench/large_account.json
