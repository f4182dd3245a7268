.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export RECSYS_OPS_DATA ?= $(wildcard $(abspath ../shared/data))

.PHONY: help install demo test check docs pictures bench lock audit clean

help:  ## what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

install: .venv/installed  ## create .venv with the pinned dependencies and the package

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install  ## recourse for a synthetic marketplace, end to end, into the folder out/demo
	$(BIN)/recsys-ops nightly --data synthetic --out out/demo --workers 2
	$(BIN)/recsys-ops report --out out/demo --all

check: install  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check  ## the whole test suite, after check
	$(BIN)/pytest --numprocesses 2 --dist loadgroup

docs: install  ## write into docs/ what its pages repeat from the code
	$(BIN)/python docs/generate.py

CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

pictures: demo  ## the README's picture: a seller's card of the demo, by a headless Chromium
	@test -n "$(CHROMIUM)" || { echo "make pictures: no Chromium here; install one, or name it: CHROMIUM=/path" >&2; exit 2; }
	$(CHROMIUM) --headless --no-sandbox --hide-scrollbars --window-size=900,760 \
		--screenshot=$(CURDIR)/docs/pictures/card.png \
		"file://$$(ls -t $(CURDIR)/out/demo/pages/*/sellers/*.html | tail -1)"

bench: install  ## the measured comparisons of the acceptance lists (minutes)
	$(BIN)/pytest -m benchmark -s

UV := .venv/tools/bin/uv
IMAGE := cluster/image

.venv/tools/bin/%: .venv/installed
	$(PYTHON) -m venv .venv/tools
	.venv/tools/bin/pip install --quiet uv==0.13.9 pip-audit==2.10.1

lock: $(UV)  ## the image's packages with their hashes, from constraints.txt, into cluster/image
	$(UV) pip compile pyproject.toml --extra aws --extra delta --constraint constraints.txt --quiet --generate-hashes \
		--python-version 3.11 --python-platform x86_64-manylinux_2_28 --no-annotate --no-header \
		--output-file $(IMAGE)/all.lock
	$(PYTHON) $(IMAGE)/split_lock.py $(IMAGE)/all.lock $(IMAGE)/requirements.lock $(IMAGE)/torch.cuda.lock
	rm $(IMAGE)/all.lock

audit: .venv/tools/bin/pip-audit  ## known vulnerabilities of the image's packages (asks the network)
	$< --strict --require-hashes --disable-pip -r $(IMAGE)/requirements.lock -r $(IMAGE)/torch.cuda.lock

clean:  ## remove what the targets made
	rm -rf .venv out .pytest_cache .mypy_cache .ruff_cache
