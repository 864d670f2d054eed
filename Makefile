# Syncline: everything is `make <target>`; `make help` lists them.
#
# All set-up is in `setup`, and every target that needs it asks for it. It is repeated only when a file it depends on has
# changed: the stamps below remember that it was done. Nothing is installed outside this folder.

UV_VERSION = 0.13.9
PYTHON_PACKAGES = protocol server client
NODE_FOLDERS = tests/interop tests/end_to_end/node benchmarks/peers

# The newest Python that runs the tests is not the point: the first of these that works is taken. `make PYTHON=… setup`
# chooses another. Deferred, so that `make test` on a finished set-up asks no interpreter.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11) or print(sys.executable))' 2>/dev/null && break; done)

# uv from the PATH if it works, else one of our own in .uv/.
UV = $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .uv/bin/uv)

PYTHON_STAMP = .venv/.stamp
NODE_STAMPS = $(NODE_FOLDERS:%=%/node_modules/.stamp)

PORT ?= 8700
DATA ?= data
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run test check lint types layers bench clean

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(PYTHON_STAMP) $(NODE_STAMPS) ## all the set-up and nothing else; afterwards .venv/bin/syncline works

run: setup ## the server on http://127.0.0.1:8700 with embedded storage and sample dialogues
	.venv/bin/syncline serve --data $(DATA) --port $(PORT) --config samples/syncline.toml --samples samples/dialogues.json

test: setup ## all tests; PYTEST_ARGS="tests/protocol -k scanner" for some
	.venv/bin/pytest $(PYTEST_ARGS)

check: setup lint types layers test ## lint, types, layers, tidiness and all tests: what CI runs

lint: setup ## formatting and lint alone
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .

types: setup ## mypy --strict alone
	.venv/bin/mypy

layers: setup ## who may import whom
	.venv/bin/lint-imports --no-logo

bench: setup ## Syncline and its peers on the same load; the table lands in benchmarks/results/
	.venv/bin/python -m benchmarks

clean: ## remove everything that set-up and tools made; the store in data/ stays
	rm -rf .venv .uv uv.lock .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	rm -rf $(NODE_FOLDERS:%=%/node_modules)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up --------------------------------------------------------------------------------------------------------

$(PYTHON_STAMP): pyproject.toml $(PYTHON_PACKAGES:%=%/pyproject.toml)
	@if [ -z "$(PYTHON)" ]; then \
		echo "Syncline needs Python 3.11 or newer, and none of python3.11 … python3.14, python3 is one." >&2; \
		echo "Install it, or say where it is: make PYTHON=/path/to/python3.12 setup" >&2; exit 1; fi
	@if [ "$(UV)" = .uv/bin/uv ] && [ "$$(.uv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != $(UV_VERSION) ]; then \
		echo "Installing uv $(UV_VERSION) into .uv/"; \
		rm -rf .uv; \
		"$(PYTHON)" -m venv .uv || { echo "$(PYTHON) cannot make a virtual environment: install its venv module (python3-venv)." >&2; exit 1; }; \
		.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); fi
	$(UV) sync --quiet --all-groups --python "$(PYTHON)"
	@touch $@

# `npm ci` where the versions are locked, else an install that writes no lock: a lock may hold no registry's address.
%/node_modules/.stamp: %/package.json
	@command -v npm >/dev/null && node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { \
		echo "Syncline's tests against stock Yjs clients need Node.js 20 or newer with npm: install it, then run make again." >&2; exit 1; }
	cd $* && if [ -f package-lock.json ]; then npm ci --no-audit --no-fund; else npm install --no-package-lock --no-audit --no-fund; fi
	@touch $@
