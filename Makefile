# The one interface to build, test and release cerberus. `make help` lists the
# targets; .ci/run calls them in the same way as a person does.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS   += --warn-undefined-variables --no-builtin-rules --no-print-directory

# The product is pure Go and static; only `race` needs cgo, and says so.
export CGO_ENABLED := 0

TOOLS      := bin/tools
TOOL_LIST  := .ci/tools.txt
TOOL_NAMES := $(shell awk '!/^\#/ && NF == 3 { print $$1 }' $(TOOL_LIST))
SDK        := sdk-wasm/go

# Packages whose results are goldens that must not depend on the machine.
GOLDEN_PACKAGES := ./fhe/... ./plugins/...

FUZZ_TIME ?= 30s

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: deps
deps: $(addprefix $(TOOLS)/,$(TOOL_NAMES)) ## Fetch the modules and build the tools: all that needs a network
	go mod download
	cd $(SDK) && go mod download

.PHONY: build
build: ## Build bin/cerberus and the Brains that ship, in bin/brains
	go build -trimpath -o bin/cerberus ./cmd/cerberus
	rm -rf bin/brains
	mkdir -p bin/brains
	for manifest in plugins/*/manifest.json; do
		bin/cerberus brain build "$${manifest%/manifest.json}" --out bin/brains
	done

.PHONY: demo
demo: build ## Start a node, ask both Brains real questions under encryption, stop
	go run ./internal/demo

.PHONY: test
test: ## Run the tests of both modules (small rings, a few minutes)
	(cd $(SDK) && go test ./...)
	go test ./...

.PHONY: test-slow
test-slow: ## Run also the tests that take long: full parameter sets, every crash point
	go test -tags slow -timeout 60m ./...

.PHONY: check
check: $(addprefix $(TOOLS)/,$(TOOL_NAMES)) ## Formatting, linters, schemas, generated code, module files, house rules
	before=$$(git status --porcelain)
	go mod tidy -diff
	go vet ./...
	$(TOOLS)/golangci-lint run
	pushd $(SDK) >/dev/null
	go mod tidy -diff
	GOOS=wasip1 GOARCH=wasm go vet ./...
	$(CURDIR)/$(TOOLS)/golangci-lint run -c $(CURDIR)/.golangci.yml
	popd >/dev/null
	$(TOOLS)/buf lint
	$(TOOLS)/buf format --path proto/cerberus --diff --exit-code
	if [[ -f proto/image.binpb ]]; then
		$(TOOLS)/buf breaking --against proto/image.binpb
	fi
	go test -count=1 ./internal/tidy/...
	if [[ "$$(git status --porcelain)" != "$$before" ]]; then
		echo 'check: the checks themselves changed files:' >&2
		git status --porcelain >&2
		exit 1
	fi

.PHONY: generate
generate: $(addprefix $(TOOLS)/,$(TOOL_NAMES)) ## Write the generated code again and record what it was made from
	rm -rf proto/gen
	$(TOOLS)/buf generate
	go generate ./...
	go test -count=1 -run '^TestGeneratedCode$$' ./internal/tidy -update

.PHONY: bench
bench: build ## Measure and write docs/benchmarks
	bin/cerberus bench --record docs/benchmarks

# bench-fhe, bench-proofs and so on measure one area and write nothing.
bench-%: build
	bin/cerberus bench $*

.PHONY: sandbox-compare
sandbox-compare: ## Run hostile modules in other hosts, too, and write the table of docs/SANDBOX.md
	cd internal/hostile/compare && go build -o $(CURDIR)/bin/compare .
	go run ./internal/hostile/table -compare $(CURDIR)/bin/compare -write docs/SANDBOX.md

.PHONY: eval
eval: build ## Score both Brains on their held-out data, plain and encrypted
	go run ./internal/demo -eval

.PHONY: race
race: ## Run the short tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -short -timeout 30m ./...

.PHONY: cross
cross: ## Build for every other target; compare the golden digests on other machines
	GOOS=linux GOARCH=arm64 go build ./...
	GOOS=darwin GOARCH=arm64 go build ./...
	GOOS=windows GOARCH=amd64 go build ./...
	GOOS=js GOARCH=wasm go build ./client/...
	GOOS=wasip1 GOARCH=wasm go build ./abi/...
	(cd $(SDK) && GOOS=wasip1 GOARCH=wasm go build ./...)
	for level in v1 v3; do
		GOAMD64=$$level go test -count=1 -run Golden $(GOLDEN_PACKAGES)
	done
	if ! command -v qemu-aarch64-static >/dev/null; then
		echo 'cross: the arm64 goldens run under qemu: install qemu-user-static' >&2
		apt-get -qq update && apt-get -qq install -y qemu-user-static
	fi
	GOARCH=arm64 go test -count=1 -exec qemu-aarch64-static -run Golden $(GOLDEN_PACKAGES)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZ_TIME (30s)
	list=$$(go test -list '^Fuzz' ./...)
	awk '/^Fuzz/ { names[++n] = $$1 }
		/^ok/ { for (i = 1; i <= n; i++) print $$2, names[i]; n = 0 }' <<<"$$list" |
	while read -r package target; do
		echo "fuzz: $$package $$target"
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1x "$$package" </dev/null
	done

.PHONY: release
release: ## Write stripped, reproducible archives and their checksums to dist
	go run ./internal/release -out dist

# A tool is installed when its binary is missing or was built from another
# package or version; the binary itself says which, so no stamp can be wrong.
.PHONY: FORCE
$(TOOLS)/%: FORCE
	@read -r _ package version < <(awk '$$1 == "$*"' $(TOOL_LIST))
	have=$$(go version -m $@ 2>/dev/null | awk '$$1 == "path" { p = $$2 } $$1 == "mod" { v = $$3 }
		END { print p "@" v }') || true
	if [[ "$$have" != "$$package@$$version" ]]; then
		echo "install $* $$version"
		GOBIN=$(CURDIR)/$(TOOLS) go install "$$package@$$version"
	fi
