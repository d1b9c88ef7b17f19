# Everything a developer or a first visitor types. `make help` lists it.
# A machine needs Python 3.11 or newer and make; the rest is brought into .venv and build/.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
EDITABLE := -e . $(PLUGINS:%=-e ./%)
PROJECTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml)
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
RECORD := build/evidence/tests.json

# uv as it is found, or one of our own that pip brings.
UV ?= $(or $(shell command -v uv 2>/dev/null),build/uv/bin/uv)
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
export UV_COMPILE_BYTECODE := 1
INSTALL = $(TRUST) $(UV) pip install --python $(BIN)/python

# Where pip is told to look, uv looks too, and whom pip or the machine trusts, uv trusts: it reads neither by itself.
TOLD = $(shell $(PYTHON) -m pip config get global.$(1) 2>/dev/null)
INDEX = $(or $(PIP_INDEX_URL),$(call TOLD,index-url))
FROM = $(if $(UV_DEFAULT_INDEX),,$(addprefix --default-index ,$(INDEX)))
BUNDLES := /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem
CERTIFICATES = $(or $(PIP_CERT),$(call TOLD,cert),$(firstword $(wildcard $(BUNDLES))))
TRUST = $(if $(SSL_CERT_FILE)$(SSL_CERT_DIR),,$(addprefix SSL_CERT_FILE=,$(CERTIFICATES)))

# An environment remembers the folder it was made in; in another one it is made anew.
ifneq ($(shell cat $(READY) 2>/dev/null || echo '$(CURDIR)'),$(CURDIR))
$(READY): moved
VENV_OPTION := --clear
endif

define CHECK_PYTHON
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "Connect Pulse needs Python 3.11 or newer; $(PYTHON) says: $$($(PYTHON) --version 2>&1 || true)." \
		"Name another one, like: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
endef

.DEFAULT_GOAL := help
.PHONY: help demo test check bench faults lock new-plugin install install-dev moved

help:  ## List these commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

demo: $(READY)  ## Try it: a site with a campaign on its way (CHANNEL=sms; ONCE=1 only runs the campaign; RECIPIENTS=5000)
	@$(BIN)/connectpulse demo $(if $(CHANNEL),--channel $(CHANNEL)) $(if $(filter-out 0,$(ONCE)),--once) \
		$(if $(RECIPIENTS),--recipients $(RECIPIENTS))

# All tests run three at a time, since many wait for servers; some, as ARGS names them, one by one.
JOBS ?= $(if $(ARGS),,3)

# Tests start many processes: what Python compiled for one is kept for the next, whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE :=

test: $(READY_DEV)  ## Run all tests (ARGS="tests/unit -x" for some, JOBS=3 for three at a time)
	@$(if $(ARGS),,rm -f $(RECORD))
	$(BIN)/python -m pytest --pulse-evidence=$(RECORD) $(if $(JOBS),-n $(JOBS) --dist loadscope --no-loadscope-reorder) $(ARGS)

check: $(READY_DEV)  ## Check style, types, floors, spelling and the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python -m pytest -q $(wildcard tests/house/test_docs*.py)

bench: $(READY_DEV)  ## Measure, and print ratios (CHANNEL=email from end to end; ARGS for its options)
	$(BIN)/python -m bench $(if $(CHANNEL),--channel $(CHANNEL)) $(ARGS)

faults: $(READY_DEV)  ## Kill workers and the database under a campaign; nothing may be lost or sent twice (CHANNEL=email)
	$(BIN)/python -m tests.faults $(if $(CHANNEL),--channel $(CHANNEL)) $(ARGS)

new-plugin: $(READY)  ## Write a plugin to fill in: NAME=acme, and INTO=folder for a place outside plugins/
	@$(if $(NAME),,echo 'Name it: make new-plugin NAME=acme' >&2; exit 1;) \
	$(BIN)/connectpulse new-plugin "$(NAME)" $(if $(INTO),--into "$(INTO)")

install: $(READY)  ## Bring in what running needs
install-dev: $(READY_DEV)  ## Bring in what developing needs

$(READY): requirements.lock $(PROJECTS) | $(UV)
	$(CHECK_PYTHON)
	$(UV) venv --quiet $(or $(VENV_OPTION),--allow-existing) --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(INSTALL) $(FROM) --quiet --require-hashes -r requirements.lock
	$(INSTALL) --quiet --no-deps --no-build-isolation $(EDITABLE)
	@printf '%s' '$(CURDIR)' > $@

$(READY_DEV): requirements-dev.lock $(READY)
	$(INSTALL) $(FROM) --quiet --require-hashes -r requirements-dev.lock
	@touch $@

build/uv/bin/uv:
	$(CHECK_PYTHON)
	@$(PYTHON) -m venv build/uv || { \
		echo "$(PYTHON) cannot make an environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	build/uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

# Versions and hashes for every platform; neither a registry's address nor one of this machine.
COMPILE = printf '%s\n' '-e .[s3,valkey]' $(patsubst %,'-e ./%',$(PLUGINS)) \
	| $(TRUST) $(UV) pip compile - $(FROM) --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --group pyproject.toml:build
SEAL = { echo '\# Written by make lock; do not edit.'; grep -v '^-e ' build/locked.txt; }

lock: | $(UV)  ## Take the newest allowed versions into the lock files
	@mkdir -p build
	$(COMPILE) --output-file build/locked.txt
	@$(SEAL) > requirements.lock
	$(COMPILE) --output-file build/locked.txt --group pyproject.toml:dev --constraint requirements.lock
	@$(SEAL) > requirements-dev.lock
