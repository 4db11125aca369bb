# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Thin on purpose: tests/tools/ does the work.

PYTHON ?= python3
CHECKS = @$(PYTHON) -m tests.tools.checks

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf '  %-14s %s\n' "$$name" "$$text"; done

.PHONY: demo
demo: ## set everything up, then rotate passwords at six simulated endpoints of five vendors
	$(CHECKS) demo

.PHONY: test
test: ## set everything up, then run every check (about half an hour)
	$(CHECKS) test

.PHONY: check
check: ## the quick checks, for use between edits (a little over a minute)
	$(CHECKS) check

.PHONY: stage
stage: ## copy the working tree to where Ansible expects a collection
	$(CHECKS) stage

.PHONY: venv
venv: ## install the tools into .venv
	$(CHECKS) venv

.PHONY: quick-lint
quick-lint: ## the header of every file, yamllint, ruff, codespell
	$(CHECKS) quick-lint

.PHONY: types
types: ## mypy on the plugins and the tools
	$(CHECKS) types

.PHONY: format
format: ## format the Python files: ruff check --fix, ruff format
	$(CHECKS) venv
	.venv/bin/ruff check --fix --quiet .
	.venv/bin/ruff format --quiet .

.PHONY: lint
lint: ## ansible-lint with the production profile
	$(CHECKS) lint

.PHONY: docs-lint
docs-lint: ## antsibull-docs, antsibull-changelog lint, Sphinx
	$(CHECKS) docs-lint

.PHONY: sanity
sanity: ## ansible-test sanity, without an ignore file
	$(CHECKS) sanity

.PHONY: units
units: ## the unit tests
	$(CHECKS) units

.PHONY: units-quick
units-quick: ## the unit tests that make check runs
	$(CHECKS) units-quick

.PHONY: integration
integration: ## whole playbooks against simulators and real servers, and the search for secrets
	$(CHECKS) integration

.PHONY: real-servers
real-servers: ## only the integration tests against real servers
	$(CHECKS) real-servers

.PHONY: secrets
secrets: ## only the search for secrets in everything that runs print and leave behind
	$(CHECKS) secrets

.PHONY: crash
crash: ## rotations killed at a sample of their writes and network calls
	$(CHECKS) crash

.PHONY: test-vendors
test-vendors: ## the playbook tests of which make test takes a sample, for every vendor (about ten minutes)
	$(CHECKS) test-vendors

.PHONY: test-awx
test-awx: ## jobs as AWX runs them, every case for every vendor and store (about ten minutes)
	$(CHECKS) test-awx

.PHONY: test-crash
test-crash: ## rotations killed at every write and network call, for every vendor and store (an hour or more)
	$(CHECKS) test-crash

.PHONY: server-packages
server-packages: ## install what the real servers need and .venv lacks
	$(CHECKS) server-packages

.PHONY: molecule
molecule: ## the molecule scenarios
	$(CHECKS) molecule

.PHONY: build
build: ## build the archive of the collection
	$(CHECKS) build

.PHONY: importer
importer: ## the checks of a Galaxy server on the archive
	$(CHECKS) importer

.PHONY: install-check
install-check: ## install the archive elsewhere and use it
	$(CHECKS) install-check

.PHONY: matrix
matrix: ## sanity, units, secrets, quick playbooks on every other ansible-core for which a Python is found
	$(CHECKS) matrix

.PHONY: bench
bench: ## measure the figures in docs/reference/performance.md, and write them there (10 minutes; use a quiet machine)
	$(CHECKS) bench

.PHONY: bench-page
bench-page: ## rewrite docs/reference/performance.md and the plot from the existing results
	$(CHECKS) bench-page

.PHONY: bench-smoke
bench-smoke: ## run the benchmarks with tiny numbers: whether they run, not how fast
	$(CHECKS) bench-smoke

.PHONY: changelog
changelog: ## turn the changelog fragments into CHANGELOG.rst
	$(CHECKS) changelog

.PHONY: vendor-table
vendor-table: ## write the table of vendors in README.md from their declared capabilities
	$(CHECKS) vendor-table

.PHONY: public-interface
public-interface: ## write docs/docsite/rst/public_interface.rst from the docstrings of its files
	$(CHECKS) public-interface

.PHONY: awx
awx: ## write the credential types of extensions/awx from the options of vendors and stores, and docs/reference/awx.md
	$(CHECKS) awx

.PHONY: clean
clean: ## remove everything that these targets have created
	rm -rf .build .venv .venv-*
