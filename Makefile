# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq

# Stamp files: once set up, a target finds them newer than the lock and needs neither time nor network.
MADE := $(VENV)/.made
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench emails stories check lint types rules format lock assets clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name what; do printf '  make %-8s %s\n' "$$name" "$$what"; done

setup: $(RUNTIME) ## make .venv with what the service needs
	@echo "Ready: make demo, or $(BIN)/notifier --help"

demo: $(RUNTIME) ## start the whole service on http://127.0.0.1:8000 with a demo store
	@exec $(BIN)/notifier demo

test: lint types ## check the code, then run every test, on all cores
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

bench: $(DEV) ## measure speed and memory against bare code; BENCH="--quick --db sqlite" narrows it
	@$(BIN)/python -m benchmarks $(BENCH)

stories: $(RUNTIME) ## play every story again and write what is expected of it; read what changed before you commit it
	@$(BIN)/python -m stories.tell $(STORY)

# Needs Chromium, Node and SpamAssassin (Debian: chromium nodejs npm spamassassin).
emails: $(DEV) ## measure the default emails with axe, caniemail, SpamAssassin and a browser
	@cd assets && npm ci --silent --ignore-scripts --no-audit --no-fund
	@$(BIN)/python -m benchmarks.emails $(EMAILS)

check: lint types rules ## lint, types and import rules, without the other tests

lint: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEV)
	@$(BIN)/mypy

rules: $(DEV)
	@$(BIN)/python -m pytest --quiet tests/test_architecture.py

format: $(DEV) ## put the code in its one format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Universal: one file for Python 3.11 and newer on every system. No index is named, so the user's own is used.
COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-config --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: $(DEV) ## bring the lock files up to date with pyproject.toml
	@$(COMPILE) --upgrade --group build --output-file requirements.lock
	@$(COMPILE) --upgrade --group build --group dev --constraint requirements.lock --output-file requirements-dev.lock

# Needs Node, which nobody who runs or tests Notifier does. What it makes is committed.
SWAGGER := assets/node_modules/swagger-ui-dist
assets: ## rebuild what pages need in JavaScript
	@cd assets && npm ci --silent --ignore-scripts --no-audit --no-fund
	@cp $(SWAGGER)/swagger-ui-bundle.js notifier/api/static/swagger-ui-bundle.js
	@sed '/^\/\*# sourceMappingURL/d' $(SWAGGER)/swagger-ui.css > notifier/api/static/swagger-ui.css
	@cp $(SWAGGER)/LICENSE notifier/api/static/swagger-ui.LICENSE
	@cp $(SWAGGER)/NOTICE notifier/api/static/swagger-ui.NOTICE
	@cd assets && node_modules/.bin/esbuild studio.js --bundle --minify --format=iife --target=es2022 --legal-comments=none \
		--log-level=warning --outfile=../notifier/pages/static/studio.js
	@cat assets/node_modules/codemirror/LICENSE > notifier/pages/static/studio.LICENSE

clean: ## remove .venv and all that tools leave behind
	@rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("notifier needs Python 3.11 or newer; $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(RUNTIME): $(MADE) requirements.lock pyproject.toml
	@echo 'Setting up .venv (once; about a minute) ...'
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.lock
	@echo 'Adding what the tests need ...'
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@
