# `make run` does the main job, `make test` tests everything; each sets up what it needs. `make help` lists the rest.

PYTHON ?=
ARGS ?=
BIN := .venv/bin
# four for two processors: tests that wait for a server leave room for those that compute
PYTEST := $(BIN)/pytest -n 4 --dist loadgroup --no-loadscope-reorder

# kept whatever the environment says: each of hundreds of processes would compile the project anew, and so would each
# workflow in its sandbox
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run up setup test check soak bench lint types imports unit format docs lock upgrade clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | while IFS='	' read -r name does; do \
		printf '  make %-10s %s\n' "$$name" "$$does"; done

run: environment-run ## the main job: bring 200 parties in, run them to rest, print the result (ARGS="--sellers 50")
	@$(BIN)/fastbrand demo $(ARGS)

up: environment-run ## keep the Temporal server and a worker running until Ctrl-C
	@$(BIN)/fastbrand up $(ARGS)

setup: environment-test ## the environment with everything for working on it

test: environment-test lint types imports server ## everything, as CI does (about twenty minutes)
	@$(PYTEST) $(ARGS)

check: environment-test lint types imports unit ## what can be told within a minute

soak: environment-test ## tests over random books and files at length (hours)
	@FASTBRAND_SOAK=1 $(PYTEST) --timeout 0 -m soak $(ARGS)

bench: ## our engine beside others, on the same policy and parties (ARGS="--rounds 9 --policy flat")
	@$(call script,bench)
	@$(BIN)/python -m benchmarks.rules_engines $(ARGS)

lint: environment-test ## style and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo 'error: `make format` puts these files in order' >&2; exit 1; }

types: environment-test ## mypy, strict
	@$(BIN)/mypy

imports: environment-test ## who may import whom
	@$(BIN)/lint-imports --no-logo

# the rooms one by one; whole books, random ones, hostile files and the script are for `make test`
QUICK := tests/activities tests/domain tests/service tests/store tests/test_house.py tests/test_lock.py \
	--ignore tests/service/backtesting \
	$(wildcard $(addprefix tests/rules/test_,vector*.py loader*.py values*.py explain.py letter.py books.py))

unit: environment-test ## the quick tests of each room, without a Temporal server
	@$(PYTEST) -n auto -m "not server and not slow" $(QUICK) $(ARGS)

format: environment-test ## put style and format in order
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

docs: environment-test ## refresh the pages that are made from the code
	@$(BIN)/python -m scripts.docs

lock: ## refresh the lock files after a change of dependencies
	@$(call script,lock)

upgrade: ## refresh the lock files with the newest versions
	@$(call script,lock --upgrade)

clean: ## remove the environment and caches (never ./var)
	@rm -rf .venv .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# scripts/setup.py says what is wrong with a Python; any Python can run it
define script
for python in $(PYTHON) python3 python3.12 python3.11 python; do \
	if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then \
		PYTHON='$(PYTHON)' "$$python" scripts/setup.py $(1); exit $$?; \
	fi; \
done; \
echo 'error: no Python was found: install Python 3.12 or 3.11 (Debian, Ubuntu: `apt install python3 python3-dev`)' >&2; \
exit 2
endef

.PHONY: environment-run environment-test server
environment-run:
	@$(call script,run)

environment-test:
	@$(call script,test)

# got before the tests, so that its progress is seen
server: environment-test
	@$(BIN)/python -m fastbrand.temporal_binary
