# One command a person: make book, make test, make serve. Everything else is for contributors.
# Nothing is needed but Python 3.11 or newer, make, and the network for the first installation.

PYTHON ?= python3
RUN ?= default
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
SITE := _build/html

# One thread a process: the chain runs processes in parallel, and more threads than cores cost
# up to 30 times (measured).
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
# No look-up leaves the machine because a library is imported.
export LITELLM_LOCAL_MODEL_COST_MAP := True
export LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS := True
export PYTHONNOUSERSITE := 1

.PHONY: help try book fast test slow check serve install lock dag clean

help:
	@echo "make try     install, and have a first look at one model: make try MODEL=ollama_chat/llama3.2"
	@echo "make book    install, run the study, render the website"
	@echo "make fast    the same from a small study, in a few minutes, to try things on"
	@echo "make serve   open the rendered book on http://localhost:$(PORT)"
	@echo "make test    the fast tests      make slow   the others (minutes, a browser)"
	@echo "make check   ruff and mypy       make lock   renew the lock files"
	@echo "make clean   remove what was rendered (answers in data/runs stay)"

book: install
	@$(BIN)/python -m revealed.cli book --run $(RUN) --cores $(JOBS)

fast: install
	@$(BIN)/python -m revealed.cli book --fast --cores $(JOBS)

try: install
	@test -n "$(MODEL)" || { echo "Which one? make try MODEL=ollama_chat/llama3.2" >&2; exit 1; }
	@$(BIN)/revealed try $(MODEL)

test: install
	$(BIN)/python -m pytest -n 2 --dist worksteal

slow: install
	$(BIN)/python -m pytest -m "slow or browser" -n 2 --dist loadfile

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

serve:
	@test -f $(SITE)/index.html || { echo "No book yet: make book first." >&2; exit 1; }
	@$(BIN)/python -c "import socket; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', $(PORT)))" \
	  2>/dev/null || { echo "Port $(PORT) is taken: make serve PORT=8010" >&2; exit 1; }
	@echo "http://localhost:$(PORT) (Ctrl-C ends it)"
	@$(BIN)/python -c "import threading, webbrowser; threading.Timer(1, webbrowser.open, ['http://localhost:$(PORT)']).start()" || true
	@$(BIN)/python -m http.server --directory $(SITE) --bind 127.0.0.1 $(PORT)

dag: install
	@$(BIN)/python -m snakemake --snakefile workflow/Snakefile --dag --forceall --nolock --quiet all

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock requirements/bootstrap.lock pyproject.toml workflow/install
	PYTHON=$(PYTHON) VENV=$(VENV) bash workflow/install
	@touch $@

lock:
	uv pip compile --universal --generate-hashes --python-version 3.11.7 --group dev --extra fast \
	  pyproject.toml -o requirements.lock -q
	echo uv | uv pip compile --universal --generate-hashes --python-version 3.11.7 \
	  - -o requirements/bootstrap.lock -q
	printf 'safetensors>=0.6\ntransformers>=4.57\n' | uv pip compile --universal --generate-hashes \
	  --python-version 3.11.7 -c requirements.lock - -o requirements/probe.lock -q
	printf 'accelerate>=1.0\npeft>=0.17\npsutil>=5.9\n' | uv pip compile --universal --generate-hashes \
	  --no-deps --python-version 3.11.7 -c requirements.lock -c requirements/probe.lock - \
	  -o requirements/tune.lock -q
	for cuda in 12 13; do \
	  echo "cupy-cuda$${cuda}x[ctk]>=14.2" | uv pip compile --universal --generate-hashes \
	    --python-version 3.11.7 -c requirements.lock - -o requirements/gpu$$cuda.lock -q; done

clean:
	rm -rf _build .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis
