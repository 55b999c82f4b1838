# Two commands matter: `make demo` runs the product, `make test` proves it. Everything else is a part of them.

.DEFAULT_GOAL := help
.PHONY: help setup demo dev demo-reset test test-newest lint unit guards servers integration delivery coverage e2e soak mutants bench billing-run requirements

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.requirements
ARGS ?=
DAY ?=
# Tests against real servers run side by side; tests/side_by_side.py tells which stay together.
WORKERS ?= 2
SIDE_BY_SIDE := -n $(WORKERS) --no-loadscope-reorder

help: ## Show every target
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv and install the locked packages

$(READY): requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is missing. Install one of them and start again."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		echo "· creating .venv with $(PYTHON)"; $(PYTHON) -m venv --clear .venv; }
	@cmp -s requirements.txt $@ || { \
		echo "· installing the packages of requirements.txt (a minute or two)"; \
		$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements.txt; }
	@cp requirements.txt $@

demo: $(READY) ## Run the whole product on this machine; Ctrl-C ends it
	@$(BIN)/python -m backend.sandbox up $(ARGS)

dev: $(READY) ## The demo, and a browser that shows each change to the code within seconds
	@$(BIN)/python -m backend.sandbox dev $(ARGS)

demo-reset: $(READY) ## Forget the demo's data
	@$(BIN)/python -m backend.sandbox reset

test: $(READY) lint unit guards servers ## Prove everything: what continuous integration runs
	@echo "✓ everything passed"

lint: $(READY) ## Format, lint, import contracts and types
	@echo "· ruff format" && $(BIN)/ruff format --check --quiet .
	@echo "· ruff check" && $(BIN)/ruff check --quiet .
	@echo "· import contracts" && out=$$($(BIN)/lint-imports 2>&1) || { echo "$$out"; exit 1; }
	@echo "· mypy" && $(BIN)/mypy --no-error-summary

unit: $(READY) ## Tests of pure rules
	@echo "· unit tests" && $(BIN)/python -m pytest -q tests/unit $(ARGS)

guards: $(READY) ## Tests that keep the house's rules
	@echo "· guard tests" && $(BIN)/python -m pytest -q tests/guards $(ARGS)

servers: $(READY) ## End-to-end, integration and delivery tests, side by side
	@echo "· end-to-end, integration and delivery tests" && $(BIN)/python -m pytest -q $(SIDE_BY_SIDE) tests/e2e tests/integration tests/delivery $(ARGS)

integration: $(READY) ## Tests against real servers on loopback ports
	@echo "· integration tests" && $(BIN)/python -m pytest -q $(SIDE_BY_SIDE) tests/integration $(ARGS)

delivery: $(READY) ## Tests of images, chart, compose, monitoring, workflows, commands and documents by their real tools
	@echo "· delivery tests" && $(BIN)/python -m pytest -q $(SIDE_BY_SIDE) tests/delivery $(ARGS)

test-newest: $(READY) ## Unit, mail and start tests on the newest Python that can be had
	@echo "· tests on the newest Python" && $(BIN)/python -m backend.sandbox.newest -m pytest -q $(SIDE_BY_SIDE) \
		tests/unit tests/integration/notifications tests/integration/portal/test_start.py $(ARGS)

coverage: $(READY) ## How much of the code unit and integration tests run, branches included
	@$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) --cov --cov-branch --cov-report=term:skip-covered tests/unit tests/integration $(ARGS)

e2e: $(READY) ## Tests in a real browser against the running stack
	@echo "· end-to-end tests" && $(BIN)/python -m pytest -q tests/e2e $(ARGS)

soak: $(READY) ## Ten thousand random histories of payments (ARGS="--histories 500 --seed 7")
	@$(BIN)/python -m tests.soak $(ARGS)

mutants: $(READY) ## Change the code of the money step by step and see what no test notices, in at most an hour (ARGS="--seed 2")
	@$(BIN)/python -m tests.mutants $(ARGS)

bench: $(READY) ## Measure nightly, pages, payments, doors, alerts, cluster, dependencies, runs (ARGS=doors for one); figures also go to .local/bench.json
	@$(BIN)/python -m tests.bench $(ARGS)

billing-run: $(READY) ## Bill the closed days of the running demo now (DAY=2026-11-22 for one day)
	@$(BIN)/python -m backend.sandbox exec $(BIN)/python -m jobs run nightly_billing $(if $(DAY),--day $(DAY)) $(ARGS)

LOCK = .local/tools/uv/bin/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url \
	--no-header --python-version 3.11 --quiet
# What the images install, each from a file of its own; the versions are those of requirements.txt.
IMAGE_LOCK = $(LOCK) --no-annotate --constraint requirements.txt

requirements: $(READY) ## Lock pyproject.toml again into requirements.txt and delivery/requirements/
	@test -x .local/tools/uv/bin/uv || $(BIN)/python -m pip install --quiet --target .local/tools/uv uv
	@$(LOCK) --extra dev $(ARGS) -o requirements.txt
	@$(IMAGE_LOCK) -o delivery/requirements/product.txt
	@$(IMAGE_LOCK) --extra build -o delivery/requirements/build.txt
	@$(IMAGE_LOCK) --extra sandbox -o delivery/requirements/sandbox.txt

include $(sort $(wildcard make/*.mk))
