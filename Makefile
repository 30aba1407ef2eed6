# `make serve` to use it, `make test` to check it. Each makes what it needs first, in .venv.
#
#   make serve PORT=9000              another port
#   make serve HOST=0.0.0.0           let others in; read docs/deployment.md first
#   make serve OPEN=1                 and open the browser
#   make serve VENV=~/.cache/draw     another place for the packages
#   make serve-wsgi                   under nginx and gunicorn, for more than one person
#   make serve-ray                    under nginx and Ray Serve, which other machines can join: docs/scale.md
#   make test TESTS=tests/test_preprocessing.py some tests only
#   make retest                       the tests that failed the last time, again
#   make test-ray                     the tests that need Ray, which it installs (Python 3.10 to 3.13)
#   make coverage                     which branches of serving and reading no test takes: out/coverage/index.html
#   make mutants                      how many small changes to serving and reading the tests notice (hours)
#   make lint                         what reads the code without running it (the page's needs Node.js)
#   make clean                        remove .venv and caches

# Not from the environment, where csh and conda set HOST to the machine's name: only `make HOST=...` lets others in.
HOST := 127.0.0.1
PORT := 8000
VENV ?= .venv
TESTS ?=
OPEN ?=
# The first Python on the path that is new enough, unless PYTHON= says which.
PYTHON ?= $(shell for each in python3 python3.15 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo "$$each" && break; done)
# Paths stay relative, as the project's own may have spaces; those of VENV are escaped where it names a target.
empty :=
override VENV := $(patsubst ~/%,$(HOME)/%,$(VENV))
MADE := $(subst $(empty) ,\ ,$(VENV))
BIN = $(VENV)/bin
PIP = "$(BIN)/python" -m pip install --quiet --disable-pip-version-check

# With Node's own programs of the environment, if somebody has put them there, before those of the machine.
NPM := $(shell PATH="$(BIN):$$PATH"; command -v npm)

.PHONY: serve serve-wsgi serve-ray test retest test-ray coverage mutants lint lint-python lint-js lock clean

serve: $(MADE)/.serve
	@exec "$(BIN)/python" deploy/start.py --bind "$(HOST)" "$(PORT)" $(if $(filter-out 0,$(OPEN)),--open)

# For others: see deploy/serve.py.
serve-wsgi: $(MADE)/.wsgi
	@echo "MNIST Draw is at http://$(HOST):$(PORT)/ (Ctrl-C stops it)"
	@MNIST_BIND="$(HOST):$(PORT)" exec "$(BIN)/python" deploy/serve.py

serve-ray: $(MADE)/.ray
	@echo "MNIST Draw will be at http://$(HOST):$(PORT)/ in some seconds (Ctrl-C stops it)"
	@MNIST_BIND="$(HOST):$(PORT)" MNIST_BEHIND=ray exec "$(BIN)/python" deploy/serve.py

# A file's tests stay in one process, as they share servers and what was trained for them.
SIDE_BY_SIDE = -n auto --maxprocesses 4 --dist loadfile

test: $(MADE)/.all
	PATH="$$(cd "$(BIN)" && pwd):$$PATH" python -m pytest $(SIDE_BY_SIDE) $(TESTS)

# On a busy machine a test with real processes and time limits can fail by chance: alone it fails again only for a reason.
retest: TESTS = --last-failed --last-failed-no-failures none
retest: test

test-ray: $(MADE)/.all $(MADE)/.ray
	PATH="$$(cd "$(BIN)" && pwd):$$PATH" python -m pytest -m ray $(TESTS)

# The tests that go through serving and reading; those of the page and of training take long and add nothing.
COVERING = $(addprefix tests/test_,requests.py request_trouble.py resident.py preprocessing.py costs.py classifier.py \
	convnet.py explain.py predict.py hostile.py library.py packages.py origin.py start.py forms.py \
	numbers.py cuts.py ruled.py frames.py specks.py inspection.py classical_at_work.py recorded.py \
	serving_alone.py reader_alone.py client_alone.py starter_alone.py limits_alone.py html_answers.py \
	request_bounds.py recorded_numbers.py recorded_cuts.py number_lattice.py number_paths.py number_pieces.py \
	number_read.py number_rows.py number_writing.py verifier.py)

# Measuring makes all slower: a test that waits for a promise in seconds may fail here, and counts only in `make test`.
coverage: $(MADE)/.all
	-PATH="$$(cd "$(BIN)" && pwd):$$PATH" python -m pytest $(SIDE_BY_SIDE) --cov --cov-report= $(COVERING)
	"$(BIN)/python" -m coverage html --quiet
	"$(BIN)/python" -m coverage report --show-missing --skip-covered

# Another sample: make mutants MUTANTS="--number 300 --seed 7"
mutants: $(MADE)/.all
	$(PIP) cosmic-ray==8.7.0
	nice "$(BIN)/python" benchmarks/mutants.py $(MUTANTS)

lint: lint-python lint-js

lint-python: $(MADE)/.all
	"$(BIN)/python" -m ruff check .
	"$(BIN)/python" -m ruff format --check .
	"$(BIN)/python" -m mypy
	"$(BIN)/python" -m bandit --quiet --recursive cgi-bin deploy

ifneq ($(NPM),)
lint-js: node_modules/.made
	PATH="$(BIN):$$PATH" npm run --silent types
	PATH="$(BIN):$$PATH" npm run --silent lint
else ifeq ($(CI),true)
lint-js:
	@echo "There is no npm, so the page's JavaScript can't be checked. Install Node.js." >&2; exit 1
else
lint-js:
	@echo "There is no npm, so the page's JavaScript was not checked. Nothing else needs Node.js."
endif

# Versions and hashes for deployments, for all Pythons at once; needs uv (pip install uv).
lock:
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-emit-index-url \
	--upgrade --output-file deploy/requirements.lock deploy/requirements.in

clean:
	rm -rf "$(VENV)" node_modules .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Files that say what is installed already; they are made last, so that what is interrupted is done again.
$(MADE)/.made:
	@[ -n "$(PYTHON)" ] || { echo "No Python 3.10 or newer found. Say where one is: make PYTHON=..." >&2; exit 1; }
	@mkdir -p "$(VENV)" 2>/dev/null && [ -w "$(VENV)" ] || { \
	echo "$(VENV) can't be written. Say where the packages may be: make $(MAKECMDGOALS) VENV=~/.cache/mnist-draw" >&2; \
	exit 1; }
	@"$(PYTHON)" -m venv "$(VENV)" || { echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch "$@"

$(MADE)/.serve: requirements-serve.txt deploy/requirements.in | $(MADE)/.made
	@echo "Installing what is needed into $(VENV)"
	@"$(BIN)/python" deploy/install.py serve
	@touch "$@"

$(MADE)/.wsgi: deploy/requirements.lock | $(MADE)/.made
	$(PIP) --require-hashes -r deploy/requirements.lock
	@touch "$@"

$(MADE)/.all: requirements-dev.txt requirements.txt requirements-serve.txt deploy/requirements.in | $(MADE)/.made
	@"$(BIN)/python" deploy/install.py all
	@touch "$@" "$(VENV)/.serve"

$(MADE)/.ray: requirements-ray.txt requirements.txt requirements-serve.txt deploy/requirements.in | $(MADE)/.made
	@echo "Installing Ray and what it needs into $(VENV)"
	$(PIP) -r requirements-ray.txt
	@touch "$@"

node_modules/.made: package.json package-lock.json
	PATH="$(BIN):$$PATH" npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
