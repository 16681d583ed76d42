# Everything a newcomer needs: `make run` and `make test`. Each sets up its own environment in .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test trust bench lint clean
run: .venv/ready
	@$(BIN)/frontdoor run

test: .venv/ready-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

trust: .venv/ready-dev
	TRUST=1 $(BIN)/python -m pytest -m trust

bench: .venv/ready-bench
	$(BIN)/python benchmarks/run.py

lint: .venv/ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/frontdoor check

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Frontdoor needs Python 3.11 or newer, this is $$($(PYTHON) --version). Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 2; }

.venv/ready: requirements.lock pyproject.toml .venv/bin/python
	@echo "Setting up .venv (a minute, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

.venv/ready-bench: .venv/ready-dev benchmarks/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@
