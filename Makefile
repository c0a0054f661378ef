# Two commands are enough: `make demo` rings the receptionist, `make test` proves it. `make help` lists the rest.
# Needs Python 3.11 or newer, git and make; no root. Everything else is installed into .venv from the lock files.

PYTHON ?= python3
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py

# What is compiled once shall not be compiled again by each of the processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo run call test proof faults lint format audio lock clean announce data

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

setup: .venv/.installed-dev data ## .venv with everything, .env, database, demo business (quick when done before)

demo: announce .venv/.installed .env ## hear a whole call answered, with the caller, Twilio and the model played by emulators
	@$(MANAGE) demo

announce:
	@echo "The agent in this demonstration is scripted. It can be heard within two minutes, installation included."

run: .venv/.installed data ## serve until stopped, with emulators for what has no key yet
	@$(MANAGE) runserver

call: .venv/.installed ## place a call to the server that `make run` started
	@$(MANAGE) simulate_call --url $(ARGS)

# What is timed over real sockets mostly waits: several of these share the machine, but not with what computes. Whole
# calls go without Python's development mode, which costs them a third more of the processors.
SOCKETS := tests/relay tests/emulators
CALLS := tests/journeys tests/lab
# `.ci/run` sets it to --reruns 1: on a machine that others use too, what fails is tried once more, and told as RERUN.
AGAIN ?=
test: .venv/.installed-dev ## the test suite; ends with what it leaves to `make proof`
ifdef ARGS
	@PYTHONDEVMODE=1 $(BIN)/python -m pytest $(ARGS)
else
	@$(BIN)/python -m pytest -n 3 $(AGAIN) $(SOCKETS:%=--ignore=%) $(CALLS:%=--ignore=%)
	@PYTHONDEVMODE=1 $(BIN)/python -m pytest -n 4 $(AGAIN) $(SOCKETS)
	@$(BIN)/python -m pytest -n 8 $(AGAIN) $(CALLS)
	@printf '\nLeft to make proof (Chromium, PostgreSQL, long time), all or part of:\n'
	@grep -rl --include='test_*.py' mark.proof tests | sort | sed 's/^/  /'
endif

# These measure times or memory, end servers, or have lanes of their own: they have the machine to themselves. The
# others mostly wait.
ALONE := tests/collection tests/journeys tests/proof tests/lab
proof: .venv/.installed-dev ## what needs Chromium, PostgreSQL or long time; a missing part is a failure
ifdef ARGS
	@$(BIN)/python -m pytest -m proof -p tests.proof.strict $(ARGS)
else
	@$(BIN)/python -m pytest -m proof -p tests.proof.strict -n 3 $(AGAIN) $(ALONE:%=--ignore=%)
	@$(BIN)/python -m pytest -m proof -p tests.proof.strict $(AGAIN) $(ALONE)
endif

faults: .venv/.installed-dev ## play every fault against a real server and write docs/reliability.md
	@$(MANAGE) fault_lab --write docs/reliability.md $(ARGS)

lint: .venv/.installed-dev ## format, lint and types, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.installed-dev ## put the layout of the code right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

audio: ## render the spoken lines again (needs flite and sox)
	sh calls/emulators/audio/render.sh

# uv, in a throw-away environment: one lock for every platform and every Python from 3.11 on.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line
lock: .venv/.python ## write the lock files again; ARGS=--upgrade for newer versions
	@set -e; tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	$(PYTHON) -m venv "$$tools"; "$$tools/bin/pip" install --quiet uv; \
	"$$tools/bin/"$(COMPILE) $(ARGS) requirements.txt -o requirements.lock; \
	"$$tools/bin/"$(COMPILE) $(ARGS) requirements-dev.txt -c requirements.lock -o requirements-dev.lock

clean: ## remove what was installed and generated; keeps .env, .secret_key and the database
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov test-results staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

# Python compiles what it imports when it first does; compiling all of it here would take longer than all the rest.
# The stamps are older than their lock file exactly when something is to be installed.
.venv/.installed: requirements.lock | .venv/.python
	@echo "Installing requirements.lock into .venv ..."
	@$(BIN)/pip install -qq --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	@touch $@

.venv/.installed-dev: requirements-dev.lock | .venv/.python
	@echo "Installing requirements-dev.lock into .venv ..."
	@$(BIN)/pip install -qq --disable-pip-version-check --no-compile --require-hashes -r requirements-dev.lock
	@touch $@ .venv/.installed

.env:
	@cp .env.example .env

data: .env
	@$(MANAGE) migrate --verbosity 0 --skip-checks
	@$(MANAGE) load_demo
