# Needs python3.11 or newer and make. Each target sets up the environment it uses, once.
#   make demo    parse a few photos, no torch, and print where the pages are
#   make test    the fast tests, with a line for each test that was skipped
#   make check   format, lint, types, layers, words, docs
#   make wheel   build dist/*.whl and check what is in it
# PYTHON=path/to/python chooses the interpreter; VENV_BIN=path/to/bin takes your own environment.

DEV := $(if $(VENV_BIN),$(VENV_BIN),.venv/bin)
DEV_READY := $(if $(VENV_BIN),,.venv/.ready)
DEMO := $(if $(VENV_BIN),$(VENV_BIN),.venv-demo/bin)
DEMO_READY := $(if $(VENV_BIN),,.venv-demo/.ready)
SETUP := tools/make_venv.sh tools/find_python.sh pyproject.toml

.PHONY: help demo test check wheel clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(DEMO_READY)
	$(DEMO)/peopleparse demo --out demo

test: $(DEV_READY)
	OMP_NUM_THREADS=1 $(DEV)/python -m pytest -q -ra -m "not slow" \
		--numprocesses auto --maxprocesses 4 --dist loadfile

check: $(DEV_READY)
	$(DEV)/ruff format --check .
	$(DEV)/ruff check .
	$(DEV)/mypy
	$(DEV)/python -m pytest -q -ra tests/meta

wheel: .venv-wheel/.ready
	rm -rf dist
	.venv-wheel/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	.venv-wheel/bin/python tools/check_wheel.py dist

clean:
	rm -rf .venv .venv-demo .venv-wheel demo dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The stamp is written last: an install that was cut off is done again.
.venv/.ready: $(SETUP)
	sh tools/make_venv.sh .venv '.[train,server,openvino,scale,dev]'

.venv-demo/.ready: $(SETUP)
	sh tools/make_venv.sh .venv-demo '.[demo]'

.venv-wheel/.ready: tools/make_venv.sh tools/find_python.sh
	sh tools/make_venv.sh .venv-wheel
