# `make serve` to use it, `make test` to check it. Each makes what it needs first, in .venv.
#
#   make serve PORT=9000              another port
#   make serve HOST=0.0.0.0           let others in; read "Safe use" in README.md first
#   make serve-wsgi                   under nginx and gunicorn, for more than one person
#   make test TESTS=tests/test_ink.py some tests only
#   make lint                         what reads the code without running it
#   make clean                        remove .venv and caches

# Not from the environment, where csh and conda set HOST to the machine's name: only `make HOST=...` lets others in.
HOST := 127.0.0.1
PORT := 8000
VENV ?= .venv
TESTS ?=
# The first Python on the path that fits, unless PYTHON= says which.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11 python3.10; do \
	"$$each" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo "$$each" && break; done)
BIN = $(abspath $(VENV))/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: serve serve-wsgi test lint lock clean

# http.server, when root starts it, runs scripts as `nobody`, who can't reach a Python below a home directory of
# mode 700. There the server is started without the right to switch users, and without all of root's other
# special rights except that of reading; it then runs the script as the user it is itself.
serve: $(VENV)/.serve
	@$(BIN)/python -m compileall -q cgi-bin || echo "Can't keep compiled files: each request takes longer." >&2
	@case "$(HOST)" in 127.*|::1|localhost) echo "MNIST Draw is at http://localhost:$(PORT)/ (Ctrl-C stops it)";; \
	*) echo "MNIST Draw is at http://$(HOST):$(PORT)/ (Ctrl-C stops it)"; \
	   echo "WARNING: whoever reaches this port can read every file in $(CURDIR), and nothing limits" >&2; \
	   echo "the load. http.server is for one's own machine; for others use what is in deploy/." >&2;; esac
	@keep=; if [ "$$(id -u)" = 0 ] && command -v setpriv >/dev/null \
	&& ! setpriv --reuid=nobody --clear-groups env "$(BIN)/python" -c 'import numpy' 2>/dev/null; \
	then keep="setpriv --bounding-set -all,+dac_read_search"; fi; \
	PATH="$(BIN):$$PATH" exec $$keep python -u -W ignore::DeprecationWarning \
	-m http.server --cgi --bind "$(HOST)" "$(PORT)"

# For others: see deploy/serve.py.
serve-wsgi: $(VENV)/.wsgi
	@echo "MNIST Draw is at http://$(HOST):$(PORT)/ (Ctrl-C stops it)"
	@MNIST_BIND="$(HOST):$(PORT)" exec $(BIN)/python deploy/serve.py

test: $(VENV)/.all
	PATH="$(BIN):$$PATH" python -m pytest $(TESTS)

lint: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive cgi-bin deploy

# Versions and hashes for deployments, for all Pythons at once; needs uv (pip install uv).
lock:
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-emit-index-url \
	--upgrade --output-file deploy/requirements.lock deploy/requirements.in

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Files that say what is installed already; they are made last, so that what is interrupted is done again.
$(VENV)/.made:
	@[ -n "$(PYTHON)" ] || { echo "No Python 3.10 to 3.13 found. Say where one is: make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.serve: requirements-serve.txt | $(VENV)/.made
	$(PIP) -r requirements-serve.txt
	@touch $@

$(VENV)/.wsgi: deploy/requirements.lock | $(VENV)/.made
	$(PIP) --require-hashes -r deploy/requirements.lock
	@touch $@

$(VENV)/.all: requirements-dev.txt requirements.txt requirements-serve.txt deploy/requirements.in | $(VENV)/.made
	$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/.serve
