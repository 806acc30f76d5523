# imilt: every target but help and clean first makes .venv where it is missing or out of date.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
STAMP := .venv/.stamp

# The interpreter for .venv; empty: the newest suitable one.
PYTHON ?=
# What `make treat` simulates; an empty LEVEL is the command's own default.
PLAN ?= plans/pancreas-imilt.toml
SEED ?= 1
LEVEL ?=
# `make test ARGS="-k dose"`
ARGS ?=
# `make lock UPGRADE=1` takes the newest versions.
UPGRADE ?=

# `make cohort`: how many patients, and which ways to treat them.
PATIENTS ?= 1000
ARMS ?= 0,1,2,3

# Else pyright asks the package index for a newer self.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help setup treat test coverage lint format bench reaction conformance safe-exit hil board-figures fuzz after-heat firmware-size tune cohort plant-bank physics bench-tissue docs its90 near-field lock clean look-again

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make or refresh .venv (PYTHON=python3.12 picks the interpreter)
	@:

# A PYTHON given on the command line may ask for another interpreter than .venv has: look again.
$(STAMP): pyproject.toml requirements.lock typings.lock tools/bootstrap.py $(if $(findstring command,$(origin PYTHON)),look-again)
	@command -v $(or $(PYTHON),python3) >/dev/null || \
	  { echo "error: $(or $(PYTHON),python3) is not in PATH; imilt needs CPython 3.11 to 3.13" >&2; exit 2; }
	@$(or $(PYTHON),python3) tools/bootstrap.py $(if $(PYTHON),--python $(PYTHON))
	@touch $@

treat: $(STAMP) ## simulate a treatment, watched live (PLAN=… SEED=… LEVEL=…)
	@$(BIN)/imilt simulate $(PLAN) --seed $(SEED) $(if $(LEVEL),--level $(LEVEL))

test: lint ## lint, then all tests (ARGS="-k name")
	@$(BIN)/pytest -n 2 $(ARGS)

coverage: $(STAMP) ## all tests, and which lines they reach; takes half as long again
	@$(BIN)/pytest -n 2 --cov --cov-report=term $(ARGS)

lint: $(STAMP) ## check style and types
	@echo "ruff check";  $(BIN)/ruff check --quiet --output-format=concise .
	@echo "ruff format"; $(BIN)/ruff format --check --quiet .
	@echo "pyright";     $(BIN)/pyright
	@echo "pyright, firmware"; $(BIN)/pyright --project tools/pyright-firmware.json --pythonpath /dev/null

format: $(STAMP) ## put the code into its standard form
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

bench: $(STAMP) ## measure the speed of the simulation
	@$(BIN)/python -m imilt_sim.bench

reaction: $(STAMP) ## measure how long each hazard leaves the light on
	@$(BIN)/python -m imilt_sim.reaction

conformance: $(STAMP) ## one treatment on every level, twice: one trace
	@$(BIN)/python -m imilt_sim.conformance

safe-exit: $(STAMP) ## every way out of the firmware, on the emulated board: how long the light stays
	@$(BIN)/python -m imilt_sim.safe_exit

hil: $(STAMP) ## the firmware on a board on the bench, looped back: docs/levels.md (PORT=/dev/ttyACM0)
	@$(BIN)/python -m imilt_sim.hil $(PORT)

board-figures: $(STAMP) ## measure what the firmware costs on the emulated board, into docs/
	@$(BIN)/python tools/board_figures.py

fuzz: $(STAMP) ## 10 million hostile bytes on the link (SEED=…)
	@$(BIN)/python tools/fuzz.py --seed $(SEED)

after-heat: $(STAMP) ## try the predictor of a guard's rise after a cut
	@$(BIN)/python tools/after_heat.py

firmware-size: $(STAMP) ## compile the firmware and tell its size
	@$(BIN)/python -c "from imilt.firmware import SIZE_MAX_BYTES, firmware_size; print(f'{firmware_size()} of {SIZE_MAX_BYTES} bytes')"

tune: $(STAMP) ## try the feedback law's parameters on the default plan
	@$(BIN)/python -m imilt_sim.tune

cohort: $(STAMP) ## treat 1,000 virtual patients, and 1,000 by each of three baselines; takes two hours (PATIENTS=… ARMS=0,1)
	@$(BIN)/python -m imilt_sim.cohort_study --patients $(PATIENTS) --arms $(ARMS)

plant-bank: $(STAMP) ## write the shapes of the tissue's answer that the firmware knows
	@$(BIN)/python tools/plant_bank.py

physics: $(STAMP) ## hold the tissue against exact solutions and measured cases, into docs/
	@$(BIN)/python tools/physics_page.py

bench-tissue: $(STAMP) .bench/.stamp ## measure the tissue's solvers against others, into docs/; takes ten minutes
	@$(BIN)/python tools/bench_tissue.py

.bench/.stamp: bench.lock $(STAMP)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --upgrade --require-hashes --target .bench -r bench.lock
	@touch $@

docs: $(STAMP) ## write the generated pages of docs/
	@$(BIN)/python tools/fault_table.py
	@$(BIN)/python tools/hardware_page.py

its90: $(STAMP) ## write the thermocouples' tables
	@$(BIN)/python tools/its90_tables.py

near-field: $(STAMP) ## write the light's correction near the fibre, by Monte Carlo transport; takes some minutes
	@$(BIN)/python tools/near_field.py

lock: $(STAMP) ## write the lock files from pyproject.toml (UPGRADE=1 takes the newest versions)
	@tools/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## remove .venv, runs, caches and build products
	@rm -rf .venv .bench runs dist .coverage .coverage.* htmlcov .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
