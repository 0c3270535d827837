# The only entrance: people, .ci/run and the tests call these targets and nothing else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PREFIX ?= /usr/local
DESTDIR ?=
PYTHON ?= .venv/bin/python
# The interpreter that an installed rktpy runs on.
SYSTEM_PYTHON ?= /usr/bin/python3
DEPS ?= yes
ALIAS ?=

libdir = $(PREFIX)/lib/rktpy
unitdir = $(PREFIX)/lib/systemd/system
generatordir = $(PREFIX)/lib/systemd/system-generators
sharedir = $(PREFIX)/share

# What rktpy needs to run, and what its checks, tests and the demo need on top.
RUN_PACKAGES := systemd-container dbus busybox-static python3-gi nftables iproute2
TEST_PACKAGES := python3-venv mmdebstrap debian-archive-keyring util-linux e2fsprogs \
	qemu-system-x86 qemu-utils redis-server redis-tools etcd-server podman runc hyperfine strace gcc libc6-dev \
	gnupg openssl docker-registry umoci skopeo buildah containernetworking-plugins iptables
PACKAGES := $(RUN_PACKAGES) $(TEST_PACKAGES)

# What test-vm runs: options and paths of pytest.
VM_TESTS ?= tests/vm

SETUP_STAMP := .venv/.rktpy-setup
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
# With bytecode kept, whatever the caller wants: rewriting the assertions takes as long as many tests.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m pytest
COMPLETION := import sys; from rktpy.cli import shells; print(shells.script(*sys.argv[1:]))
# Success is a status nobody returns by accident: a run that tested nothing cannot pass.
SENTINEL := --sentinel || test $$? -eq 123

##@ Every day

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: packages venv ## Install Debian packages, .venv and rktpy in it; quick the second time

.PHONY: demo
demo: setup ## Build, run, look at and stop a redis pod
	$(PYTHON) -m tests.demo

.PHONY: check
check: lint ## Format, lint, types, layers, unit tests (with man pages against --help)
	@$(MAKE) --no-print-directory unit

.PHONY: lint
lint: ## What `check` does but for the tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

.PHONY: format
format: ## Let the formatter have its way
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

##@ Tests

# Without capabilities (but to act as another user): what passes here needs no root, whoever runs it.
# The last two are given up by tests/support/fence.py, which makes the machine read-only first. The
# temporary files are in memory where a GiB is free: on a disk half the time is spent waiting for it.
# They are removed from outside: images give some of them to other users.
.PHONY: unit
unit: ## Unit tests: no root, no network, under 10 s
	@place=/dev/shm; \
	[[ $$(stat -f -c %T $$place) == tmpfs && $$(df --output=avail -k $$place | tail -1) -gt 1048576 ]] \
	  || place=$${TMPDIR:-/tmp}; \
	export PYTEST_DEBUG_TEMPROOT=$$(mktemp -d -p "$$place"); \
	trap 'chmod -R u+rwX "$$PYTEST_DEBUG_TEMPROOT" || :; rm -rf "$$PYTEST_DEBUG_TEMPROOT"' EXIT; \
	$(if $(AS_ROOT),,setpriv --bounding-set=-all,+setuid,+setpcap,+sys_admin) \
	  $(PYTEST) -q tests/unit tests/conformance $(SENTINEL)

.PHONY: integration
integration: ## Integration tests: root and a kernel
	@$(PYTEST) --integration tests/integration $(SENTINEL)

.PHONY: system
system: ## System tests: a Debian host booted in a container
	@$(PYTEST) --system tests/system $(SENTINEL)

.PHONY: test-vm
test-vm: setup ## VM tests: the same host under QEMU, cgroup v2; VM_TESTS=tests/vm/test_pod.py
	@$(PYTEST) --vm $(VM_TESTS) $(SENTINEL)

# Root's, as unpacking is; what it finds is left in .cache/fuzz, see tests/fuzz/__main__.py.
.PHONY: fuzz
fuzz: venv ## Fuzz what reads strangers' bytes for 10 minutes; SECONDS=60 TARGET=tar,unpack SEED=7
	@$(PYTHON) -m tests.fuzz --seconds=$(or $(SECONDS),600) --seed=$(or $(SEED),0) \
	  $(if $(TARGET),--target=$(TARGET))

# Root's, too; the journals of what it finds are left in .cache/soak, see tests/soak/__main__.py.
.PHONY: soak
soak: setup ## Many commands at once, kills and full disks for 10 minutes; SECONDS=60 SEED=7
	@$(PYTHON) -m tests.soak --seconds=$(or $(SECONDS),600) --seed=$(or $(SEED),0)

.PHONY: test
test: setup ## Unit, integration and system tests, and half a minute of fuzzing
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory fuzz SECONDS=30
	@$(PYTEST) --integration --system tests/integration tests/system $(SENTINEL)

.PHONY: bench
bench: setup ## Measure the budgets against podman, as a table and JSON; ROWS=run-true,gc for some
	$(PYTHON) -m tests.bench --json bench-results/bench.json $(if $(ROWS),--rows $(ROWS))

.PHONY: man
man: ## Write the man pages anew from the command table; a unit test compares them
	$(PYTHON) -m rktpy.cli.manual docs/man

##@ Delivery

.PHONY: install
install: $(if $(wildcard $(PYTHON)),,setup) ## Install below DESTDIR and PREFIX; ALIAS=rkt adds that name; DEPS=no leaves libraries out
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(libdir)
	wheel=$$(mktemp -d); trap 'rm -rf "$$wheel"' EXIT; \
	$(PYTHON) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$$wheel" . ; \
	$(PYTHON) -m pip install --quiet --no-compile --no-input --root-user-action=ignore --upgrade \
	  $(if $(filter no,$(DEPS)),--no-deps) --target $(DESTDIR)$(libdir) "$$wheel"/*.whl
	rm -rf $(DESTDIR)$(libdir)/bin
	$(SYSTEM_PYTHON) -m compileall -q $(if $(DESTDIR),-s $(DESTDIR)) $(DESTDIR)$(libdir)
	$(SYSTEM_PYTHON) -m rktpy.bundle $(DESTDIR)$(libdir)/rktpy $(libdir)/rktpy
	$(PYTHON) -m rktpy.cli.launcher $(DESTDIR)$(PREFIX)/bin/rktpy --no-compile \
	  --python $(SYSTEM_PYTHON) --path $(libdir) --path /usr/lib/python3/dist-packages
	install -d $(DESTDIR)$(unitdir) $(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(DESTDIR)$(PREFIX)/lib/sysctl.d \
	  $(DESTDIR)$(generatordir)
	$(PYTHON) -m rktpy.cli.launcher $(DESTDIR)$(generatordir)/rktpy-generator \
	  --generator-of $(PREFIX)/bin/rktpy --python $(SYSTEM_PYTHON) --path $(libdir)
	sed 's|@bindir@|$(PREFIX)/bin|' rktpy/_data/rktpy-gc.service > $(DESTDIR)$(unitdir)/rktpy-gc.service
	install -m 0644 rktpy/_data/rktpy-gc.timer $(DESTDIR)$(unitdir)/rktpy-gc.timer
	install -m 0644 rktpy/_data/rktpy.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/rktpy.conf
	install -m 0644 rktpy/_data/rktpy.sysctl $(DESTDIR)$(PREFIX)/lib/sysctl.d/10-rktpy.conf
	install -d $(DESTDIR)$(sharedir)/man/man1
	for page in docs/man/*.1; do install -m 0644 "$$page" $(DESTDIR)$(sharedir)/man/man1/; done
	for name in rktpy $(ALIAS); do \
	  for where in bash:bash-completion/completions/$$name zsh:zsh/site-functions/_$$name \
	    fish:fish/vendor_completions.d/$$name.fish; do \
	    install -d $(DESTDIR)$(sharedir)/$$(dirname "$${where#*:}"); \
	    $(PYTHON) -c '$(COMPLETION)' "$${where%%:*}" $$name > $(DESTDIR)$(sharedir)/"$${where#*:}"; \
	  done; \
	done
	$(if $(ALIAS),ln -sf rktpy $(DESTDIR)$(PREFIX)/bin/$(ALIAS))
	$(if $(ALIAS),ln -sf rktpy.1 $(DESTDIR)$(sharedir)/man/man1/$(ALIAS).1)

# Aliases are the links that lead to rktpy. On the host itself the timer is disabled, and systemd
# forgets the units of pods in files; pods that run go on.
.PHONY: uninstall
uninstall: ## Take away what install put below DESTDIR and PREFIX; images, pods and settings stay
	$(if $(DESTDIR),,if [[ -d /run/systemd/system ]]; then systemctl disable --now rktpy-gc.timer || :; \
	  systemctl stop rktpy-gc.service || :; fi)
	for name in rktpy $$(find $(DESTDIR)$(PREFIX)/bin -maxdepth 1 -lname rktpy -printf '%f\n'); do \
	  rm -f $(DESTDIR)$(PREFIX)/bin/$$name $(DESTDIR)$(sharedir)/man/man1/$$name.1 \
	    $(DESTDIR)$(sharedir)/bash-completion/completions/$$name \
	    $(DESTDIR)$(sharedir)/zsh/site-functions/_$$name \
	    $(DESTDIR)$(sharedir)/fish/vendor_completions.d/$$name.fish; \
	done
	rm -f $(DESTDIR)$(sharedir)/man/man1/rktpy-*.1 $(DESTDIR)$(generatordir)/rktpy-generator \
	  $(DESTDIR)$(unitdir)/rktpy-gc.service $(DESTDIR)$(unitdir)/rktpy-gc.timer \
	  $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/rktpy.conf $(DESTDIR)$(PREFIX)/lib/sysctl.d/10-rktpy.conf
	rm -rf $(DESTDIR)$(libdir)
	$(if $(DESTDIR),,if [[ -d /run/systemd/system ]]; then systemctl daemon-reload; fi)
	$(if $(DESTDIR),,for file in /etc/rktpy/*.pod $$(grep -lsE '^Exec.*[^[:alnum:]_.-](rktpy|rkt)( |$$)' \
	  /etc/systemd/system/*.service /etc/systemd/system/*.service.d/*.conf || :); do \
	  if [[ -e $$file ]]; then echo "cannot start any more: $$file"; fi; done)
	@echo 'rktpy is gone; what is left: /var/lib/rkt (pods and images), /etc/rkt, /etc/rktpy'

.PHONY: clean
clean: ## Remove what the tools leave in the checkout; .venv stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find rktpy tests -name __pycache__ -prune -exec rm -rf {} +

# --- setup, in two steps that each find out whether they have anything to do ---

.PHONY: packages
packages:
	@missing=$$(for p in $(PACKAGES); do \
	  [[ "$$(dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null)" == installed ]] || echo $$p; done); \
	if [[ -n $$missing ]]; then $(AS_ROOT) bash .ci/packages $$missing; fi

.PHONY: venv
venv: $(SETUP_STAMP)
	@env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m compileall -q rktpy
	@$(PYTHON) -m rktpy.bundle rktpy "$(CURDIR)/rktpy"

$(SETUP_STAMP): pyproject.toml Makefile
	test -x .venv/bin/python || /usr/bin/python3 -m venv --system-site-packages .venv
	.venv/bin/pip install --quiet --editable '.[dev]'
	$(PYTHON) -m rktpy.cli.launcher .venv/bin/rktpy
	touch $@
