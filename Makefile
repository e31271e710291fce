# `make run` and `make test` do all set-up themselves; the second time that costs nothing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ARGS ?=
BENCH ?= pipeline ipc
TEST_PACKAGES := chromium debootstrap ffmpeg fonts-dejavu-core logrotate nftables nginx-light \
	systemd-container xvfb

.PHONY: help run test lint format bench web acceptance lock clean setup python

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: setup ## start the appliance on the virtual table (ARGS="--source FILM" and any other flag)
	@exec .venv/bin/billiards-trainer run $(ARGS)

test: setup ## lint, all tests, coverage (ARGS="tests/unit -k ring" hands them to pytest instead)
	@bash scripts/debian-packages.sh $(TEST_PACKAGES)
	@exec bash scripts/run-tests.sh $(ARGS)

lint: python ## ruff, mypy, shellcheck and the page's checks
	@bash scripts/build-page.sh packages
	@exec bash scripts/lint.sh

format: python ## let ruff write the code its way
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format .

bench: setup ## the benchmarks (BENCH="pipeline ipc physics vision recovery")
	@for name in $(BENCH); do .venv/bin/billiards-trainer bench $$name $(ARGS); done

web: ## build the page into the package
	@exec bash scripts/build-page.sh

acceptance: setup ## the long tables: hours, written into docs/
	@bash scripts/debian-packages.sh $(TEST_PACKAGES)
	@HYPOTHESIS_PROFILE=thorough exec .venv/bin/python -m pytest -m acceptance --timeout 7200 $(ARGS)

lock: python ## resolve the dependencies anew into requirements/ (ARGS=--upgrade takes newer ones)
	@exec bash scripts/lock.sh $(ARGS)

setup: python # everything an appliance in a checkout needs
	@bash scripts/build-page.sh
	@bash scripts/fill-caches.sh

python:
	@bash scripts/setup-python.sh

clean: ## remove what the targets above made (not state/, which holds an appliance's records)
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* \
		build dist web/node_modules billiards_trainer/api/static .setup.lock
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
