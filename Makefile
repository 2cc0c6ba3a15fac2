# make demo: the main job on a fresh machine.  make test: the tests.  Both set up what they need.
PYTHON ?= python3.11
VENV   ?= .venv
DATA   ?= demo_data
OUT    ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test lint types format smoke bench setup

setup: $(READY)

$(READY): requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: $(READY)
	$(BIN)/python main.py --device_target CPU --cfg configs/demo/prediff_synthetic.yaml --mode train --out $(OUT)
	$(BIN)/python main.py --device_target CPU --mode test --out $(OUT)

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

smoke: $(READY)
	$(BIN)/python -m pytest tests/smoke

bench: $(READY)
	$(BIN)/python -m tests.bench
