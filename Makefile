# Everything a person or CI does with the project. Needs only make and Python 3.11, 3.12 or 3.13.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo up down status test test-mysql chaos mutants check format bench bench-peers ui ui-test ui-screenshots admin lock

PY := .venv/bin/python
# Two workers: the servers under test are shared between them. Override with PYTEST_ARGS=.
PYTEST_ARGS ?= -n 2 --dist loadfile
REPEAT ?= 1
# Most of a scenario is waiting for leases to end: six at a time keep two cores busy.
CHAOS_WORKERS ?= 6
# Bytecode is kept, whatever the environment says: without it each process of a test compiles its libraries again.
unexport PYTHONDONTWRITEBYTECODE
# A venv is as good as the lock and the interpreter it was made from.
FINGERPRINT = import hashlib, pathlib, sys; \
	print(hashlib.sha256(pathlib.Path("requirements-dev.lock").read_bytes()).hexdigest(), sys.version.split()[0])

help: ## Print what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## Make .venv from the lock (quick when it is up to date)
	@python=""; \
	for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
		if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
			2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Python 3.11, 3.12 or 3.13 with its venv module is needed (Debian, Ubuntu: python3-venv);" \
			"name one with make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	wanted="$$("$$python" -c '$(FINGERPRINT)')" || exit 1; \
	if [ -x $(PY) ] && [ "$$(cat .venv/.lock-fingerprint 2>/dev/null)" = "$$wanted" ]; then exit 0; fi; \
	echo "Installing into .venv ..."; \
	[ "$$($(PY) --version 2>/dev/null)" = "$$("$$python" --version)" ] || rm -rf .venv; \
	"$$python" -m venv .venv || exit 1; \
	$(PY) -m pip install --quiet --disable-pip-version-check --no-input --no-compile --require-hashes --no-deps \
		--requirement requirements-dev.lock || exit 1; \
	echo "$$wanted" > .venv/.lock-fingerprint

demo: setup ## Run a real data set through a mapping, show the result, stop everything
	@$(PY) -m demo

up: setup ## Start both services, and the web UI where Node is, and wait until all are healthy
	@$(PY) -m operate up

down: setup ## Stop what `make up` started
	@$(PY) -m operate down

status: setup ## Say what is running
	@$(PY) -m operate status

test: setup ## Run all tests, on real servers that they start themselves
	$(PY) -m pytest $(PYTEST_ARGS) -m "not mysql and not chaos"

test-mysql: setup ## Run the MySQL 9 part of the tests, or say why not
	CHAOS_REPEAT=$(REPEAT) $(PY) -m pytest $(MYSQL_ARGS) -m mysql

chaos: setup ## Kill, freeze, cut and restart everything, every scenario REPEAT times (1)
	CHAOS_REPEAT=$(REPEAT) $(PY) -m pytest -n $(CHAOS_WORKERS) --dist worksteal $(CHAOS_ARGS) -m "not mysql" tests/chaos

# What the browser tests need beside Node: Chromium, from the system's packages where it may be installed.
CHROMIUM_READY = command -v "$${CHROMIUM:-chromium}" >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Installing Chromium ..." && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	|| { echo "The browser tests need Chromium (Debian: apt-get install chromium)" >&2; exit 1; }

ui: setup ## Serve the web UI on port 5173 in the foreground, for the config API that make up started
	@$(PY) -m operate prepare-ui && cd ui && npm run dev

ui-test: setup ## Check and test the web UI, in a real browser on the real services too
	@$(PY) -m operate prepare-ui && $(CHROMIUM_READY) && cd ui && npm run check

ui-screenshots: setup ## Write a picture of every screen to ui/screenshots
	@$(PY) -m operate prepare-ui && $(CHROMIUM_READY) && cd ui && npm run screenshots

mutants: setup ## Change the casts and column mappings in every small way; list what no test notices (long)
	.venv/bin/mutmut run
	.venv/bin/mutmut results

check: setup ## Check format, lint, types, imports and known vulnerabilities, then run all tests, the web UI's too: what CI runs
	@$(PY) -m operate prepare-ui
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-cache
	@$(PY) -m checks.vulnerabilities
	@$(MAKE) --no-print-directory ui-test
	$(PY) -m pytest $(PYTEST_ARGS) -m "not mysql and not chaos"

format: setup ## Put the code into its format, and mend what lint can mend
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: setup ## Measure against the databases' own tools (ROWS=, ROUNDS=, PAIRS=, CASES=)
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps \
		--requirement requirements-bench.lock
	@$(PY) -m benchmarks

bench-peers: setup ## Install ingestr, Sling and dlt beside, so that make bench measures them too
	@$(PY) -m benchmarks install-peers

admin: setup ## Make the first administrator: make admin EMAIL=you@example.org
	@$(PY) -m config_api create-admin $(EMAIL)

lock: setup ## Compile the locks anew from pyproject.toml
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
		--no-annotate --no-header --output-file requirements.lock pyproject.toml
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
		--no-annotate --no-header --output-file requirements-dev.lock --constraint requirements.lock \
		--group dev pyproject.toml
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
		--no-annotate --no-header --output-file requirements-bench.lock --constraint requirements.lock \
		--group bench
	@! grep -nE '://|file:|^-|@ ' requirements.lock requirements-dev.lock
