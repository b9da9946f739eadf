# Two commands for a newcomer: `make demo` and `make test`. `make help` lists the rest.

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TOOLS  := build/tools
FUZZ   := build/fuzz
ROUNDS ?= 200
FUZZ_SECONDS ?= 300

# The first Python on this machine that is new enough; override with `make PYTHON=…`.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

.DEFAULT_GOAL := help
.PHONY: help install demo test check lint types contracts parts crash fuzz bench messages lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP)  ## the command .venv/bin/helpgate, from the hashed lock file

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Helpgate needs Python 3.11 or newer, and none was found (name one: make PYTHON=/path/to/python)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install  ## the gateway with a mail catcher and a played conversation, nothing to configure
	$(BIN)/helpgate demo

test: install parts  ## every test
	$(BIN)/python -m pytest

check: lint types contracts test  ## all that CI asks

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

contracts: install
	$(BIN)/lint-imports --no-logo --no-cache

parts:
	@tests/install-parts

crash: install  ## kill the daemon ROUNDS times (200) under load, count what was lost
	HELPGATE_CRASH_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest -n0 --timeout=0 -m crash

fuzz: install  ## hostile mails for FUZZ_SECONDS (300); what breaks a reader is kept in build/fuzz/crashes
	@test -d $(FUZZ)/site/atheris || $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes \
		--target $(FUZZ)/site -r tests/fuzz/requirements.lock || echo "atheris cannot be installed for this Python."
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

bench: install  ## measure against the peers; writes docs/performance.md
	$(BIN)/python -m bench

messages: install  ## collect the sentences of the source for the translators
	$(BIN)/pybabel extract --mapping-file pyproject.toml --keywords marked --no-location --sort-output \
		--omit-header --output-file gateway/locale/helpgate.pot .

lock:  ## resolve requirements.lock anew
	@test -x $(TOOLS)/bin/uv || { $(PYTHON) -m venv $(TOOLS) && $(TOOLS)/bin/python -m pip install --quiet uv; }
	$(TOOLS)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --group dev --output-file requirements.lock pyproject.toml
	$(TOOLS)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --output-file tests/fuzz/requirements.lock tests/fuzz/requirements.in
	@! grep -n '://' requirements.lock tests/fuzz/requirements.lock || { echo "A lock file names a host." >&2; exit 1; }

clean:  ## remove what the other commands made, the environment included
	rm -rf $(VENV) build dist artifacts .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
