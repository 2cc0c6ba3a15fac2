# make demo: the main job on a fresh machine.  make quick: what one runs while working.
# make test: all tests.  Each sets up what it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
DATA   ?= demo_data
OUT    := $(or $(OUT),runs/demo-$(shell date +%Y%m%d-%H%M%S))
BIN    := $(VENV)/bin
# two processes, a file of tests in one of them, for its fixtures are made once a process
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile
READY  := $(VENV)/.ready

.PHONY: demo test quick lint types sizes format settings smoke bench kernels hooks setup

setup: $(READY)

$(READY): requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# synthetic rain and a few hundred steps; the README's table takes the full length on real radar
demo: $(READY)
	$(BIN)/python main.py --device_target CPU --cfg configs/demo/prediff.yaml --mode train \
	  --out $(OUT) --set data.name=synthetic --set data.root_dir=$(DATA)/radar \
	  --set training.vae.max_steps=150 --set training.alignment.max_steps=10 \
	  --set training.diffusion.max_steps=60
	$(BIN)/python main.py --device_target CPU --mode test --out $(OUT) \
	  --set evaluation.max_samples=3 --set sampling.steps=5

test: $(READY)
	$(PYTEST)

# every room but no test that takes more than 2 s; those of plain NumPy come first
quick: $(READY)
	$(PYTEST) -x -m "not slow"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# of what git holds or is about to hold, the README's pictures excepted
sizes:
	@git ls-files --stage ':!images' | awk '{print $$2, $$4}' \
	  | git cat-file --batch-check='%(objectsize) %(rest)' \
	  | awk '$$1 > 250000 {print $$2 ": " $$1 " bytes, expected at most 250000"; bad = 1} END {exit bad}'

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# the page of all settings, from their types
settings: $(READY)
	PYTHONPATH=src $(BIN)/python -m mindcast.settings > $(VENV)/settings.md
	mv $(VENV)/settings.md docs/settings.md

smoke: $(READY)
	$(BIN)/python -m pytest tests/smoke

# for instance: make bench ARGS="--only geodiff --torch --json figures.json"
bench: $(READY)
	PYTHONPATH=src $(BIN)/python -m tests.bench $(ARGS)

# the CPU kernels, which otherwise the first command that runs a network builds
kernels: $(READY)
	PYTHONPATH=src $(BIN)/python -m mindcast.kernels

hooks: $(READY)
	$(BIN)/pre-commit install
