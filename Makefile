# cancelflow: `make` lists what there is to do.
# Everything is made in .venv and .local, inside this checkout.

# The first of these that is here, by uv or on the PATH. Without uv, one that lacks ensurepip makes no environment.
VERSIONS ?= 3.14 3.13 3.12 3.11
PYTHON ?= $(shell for version in $(VERSIONS); do \
    uv python find --system --no-python-downloads $$version 2>/dev/null && break; \
    python$$version -c 'import ensurepip' 2>/dev/null && echo python$$version && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
MINUTES ?= 60
# Tests mostly wait: for leases, retries and processes that start.
PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help environment run test test-faults check soak bench eval-replies train-replies lint format types messages lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

environment: $(VENV)/.made  ## Make .venv, with the versions and hashes of requirements.lock

# The product is installed as a link. An environment that is there keeps its Python.
$(VENV)/.made: requirements.lock pyproject.toml | $(VENV)/uv
	@echo "Filling $(VENV) from requirements.lock"
	@$(VENV)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements.lock
	@$(VENV)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# The machine's uv where it has one; otherwise the lock's, which pip installs first.
$(VENV)/uv:
	@python="$(PYTHON)"; echo "Making $(VENV) with $$python"; \
	if command -v uv >/dev/null 2>&1; then \
	    uv venv --quiet --allow-existing --python "$${python:-3.14}" $(VENV) && ln -sf "$$(command -v uv)" $@; \
	else \
	    "$${python:?3.11 to 3.14 is needed: install one, or name it with PYTHON=}" -m venv $(VENV) && \
	    sed -n '/^uv==/,/^    #/p' requirements.lock > $(VENV)/uv.lock && \
	    $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock && \
	    cp $(BIN)/uv $@; \
	fi

run: environment  ## Start everything and cancel a demo subscription for real; with ONCE=1 only that, without a worker
	@$(BIN)/cancelflow run $(if $(ONCE),--once)

test: environment  ## Run every test but the slow ones, in PROCESSES processes, each with a stack of its own
	@$(BIN)/pytest -n $(PROCESSES) --dist loadfile -m "not slow"

test-faults: environment  ## Run the slow tests, the fault matrices above all: every effect killed, every service down
	@$(BIN)/pytest -n $(PROCESSES) --dist loadfile -m slow

check: lint types  ## For everyday work: style, types, units, and one pass of the flow; under 90 seconds
	@$(BIN)/pytest -q tests/test_architecture.py tests/nodes/rules tests/nodes/test_problems.py \
	    tests/nodes/test_settings.py tests/email_templates \
	    tests/acceptance/test_cancel.py::test_an_active_subscription_is_cancelled_at_its_period_end \
	    tests/acceptance/test_cancel.py::test_the_email_has_its_five_parts_and_the_right_date

soak: environment  ## Load, kills and outages by chance, then count what became of each request; MINUTES=60
	@$(BIN)/python -m tests.soak --minutes $(MINUTES)

bench: environment  ## Measure the trigger beside a bare handler: a table, and .local/bench.json; 8 minutes
	@$(BIN)/python -m tests.bench

eval-replies: environment  ## Measure the model that sorts replies on those held out: accuracy, calibration, confusions
	@$(BIN)/python -m tests.replies

train-replies: environment  ## Train it anew, after a change of the labelled replies or the groups of words
	@$(BIN)/python -m tests.replies.training

lint: environment  ## Check style
	@$(BIN)/ruff check && $(BIN)/ruff format --check

format: environment  ## Mend style
	@$(BIN)/ruff check --fix && $(BIN)/ruff format

types: environment  ## Check types
	@$(BIN)/mypy

messages: environment  ## Bring the translations' catalogues up to date with the texts in code and templates
	@mkdir -p .local
	@$(BIN)/pybabel -q extract -F pyproject.toml -k translatable --add-location=file --sort-by-file \
	    --project=cancelflow -o .local/messages.pot .
	@$(BIN)/pybabel -q update -D cancelflow -d email_templates/locales -i .local/messages.pot --width 100 \
	    --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

lock: environment  ## Write requirements.lock anew from pyproject.toml, with today's versions
	@$(VENV)/uv pip compile --quiet --universal --generate-hashes --all-extras --no-emit-index-url --no-header \
	    --upgrade --output-file requirements.lock pyproject.toml

clean:  ## Remove the environment and all local data
	rm -rf .venv* .local .mypy_cache .ruff_cache .pytest_cache .hypothesis
