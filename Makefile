# One environment, .venv, made from uv.lock. `make` alone lists what can be made.

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow check format clean

SYNCED := .venv/.synced
# tests wait for disks, servers and clocks as long as they work
WORKERS := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
PYTHONS := .venv/bin/python python3.13 python3.12 python3.11 python3

# nothing outside of this folder may decide which environment is filled, and with which Python
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
unexport VIRTUAL_ENV
# without its bytecode every command reads 1,700 modules anew: a second each time
unexport PYTHONDONTWRITEBYTECODE

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(SYNCED) ## trade the bundled candles; options go into ARGS="..."
	@.venv/bin/hedgerow demo $(ARGS)

test: $(SYNCED) ## run the tests; options of pytest go into ARGS="..."
	@.venv/bin/pytest -q -n $(WORKERS) -m "not slow" $(ARGS)

test-slow: $(SYNCED) ## run the proofs that take longer, those on Ray included
	@"$$(command -v uv || echo .venv/bin/uv)" sync --quiet --frozen --inexact --extra ray
	@.venv/bin/pytest -q -n $(WORKERS) -m slow $(ARGS)

check: $(SYNCED) ## check format, style, types, imports and the schema's pages
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/hedgerow db docs docs/data --check

format: $(SYNCED) ## put the code into its format
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .

clean: ## remove the environment and everything else that was made here
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# --inexact, because uv itself may live in the environment and is not part of the lock
$(SYNCED): pyproject.toml uv.lock
	@set -e; python=; \
	for each in $(PYTHONS); do \
	    if "$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	    then python=$$each; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Hedgerow needs Python 3.11, 3.12 or 3.13: install one, then run make again." >&2; exit 1; \
	fi; \
	if command -v uv >/dev/null; then \
	    uv=uv; [ -x .venv/bin/python ] || uv venv --quiet --python "$$python" .venv; \
	else \
	    uv=.venv/bin/uv; [ -x .venv/bin/pip ] || "$$python" -m venv .venv; \
	    [ -x "$$uv" ] || .venv/bin/pip install --quiet --disable-pip-version-check uv; \
	fi; \
	echo "Filling .venv from uv.lock (1.6 GB, once)"; \
	"$$uv" sync --quiet --frozen --inexact; \
	touch $@
