# `make demo` shows a release, `make test` proves the project; both set up all they need. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Next: make PYTHON=python3.12 …"; exit 1; }
	@echo "installing the Python packages into $(VENV), as pinned in requirements/dev.txt"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.docs: requirements/docs.txt $(VENV)/.installed
	@echo "installing Sphinx into $(VENV), as pinned in requirements/docs.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

venv: $(VENV)/.installed ## Make the virtual environment in .venv

tools: ## Build helm, sops and the programs of the embedded cluster (about 13 minutes once)
	@$(PYTHON) tools/build.py all

tools-client: ## Build helm and sops: all that a real cluster needs
	@$(PYTHON) tools/build.py client

image-helmtool: venv tools-client ## Build the image of helmtool itself, as helmtool:latest (docs/how-to/install.md)
	docker/helmtool/build.sh helmtool:latest

demo: venv tools ## Release, diff and roll back on an embedded cluster
	@PATH="$(CURDIR)/$(BIN):$$PATH" docs/tutorial/demo.sh

test: venv tools ## Run the tests: units, chart, and the embedded cluster
	$(PYTEST) -n 2 tests/unit tests/chart tests/cli tests/docs tests/install --ignore tests/docs/executed
	$(PYTEST) -n 2 --dist loadfile -m "not slow" tests/cluster --ignore tests/cluster/leaks --ignore tests/cluster/crash --ignore tests/cluster/one_writer --ignore tests/cluster/soak

test-slow: venv tools ## Run the tests of the embedded cluster that take minutes
	$(PYTEST) -n 2 -m slow tests/cluster --ignore tests/cluster/leaks --ignore tests/cluster/crash --ignore tests/cluster/one_writer --ignore tests/cluster/soak

test-docs: venv tools ## Run the commands of the documentation as they are written (Debian: docker-registry gpg gpg-agent openssl)
	$(PYTEST) tests/docs/executed

test-image: venv ## Test the image's scripts: a real Kerberos realm, sudo, the pod's own paths (README of docker/newdqmgui)
	$(PYTEST) tests/image

test-docker: venv tools-client ## Build, run, push and keep the images with a real docker and a real registry
	@command -v docker-registry >/dev/null || { echo "docker-registry is missing. Next: apt-get install docker-registry"; exit 1; }
	@docker version >/dev/null || { echo "no docker daemon answers. Next: systemctl start docker"; exit 1; }
	$(PYTEST) tests/docker

test-kind: venv tools-client ## Release to real pods: a kind cluster, a real registry, a stand-in of the service (16 minutes on two busy cores)
	@for program in docker kind docker-registry; do command -v $$program >/dev/null || { echo "$$program is missing. Next: see CONTRIBUTING.md"; exit 1; }; done
	$(PYTEST) tests/kind

causes: venv tools-client ## Run every scenario of causes and write what they measure (about 50 minutes)
	HELMTOOL_SCENARIOS=all $(PYTEST) tests/kind/causes
	$(BIN)/python tools/generate_reference.py

browser:
	@for program in chromium chromedriver; do command -v $$program >/dev/null || { echo "$$program is missing. Next: apt-get install chromium chromium-driver"; exit 1; }; done
	@command -v npm >/dev/null || { echo "npm is missing; it fetches axe-core. Next: apt-get install npm"; exit 1; }
	@cd tests/review && npm ci --ignore-scripts --no-audit --no-fund --silent

test-review: venv browser ## Look at the pages of a diff in a real browser (Debian: chromium chromium-driver; npm for axe-core)
	$(PYTEST) tests/review

test-site: $(VENV)/.docs browser ## Make the site of the documentation, follow every link, and use it in a real browser (as test-review)
	$(PYTEST) -s tests/site

test-registry: venv tools-client ## Run the tests against a real registry (Debian: docker-registry gpg gpg-agent openssl)
	@for program in docker-registry gpg openssl; do command -v $$program >/dev/null || { echo "$$program is missing. Next: apt-get install $$program"; exit 1; }; done
	$(PYTEST) tests/registry

test-secrets: venv tools-client ## Test the files of secrets: real sops, age, git, Kerberos (Debian: gpg krb5-kdc krb5-admin-server krb5-user openssh-client strace)
	$(PYTEST) -n 2 tests/secrets

test-hooks: venv tools-client ## Commit with the hooks, run by the real pre-commit in a throw-away repository
	$(PYTEST) tests/hooks

test-leaks: venv tools ## Hunt for leaks of secrets: a sample of two minutes (Debian: strace)
	$(PYTEST) tests/cluster/leaks

test-crashes: venv tools ## Hit whatever writes at 300 of its writes, and go on: about 10 minutes on two cores (root; Debian: docker-registry)
	$(PYTEST) -s tests/cluster/crash

test-writers: venv tools ## Start 8 releases at once: one at a time writes, as the API server's audit log has it
	$(PYTEST) -s tests/cluster/one_writer

test-soak: venv tools ## A row of 24 releases and rollbacks: what it needs and leaves behind stays bounded
	$(PYTEST) -s tests/cluster/soak

test-fuzz: venv tools-client ## Fuzz what helmtool reads with a sample of 1,500 inputs: about a minute
	$(PYTEST) -s tests/fuzz

test-generated: venv tools ## Schema and API server, merge and Helm: generated values, a sample of 90 seconds
	@$(PYTHON) tools/build.py proofs
	$(PYTEST) -s tests/proofs/generated

test-kubeconfig: venv tools ## Connect as kubectl does: 600 combinations of kubeconfig and environment, about a minute
	$(PYTEST) -s tests/proofs/kubeconfig

crash-suite: venv tools ## The same 3,000 times, which takes hours; Ctrl-C ends a sitting, the next one goes on (tests/cluster/crash/result.json)
	HELMTOOL_CRASH_RUNS=3000 $(PYTEST) -s tests/cluster/crash; ended=$$?; $(BIN)/python tools/generate_reference.py; exit $$ended

proofs: venv tools ## The proofs at their full numbers: leaks, fuzzing, generated values, kubeconfigs, writers, soak, errors, crashes; hours (Debian: strace)
	@$(PYTHON) tools/build.py proofs
	HELMTOOL_GENERATED_RUNS=10000 $(PYTEST) -s tests/proofs/generated
	HELMTOOL_KUBECONFIG_RUNS=5000 $(PYTEST) -s tests/proofs/kubeconfig
	HELMTOOL_FUZZ_RUNS=20000 $(PYTEST) -s tests/fuzz
	HELMTOOL_WRITERS_RUNS=50 $(PYTEST) -s tests/cluster/one_writer
	HELMTOOL_SOAK_RUNS=500 $(PYTEST) -s tests/cluster/soak
	HELMTOOL_LEAK_RUNS=2000 $(PYTEST) tests/cluster/leaks
	HELMTOOL_ERROR_RUNS=300 $(PYTEST) -s tests/cluster/test_unexpected_errors.py
	$(MAKE) crash-suite

lint: venv ## Check style, types and generated files
	$(BIN)/ruff check helmtool tests tools
	$(BIN)/ruff format --check helmtool tests tools
	$(BIN)/mypy
	$(BIN)/python tools/generate_schemas.py --check
	$(BIN)/python tools/generate_reference.py --check
	$(BIN)/python tools/benchmark_plots.py --check

schemas: venv ## Generate the chart's schema and README from schemas/
	$(BIN)/python tools/generate_schemas.py

docs: $(VENV)/.docs ## Generate docs/reference and docs/man from the program, and make the site of all pages: site/index.html
	$(BIN)/python tools/generate_reference.py
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -c tools/site -d build/doctrees . site

bench: venv tools ## Time commands side by side, and as what they work on grows (Debian: docker-registry)
	$(PYTEST) -s tests/benchmarks

bench-keep: venv tools ## The same, kept in tests/benchmarks/result.json and drawn in docs/images
	@$(PYTHON) tools/build.py benchmarks
	HELMTOOL_BENCH_KEEP=1 $(PYTEST) -s tests/benchmarks
	$(BIN)/python tools/benchmark_plots.py

lock: venv ## Pin the Python packages anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --group docs -c requirements/dev.txt -o requirements/docs.txt

	echo 'hatchling>=1.27' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate - -c requirements/dev.txt -o requirements/build.txt
	echo pip-audit | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate - -c requirements/dev.txt -o requirements/audit.txt

audit: ## Ask PyPI whether a vulnerability is known of a pinned package; fails where it cannot be asked
	@$(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/audit.txt
	$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements/runtime.txt -r requirements/build.txt

.PHONY: help browser venv tools tools-client image-helmtool demo test test-slow test-docs test-docker test-image test-kind causes test-registry test-hooks test-review test-site test-secrets test-leaks test-crashes test-fuzz test-writers test-soak test-generated test-kubeconfig crash-suite proofs lint schemas docs bench bench-keep lock audit
