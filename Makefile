# `make demo` and `make test` do all the set-up themselves: they need Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench conformance conformance-check coverage matrix clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 20

demo: $(VENV)/.demo  ## serialize real data in every format, check it, show the table and a chart
	$(BIN)/pydantic-serialization demo

test: $(VENV)/.dev  ## run all tests, with coverage
	sh tools/install-test-services.sh
	$(BIN)/python -m pytest --cov --cov-report=term

lint: $(VENV)/.dev  ## format check, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright

format: $(VENV)/.dev  ## let ruff format and repair what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## the figures of the documentation, from this machine
	$(BIN)/python benchmarks/pipeline.py
	$(BIN)/python benchmarks/codecs.py
	$(BIN)/python benchmarks/cache.py
	$(BIN)/python benchmarks/envelope.py
	$(BIN)/python benchmarks/profiling_overhead.py
	$(BIN)/python benchmarks/native_json.py

conformance: $(VENV)/.pip  ## pydantic's own tests with install(), every instance that they make compared both ways
	PYTHONPATH=tools $(BIN)/python -m conformance

conformance-check: $(VENV)/.pip  ## test the test: wrong implementations have to be noticed
	PYTHONPATH=tools $(BIN)/python -m conformance --self-check

coverage: $(VENV)/.pip  ## which share of the models of public packages runs natively
	$(BIN)/python benchmarks/coverage.py

matrix: $(VENV)/.pip  ## the tests on every supported pydantic and every Python of this machine
	$(BIN)/python tools/matrix.py

clean:  ## remove everything that is made here
	rm -rf $(VENV) .venv-conformance build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.pip:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; say which: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

$(VENV)/.demo: $(VENV)/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet --editable . --group demo
	touch $@

$(VENV)/.dev: $(VENV)/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@
