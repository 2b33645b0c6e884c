# `make demo` and `make test` do all the set-up themselves: they need Python 3.11 or newer and make, nothing else.
# Where there is Rust, the native core is built too, and built again when its sources change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE_SOURCES := setup.py native/Cargo.toml native/Cargo.lock $(shell find native/src -name '*.rs')
CORE := src/pydantic_serialization/_native/_core
# What the native core stands under runs once more without it: both backends have to give the same.
BOTH_BACKENDS := tests/contracts tests/properties tests/wire tests/unit/acceleration tests/unit/formats \
	tests/unit/plan tests/unit/test_bare.py tests/unit/test_envelope.py tests/unit/test_native.py tests/unit/test_serializer.py

# One worker for each core; what is left of a slow file goes to whoever is idle.
PARALLEL := --numprocesses auto --dist worksteal

.DEFAULT_GOAL := help

.PHONY: help demo example test test-coverage lint lint-native format bench conformance conformance-check coverage matrix \
	fastapi-versions native fuzz fuzz-native valgrind campaign clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 20

demo: $(VENV)/.demo  ## serialize real data in every format, check it, show the table and a chart
	$(BIN)/pydantic-serialization demo

test: $(VENV)/.dev  ## run all tests; what the native core does, without it once more
	sh tools/install-test-services.sh
	$(BIN)/python -m pytest $(PARALLEL)
	PYDANTIC_SERIALIZATION_NATIVE=off $(BIN)/python -m pytest $(PARALLEL) $(BOTH_BACKENDS)

test-coverage: $(VENV)/.dev  ## the same, with the lines and branches that no test runs; takes twice as long
	sh tools/install-test-services.sh
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=
	PYDANTIC_SERIALIZATION_NATIVE=off $(BIN)/python -m pytest $(PARALLEL) --cov --cov-append --cov-report=term \
		$(BOTH_BACKENDS)

example: $(VENV)/.example  ## a shop with PostgreSQL, Redis and a worker, beside one without the library: table and chart
	sh tools/install-test-services.sh redis-server postgresql
	$(BIN)/python examples/service

lint: $(VENV)/.dev lint-native  ## format check, lint, types, layers; the native core's too, where there is Rust
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright

lint-native: $(VENV)/.dev
	@if command -v cargo >/dev/null; then \
		export PYO3_PYTHON=$(abspath $(BIN))/python; set -ex; cd native; \
		cargo fmt --check; cargo fmt --check --manifest-path fuzz/Cargo.toml; cargo clippy --release --all-targets -- -D warnings; cargo test --release; \
	elif [ "$$PYDANTIC_SERIALIZATION_BUILD_NATIVE" = require ]; then \
		echo "cargo is missing: install Rust (https://rustup.rs)" >&2; exit 1; \
	else \
		echo "there is no cargo here: the native core is not checked"; \
	fi

format: $(VENV)/.dev  ## let ruff format and repair what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## the figures of the documentation, from this machine
	$(BIN)/python benchmarks/native_json.py
	$(BIN)/python benchmarks/native_copy.py
	$(BIN)/python benchmarks/native_msgpack.py
	$(BIN)/python benchmarks/native_pickle.py
	$(BIN)/python benchmarks/bulk.py
	$(BIN)/python benchmarks/pipeline.py
	$(BIN)/python benchmarks/codecs.py
	$(BIN)/python benchmarks/cache.py
	$(BIN)/python benchmarks/validation_cache.py
	$(BIN)/python benchmarks/identity_memo.py
	$(BIN)/python benchmarks/envelope.py
	$(BIN)/python benchmarks/profiling_overhead.py
	$(BIN)/python benchmarks/stack.py
	$(BIN)/python benchmarks/fastapi_routes.py

conformance: $(VENV)/.pip  ## pydantic's own tests with install(), every instance that they make compared both ways
	PYTHONPATH=tools $(BIN)/python -m conformance

conformance-check: $(VENV)/.pip  ## test the test: wrong implementations have to be noticed
	PYTHONPATH=tools $(BIN)/python -m conformance --self-check

coverage: $(VENV)/.pip  ## which share of the models of public packages runs natively
	$(BIN)/python benchmarks/coverage.py

matrix: $(VENV)/.pip  ## the tests on every supported pydantic and every Python of this machine
	$(BIN)/python tools/matrix.py

fastapi-versions: $(VENV)/.dev  ## the tests of the FastAPI integration on several versions of FastAPI
	$(BIN)/python tools/fastapi_versions.py

fuzz: $(VENV)/.dev  ## random classes and documents, both ways, against pydantic: make fuzz SECONDS=600 SEED=7
	PYTHONPATH=tests $(BIN)/python -W ignore -m parity.campaign --seconds $(or $(SECONDS),60) $(addprefix --seed ,$(SEED))
	PYTHONPATH=tests $(BIN)/python -W ignore -m parity.campaign --msgpack --seconds $(or $(SECONDS),60) $(addprefix --seed ,$(SEED))
	PYTHONPATH=tests $(BIN)/python -W ignore -m parity.campaign --self-check --seed $(or $(SEED),1)

campaign: $(VENV)/.dev  ## hostile input, faults and leaks for hours, and a fourth of it by coverage: make campaign HOURS=8 [SEED=7]
	PYTHONPATH=tests $(BIN)/python -W ignore -m hostile --hours $(or $(HOURS),0.1) $(addprefix --seed ,$(SEED))
	if command -v cargo >/dev/null && command -v c++ >/dev/null; then \
		$(BIN)/python tools/fuzz_native.py --hours $(or $(HOURS),0.1) $(addprefix --seed ,$(SEED)); fi

fuzz-native: $(VENV)/.dev  ## the native core by coverage, under AddressSanitizer: make fuzz-native SECONDS=600 [KEEP=--keep]
	$(BIN)/python tools/fuzz_native.py --seconds $(or $(SECONDS),60) $(KEEP)
	$(BIN)/python tools/fuzz_native.py --exercise $(or $(SHARE),0.1)
	$(BIN)/python tools/fuzz_native.py --self-check

valgrind: $(VENV)/.dev  ## a debug build of the core under valgrind, fed with everything that the parity tests have
	PYO3_PYTHON=$(abspath $(BIN))/python cargo build --manifest-path native/Cargo.toml
	rm -rf build/valgrind
	mkdir -p build/valgrind
	cp -r src/pydantic_serialization build/valgrind/
	rm -f build/valgrind/pydantic_serialization/_native/_core.*.so
	install -m 755 native/target/debug/lib_core.so build/valgrind/pydantic_serialization/_native/_core$$($(BIN)/python -c \
		'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
	$(BIN)/python tools/memory_safety.py build/valgrind --self-check
	$(BIN)/python tools/memory_safety.py build/valgrind --share $(or $(SHARE),0.1)

native: $(VENV)/.pip  ## compile the native core and put it in place, without installing anything
	PYO3_PYTHON=$(abspath $(BIN))/python cargo build --release --manifest-path native/Cargo.toml
	install -m 755 $$(ls native/target/release/lib_core.so native/target/release/lib_core.dylib 2>/dev/null) \
		$(CORE)$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')

clean:  ## remove everything that is made here
	rm -rf $(VENV) .venv-conformance build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	rm -rf native/target $(CORE).*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.pip:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; say which: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

$(VENV)/.demo: $(VENV)/.pip pyproject.toml $(CORE_SOURCES)
	$(BIN)/python -m pip install --quiet --editable . --group demo
	touch $@

$(VENV)/.example: $(VENV)/.pip pyproject.toml $(CORE_SOURCES)
	$(BIN)/python -m pip install --quiet --editable . --group example
	touch $@

$(VENV)/.dev: $(VENV)/.pip pyproject.toml $(CORE_SOURCES)
	$(BIN)/python -m pip install --quiet --editable . --group dev
	# arq pins an older redis than all others want; its tests run it on the newer one.
	$(BIN)/python -m pip install --quiet --no-deps 'arq>=0.26'
	touch $@
