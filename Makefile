# `make` prints this menu.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := menu
.PHONY: menu install train classify-eval demo down check test test-all agents format lint types imports chaos clean

menu: ## this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv and install Ostinato with its development tools

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Ostinato needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=python3.12, say.") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## run a real request on a sample repository, from words to a proven branch
	@$(BIN)/python scripts/demo.py

down: $(STAMP) ## stop the local Temporal server and worker that `demo` or `run` started
	@$(BIN)/python client.py down

format: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/mypy tests worker.py client.py scripts/*.py benchmarks/*.py

train: $(STAMP) ## train the classifier from the rows in training/
	$(BIN)/python -m scripts.train_classifier

classify-eval: $(STAMP) ## how good the classifier is on the development split
	$(BIN)/python -m scripts.classify_eval

imports: $(STAMP)
	$(BIN)/lint-imports

check: lint types imports ## format, lint, types, import contracts, unit tests, laws, workflow tests: a minute or two
	$(PYTEST) -q -n 2 -m "not slow and not e2e" tests/unit tests/laws tests/golden tests/workflows tests/architecture tests/replay

test: check ## everything that CI runs: check, then real git, processes, tools and servers; determinism with no cache
	OSTINATO_TEST_CACHE=0 $(PYTEST) -q -n 2 -m "not slow" tests/workflows/test_run.py tests/workflows/test_changes.py tests/workflows/test_recovery.py
	$(PYTEST) -q -n 4 -m "slow and not heavy" tests/unit tests/laws tests/golden tests/workflows tests/architecture tests/replay
	$(PYTEST) -q -n 2 -m "not heavy" tests/integration tests/activities
	$(PYTEST) -q -n 3 --dist loadscope -m "not heavy" tests/e2e --ignore tests/e2e/test_chaos.py
	$(PYTEST) -q tests/e2e/test_chaos.py

test-all: test ## `test`, a plan of 2,000 steps, real coding agents from npm and PyPI, other languages' tools from their registries, tracing sent to a real receiver, every Python, the benchmarks, and 60 trials of chaos
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,otel]'
	$(PYTEST) -q tests/unit/test_telemetry.py
	OSTINATO_TEST_CACHE=0 $(PYTEST) -q -n 2 -m "not slow" tests/workflows
	OSTINATO_TEST_AGENTS=1 $(PYTEST) -q -m heavy tests/workflows tests/integration tests/e2e
	$(MAKE) agents
	HEAVY_TESTS=1 $(PYTEST) -q tests/integration/test_test_commands.py tests/integration/test_lint_commands.py
	$(BIN)/python -m scripts.classify_everywhere
	for name in first_run overhead makespan scheduling restart worktrees planning classifying size crowd gates gateway; do $(BIN)/python -m benchmarks.$$name || exit 1; done
	$(MAKE) chaos N=60

agents: $(STAMP) ## real coding agents from npm and PyPI, alone and in the sandbox: needs npm, and bubblewrap or the rights to install it
	command -v bwrap >/dev/null || { apt-get update -qq && apt-get install -y -qq bubblewrap; }
	clis="$$($(BIN)/python -m scripts.agent_clis)" && \
	OSTINATO_AGENT_CLIS="$$clis" OSTINATO_TEST_SANDBOX=1 $(PYTEST) -q tests/agents tests/integration/test_agent_sandbox.py && \
	OSTINATO_AGENT_CLIS="$$clis" $(BIN)/python -m benchmarks.agents

chaos: $(STAMP) ## break real runs at random moments and judge what is left: N=60 SEED=1
	$(BIN)/python -m tests.chaos --trials $(or $(N),60) --seed $(or $(SEED),1) --json .chaos/last.json

clean: ## remove .venv and caches
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist .chaos
