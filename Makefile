# Two commands matter: `make demo` runs the product, `make test` proves it. Everything else is a part of them, or operates what was shipped.
# A target stands with its help behind `##`; the line `##@ Topic` names what the targets below it are about. Long topics are in make/*.mk.
# Values come as variables (`make smoke URL=https://...`); recipes read them as "$$URL", which the shell never takes for a command.

.DEFAULT_GOAL := help

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.requirements
ARGS ?=
# Tests against real servers run side by side; tests/side_by_side.py tells which stay together.
WORKERS ?= 2
SIDE_BY_SIDE := -n $(WORKERS) --no-loadscope-reorder
# The settings of the environment, or else those of the running demo.
BY_HAND := $(BIN)/python -m backend.sandbox exec $(BIN)/python

##@ Begin
help: ## Show every target, by topic
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv and install the locked packages
	@$(BIN)/python --version

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

dev: $(READY) ## The demo, and a browser that shows each change within seconds
	@$(BIN)/python -m backend.sandbox dev $(ARGS)

demo-reset: $(READY) ## Forget the demo's data
	@$(BIN)/python -m backend.sandbox reset

##@ Prove
test: $(READY) lint unit guards servers ## Prove everything
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

integration-portal: $(READY) ## Those of the portal's pages, doors and sockets
	@echo "· integration tests of the portal" && $(BIN)/python -m pytest -q $(SIDE_BY_SIDE) tests/integration/portal $(ARGS)

integration-rest: $(READY) ## Those of everything else
	@echo "· integration tests without the portal" && $(BIN)/python -m pytest -q $(SIDE_BY_SIDE) tests/integration --ignore tests/integration/portal $(ARGS)

delivery: $(READY) ## Tests of all that ships the product (TOPIC=chart for one)
	@echo "· delivery tests" && $(BIN)/python -m pytest -q $(SIDE_BY_SIDE) tests/delivery/$(TOPIC) $(ARGS)

e2e: $(READY) ## Tests in a real browser against the running stack
	@echo "· end-to-end tests" && $(BIN)/python -m pytest -q tests/e2e $(ARGS)

include $(sort $(wildcard make/*.mk))

# Whatever has a help text makes no file of its name.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*[#][#] .*/\1/p' $(MAKEFILE_LIST))
