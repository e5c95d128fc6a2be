# The two commands: `make book` builds the site, `make test` checks everything. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
MLSD := $(BIN)/mlsd

.DEFAULT_GOAL := help
.PHONY: help install book serve lab refresh bench test audit clean

help:
	@echo "make book     execute every chapter and build the site into _build/html"
	@echo "make test     run all checks: lint, types, unit tests, doctests, chapters, real data, the site in a browser"
	@echo "make serve    the built site on this machine, http://127.0.0.1:8000"
	@echo "make lab      JupyterLab, where a chapter opens as a notebook on a double click"
	@echo "make refresh  new reference outputs, after a change that is meant to change results"
	@echo "make bench    the measured figures, as ratios in one run"
	@echo "make audit    Lighthouse over every page (needs Node)"
	@echo "make clean    remove what was built; .venv stays"
	@echo "Choose another Python with PYTHON=python3.13; everything is also a subcommand of $(MLSD)."

install: .venv/installed

# `installed` is written last, so that an interrupted installation goes on at the next call.
.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the locked packages into .venv (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

book serve lab refresh bench test audit: install
	@$(MLSD) $@

clean:
	rm -rf _build
