# make demo    install the core, segment the clip in the package
# make studio  install the core and the extra studio, open the clip in the browser
# make test    install everything for development, run the tests
# make check   what .ci/run checks: format, lint, types, import contracts, tests
# make docs    the documentation site, in docs/_build: open docs/_build/index.html
# make bench   the benchmarks (minutes; they need the data that CONTRIBUTING.md names)

TORCH = torch==2.13.0
# PyTorch's CPU builds: hundreds of MB instead of the several GB of the CUDA build that PyPI has.
# Empty: only the indexes pip is configured with. With a CUDA GPU: make TORCH_INDEX= demo
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check
PYTEST_ARGS ?=
# As many processes as there are cores, up to four: each shares them out and takes 1 GB of memory.
PYTEST = $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal $(PYTEST_ARGS)
BENCHMARKS ?= $(wildcard benchmarks/segment.py benchmarks/eval.py)

WORKS = import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c '$(WORKS)' >/dev/null 2>&1 && echo $$python && break; done)

.PHONY: demo studio test check format docs bench clean

demo: $(VENV)/core.stamp
	$(BIN)/propago demo

studio: $(VENV)/studio.stamp
	$(BIN)/propago studio src/propago/demo_clip/clip.mp4 --out runs/studio/demo

test: $(VENV)/full.stamp
	$(PYTEST)

check: $(VENV)/full.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(MAKE) docs
	$(PYTEST)

format: $(VENV)/full.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/full.stamp
	$(BIN)/python -m sphinx -q -W --keep-going -c docs . docs/_build

bench: $(VENV)/full.stamp
	@for file in $(BENCHMARKS); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV)

$(VENV)/core.stamp: $(VENV)/torch.stamp pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e .
	@touch $@

$(VENV)/studio.stamp: $(VENV)/torch.stamp pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e '.[studio]'
	@touch $@ $(VENV)/core.stamp

$(VENV)/full.stamp: $(VENV)/torch.stamp pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e '.[cluster,dev,docs,fast,onnx,studio,train]'
	@touch $@ $(VENV)/core.stamp $(VENV)/studio.stamp

# --no-deps: only torch itself is looked for on the extra index, so that one that cannot be
# reached costs one attempt; what torch needs comes with the project.
$(VENV)/torch.stamp: $(BIN)/python
	$(PIP) --no-deps $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX) --retries 0 --timeout 15) $(TORCH)
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "propago needs Python 3.11 to 3.14 with venv, and found none."; \
	echo "  Debian, Ubuntu: sudo apt install python3 python3-venv"; \
	echo "  macOS:          brew install python@3.13"; \
	echo "  elsewhere:      https://www.python.org/downloads/"; \
	echo "then run make again, or name one: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
