# The front door. `make help` says what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

STUDENTS ?= students.example.csv
EXTRA ?= {}
LAB := .venv/bin/python -m lab

.PHONY: help
help: ## Say what there is
	@echo "machine_learning_aws: a roster becomes a class of machines"
	@echo
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ── Tools ────────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: setup
setup: folder .venv/.tools ## Install the tools for a class on AWS into .venv
	@bin/activate-macos

.PHONY: setup-dev
setup-dev: .venv/.dev-tools ## Install the tools for the lab and the tests as well

.venv/.tools: requirements.txt | .venv/bin/python
	@bin/install requirements.txt $@

.venv/.dev-tools: requirements-dev.txt | .venv/bin/python
	@bin/install requirements-dev.txt $@

.venv/bin/python: | folder
	@bin/make-venv

.PHONY: folder
folder:
	@bin/check-folder

.PHONY: lock
lock: .venv/.dev-tools ## Renew the hashed locks of the tools and of the lab's packages
	@bin/lock

.PHONY: first-day
first-day: .venv/.tools ## Write what the first day on AWS shows into a file that you can send: docs/first-day.md
	@PYTHONPATH=collections .venv/bin/python -m tools.first_day

# ── The lab ──────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: lab
lab: .venv/.dev-tools ## A class on this machine: STUDENTS=file.csv EXTRA='{"class_x": 2}'
	@$(LAB) up --roster "$(STUDENTS)"
	@source lab/activate && ansible-playbook provision.yml configure.yml status.yml -e '$(EXTRA)'
	@echo
	@echo "The letters that tell each student how to get in: lab/state/class/letters (as sent: lab/state/mail)"
	@echo "Act on this class yourself: source lab/activate, then ansible-playbook status.yml. End it: make lab-down"

.PHONY: lab-down
lab-down: ## End the lab, after bringing the students' work home; DISCARD=1 to leave it
	@if [ -x .venv/bin/python ]; then bin/lab-down; else echo "There is no lab here."; fi

# ── Checks ───────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: docs
docs: .venv/.dev-tools ## Write the pages that repeat what the code says
	@.venv/bin/python -m tools.docs

.PHONY: lint
lint: .venv/.dev-tools ## All linters; bin/lint NAME for one
	@bin/lint

.PHONY: test
test: .venv/.dev-tools ## What CI runs: linters, unit tests, the lab, a class from roster to teardown
	@bin/test

.PHONY: test-all
test-all: .venv/.dev-tools ## Every test there is
	@bin/test --all

test-%: .venv/.dev-tools ## One molecule scenario on the lab's hosts, such as test-class (HOST_IMAGE=debian-13)
	@bin/molecule $*

.PHONY: mutants
mutants: .venv/.dev-tools ## Break each role in two ways at least: its scenario has to notice (half an hour)
	@bin/molecule
	@bin/with-lab python -m tools.mutants

.PHONY: attacks
attacks: .venv/.dev-tools ## What strangers and neighbours try against students and machines: in browsers, on the lab's hosts
	@bin/test-packages
	@.venv/bin/pytest --quiet --color=no -m attack tests/front
	@.venv/bin/pytest --quiet --color=no tests/e2e/test_2_strangers.py tests/e2e/test_6_neighbours.py

.PHONY: faults
faults: .venv/.dev-tools ## Runs ended in the middle, machines in trouble, full disks, on the lab's hosts (hours)
	@.venv/bin/pytest --color=no -rP tests/faults

.PHONY: bench
bench: .venv/.dev-tools ## Measure, and write docs/performance.md: N=12 PARTS="configure bake roles loopback" (90 minutes)
	@.venv/bin/python -m benchmarks $(PARTS) $(if $(N),--n $(N))
