# make run · make test · make bench; everything they need is installed into .venv on the way.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: run install test lint bench screenshots clean

run: install
	@exec $(BIN)/python streamlit_app.py

install: .venv/.installed

.venv/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -c "from core.market.sweep import warm; warm()"  # compiles now, so that no click does
	@touch $@

.venv/.installed-dev: requirements.txt requirements-dev.txt .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

test: .venv/.installed-dev
	@PYTHON=$(BIN)/python tools/test_services.sh
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32
	@failed=; \
	$(BIN)/python -m pytest -n 2 -m "not browser" || failed="$$failed the tests without a browser,"; \
	$(BIN)/python -m pytest -m browser || failed="$$failed the browser tests,"; \
	test -z "$$failed" || { echo "FAILED:$${failed%,}." >&2; exit 1; }

lint: .venv/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy

bench: .venv/.installed-dev
	@for file in benchmarks/[a-z]*.py; do echo "== $$file" >&2; $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; done

screenshots: .venv/.installed-dev
	@PYTHON=$(BIN)/python tools/test_services.sh
	$(BIN)/python -m tools.screenshots

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
