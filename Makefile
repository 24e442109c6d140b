PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
SUPERSET := .superset

.PHONY: install run dev superset superset-pictures superset-lock test test-library test-all axe faults rehearsal screenshots rooms lock lint clean

install: $(VENV)/.installed

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

# One stamp a set of extras: a later command adds what it needs.
$(VENV)/.installed: pyproject.toml setup.py libraries/dagster-mongodb/pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV) (about a minute) ..."
	@$(PIP) install --editable libraries/dagster-mongodb --editable '.[local]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "Installing what the tests need ..."
	@$(PIP) install --editable 'libraries/dagster-mongodb[test]' --editable '.[local,test]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the checks need ..."
	@$(PIP) install --editable 'libraries/dagster-mongodb[test]' --editable '.[local,dev]'
	@touch $@

run: install
	@$(BIN)/airquality run

dev: install
	@$(BIN)/airquality dev

# Superset needs an environment of its own, with other versions of what the platform uses.
$(SUPERSET)/.installed: deploy/superset/requirements.lock
	@echo "Installing Superset into $(SUPERSET) (some minutes, 0.9 GB) ..."
	@$(PYTHON) -m venv $(SUPERSET)
	@$(SUPERSET)/bin/python -m pip --disable-pip-version-check --quiet --quiet install --require-hashes --requirement $<
	@touch $@

# Charts of the open-data files in Superset, on this machine: docs/bi.md.
superset: $(SUPERSET)/.installed
	@exec $(SUPERSET)/bin/python deploy/superset/serve.py

test: $(VENV)/.installed-test
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

# The tests of dagster-mongodb, which is a distribution of its own.
test-library: $(VENV)/.installed-test
	@cd libraries/dagster-mongodb && $(abspath $(BIN))/python -m pytest --numprocesses 2 --dist loadgroup

# And what kills, fills, waits and deploys, one after the other; some of it needs root on Debian. CI does it each night
# and before a release.
test-all: test test-library
	@$(BIN)/python -m pytest -m long
	@cd libraries/dagster-mongodb && $(abspath $(BIN))/python -m pytest -m long

# What the accessibility test of the dashboard needs; without it, that test is skipped.
axe: $(VENV)/bin/python
	@npm install --silent --no-save --no-package-lock --prefix $(VENV)/npm axe-core

# The pictures of README and docs; needs Chromium.
screenshots: $(VENV)/.installed-test
	@$(BIN)/python -m docs.screenshots

# The pictures of docs/bi.md; needs Chromium.
superset-pictures: $(VENV)/.installed-test $(SUPERSET)/.installed
	@$(BIN)/python -m docs.superset_pictures

# The picture of the rooms and their imports, docs/images/rooms.svg.
rooms: $(VENV)/.installed-dev
	@$(BIN)/python -m docs.rooms

# All injected faults, and their table in docs/reliability.md.
faults: $(VENV)/.installed-test
	@FAULTS_PAGE=docs/reliability.md $(BIN)/python -m pytest airquality_dagster_tests/faults -m ''

# Deploy, kill, deploy what is broken, roll back, on this machine: docs/rehearsal.md. Needs root and Debian's postgresql,
# supervisor and nginx-light.
rehearsal: $(VENV)/.installed-test
	@REHEARSAL_PAGE=docs/rehearsal.md $(BIN)/python -m pytest airquality_dagster_tests/deploy/test_rehearsal.py -m long

# What a deployment installs, to the hash.
lock: $(VENV)/.installed-dev
	@$(BIN)/uv pip compile pyproject.toml --extra postgres --extra kubernetes --python-version 3.11 --universal --generate-hashes \
	  --no-emit-package dagster-mongodb --no-strip-extras --upgrade --quiet --custom-compile-command 'make lock' --output-file deploy/requirements.lock

superset-lock: $(VENV)/.installed-dev
	@cd deploy/superset && $(abspath $(BIN))/uv pip compile requirements.in --python-version 3.11 --universal --generate-hashes \
	  --upgrade --quiet --custom-compile-command 'make superset-lock' --output-file requirements.lock

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports
	@cd deploy/ansible && PATH="$(abspath $(BIN)):$$PATH" ansible-lint --offline -qq
	@$(BIN)/hadolint deploy/docker/Dockerfile

clean:
	rm -rf $(VENV) $(SUPERSET) build dist *.egg-info
