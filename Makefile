.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export RECSYS_OPS_DATA ?= $(wildcard $(abspath ../shared/data))

.PHONY: help install demo test check bench clean

help:  ## what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

install: .venv/installed  ## create .venv with the pinned dependencies and the package

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install  ## recourse for a synthetic marketplace, end to end, into the folder out/demo
	$(BIN)/recsys-ops nightly --data synthetic --out out/demo --workers 2

check: install  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check  ## the whole test suite, after check
	$(BIN)/pytest

bench: install  ## the measured comparisons of the acceptance lists (minutes)
	$(BIN)/pytest -m benchmark -s tests/benchmarks

clean:  ## remove what the targets made
	rm -rf .venv out .pytest_cache .mypy_cache .ruff_cache
