# Every target does its own set-up: Python 3.11 or newer and make are all that is needed.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready

# Tests start hundreds of processes: none of them shall compile every module again, whatever the caller's environment says.
export PYTHONDONTWRITEBYTECODE :=

# Machines that run tests are shared and noisy: what fails is tried once more, and told apart in the summary.
AGAIN := --reruns 1 --reruns-delay 3

LONG := tests/dask tests/drill tests/daemon tests/whole/test_large_files.py tests/whole/test_all_providers.py

.PHONY: demo test test-long test-real test-versions drill drill-quick stores audit lint bench lock golden clean

demo: $(INSTALLED)  ## the main job against local stand-ins: prints where the catalog is
	$(RUN)/stacsync demo demo-catalog

test: $(READY) lint  ## what every change has to pass; needs PyPI alone
	$(RUN)/python -m pytest -m "not real and not slow" $(LONG:%=--ignore=%) -n 2 --dist loadfile -q $(AGAIN)

test-long: $(READY)  ## clusters, whole daemons, crashes, large files: needs PyPI alone, and a quiet machine
	$(RUN)/python -m pytest -m "not real" $(LONG) -q $(AGAIN)
	$(RUN)/python -m pytest -m "slow and not real" $(LONG:%=--ignore=%) -q $(AGAIN)

test-real: $(READY)  ## what needs Debian's packages or a second virtual environment; installs them
	sh tests/real/install.sh
	$(RUN)/python -m pytest -m real --ignore=tests/drill -q $(AGAIN)

test-versions: $(READY)  ## the newest packages on each Python that is there, the oldest that are allowed on the first
	$(RUN)/python -m pip install --quiet uv
	sh tests/supply/versions.sh

drill: $(READY)  ## every promise attacked on purpose, every case and not a sample: the best part of an hour; prints a table
	$(RUN)/python -m tests.drill

drill-quick: $(READY)  ## the same table from samples, in minutes
	$(RUN)/python -m tests.drill --quick

stores: $(READY)  ## one suite against every store that can be had here; needs Ceph from Debian (tests/real/install.sh)
	$(RUN)/python -m tests.storage

audit: $(READY)  ## known weaknesses of what is delivered, its bill of materials, its licences
	[ -x .venvs/audit/bin/pip-audit ] || $(PYTHON) -m venv .venvs/audit
	.venvs/audit/bin/python -m pip install --quiet 'pip-audit>=2.9,<3'
	mkdir -p test-output
	$(RUN)/python -m tests.supply sbom test-output/stacsync.cdx.json
	$(RUN)/python -m tests.supply licences > test-output/licences.md
	$(RUN)/python -m tests.supply audit .venvs/audit/bin/pip-audit || [ $$? -eq 3 ]

lint: $(READY)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

bench: $(READY)  ## ratios against peers, in the same run; see docs/benchmarks.md
	$(RUN)/python -m benchmarks

golden: $(READY)  ## refresh the golden documents on purpose; read the difference by eye
	-$(RUN)/python -m pytest -m "not real" --update-golden -q

lock: $(READY)  ## bring all lock files up to date with pyproject.toml
	$(RUN)/python -m pip install --quiet uv
	$(RUN)/uv pip compile $(COMPILE) --all-extras --group dev pyproject.toml -o requirements.lock
	$(RUN)/uv pip compile $(COMPILE) --extra postgresql --extra raster -c requirements.lock pyproject.toml -o requirements.run.lock
	echo 'hatchling>=1.27' | $(RUN)/uv pip compile $(COMPILE) -c requirements.lock - -o requirements.build.lock

COMPILE := --quiet --universal --generate-hashes --no-annotate --no-header

# What stacsync needs to run, then what its tests need as well: the demonstration does not wait for the second.
$(INSTALLED): requirements.run.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "stacsync needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --require-hashes -r requirements.run.lock
	$(RUN)/python -m pip install --quiet --no-deps --editable .
	touch $@

$(READY): $(INSTALLED) requirements.lock
	$(RUN)/python -m pip install --quiet --require-hashes -r requirements.lock
	touch $@

clean:
	rm -rf $(VENV) .venvs demo-catalog build dist test-output
