# The whole of daily life: `make run` serves, `make test` proves. Both start from nothing but Python 3.11+.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint format generate prove bench simulate natlab clean

run: $(VENV)/.installed
	$(BIN)/alarmd serve

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(PYTEST_OPTIONS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python protocol/generate.py --check
	$(BIN)/python docs/diagrams.py --check

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: $(VENV)/.installed-dev ## everything that is drawn or written from a table
	$(BIN)/python protocol/generate.py
	$(BIN)/python docs/diagrams.py

prove: $(VENV)/.installed-dev ## the long proofs: kill -9 loops, 10 minutes of fuzzing, many hypothesis examples
	$(BIN)/python -m pip install --quiet --editable '.[dev,fuzz]'
	ALARMD_PROVE=1 ALARMD_SEEDS=2000 $(BIN)/python -m pytest -m "prove or not prove" -p no:cacheprovider
	$(BIN)/python tests/fuzz/run.py --seconds 600

simulate: $(VENV)/.installed-dev ## whole runs of a pair of servers, their devices and a bad network: SEEDS of them, from START on
	$(BIN)/python -m tests.simulation.runs $(or $(SEEDS),10000) $(or $(START),0)

natlab: $(VENV)/.installed-dev ## a shell in two homes behind NATs of the types NAT1, NAT2, CARRIER1 …; as root
	@NAT1=$(NAT1) NAT2=$(NAT2) NAT3=$(NAT3) CARRIER1=$(CARRIER1) CARRIER2=$(CARRIER2) \
	  SHARED_CARRIER=$(SHARED_CARRIER) IPV6=$(IPV6) $(BIN)/python -m tests.natlab.shell

bench: $(VENV)/.installed-dev
	$(BIN)/python bench/run.py

clean:
	rm -rf $(VENV) build dist *.egg-info bench/build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "alarmd needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "This Python cannot make virtual environments. On Debian: apt install python3-venv"; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@
