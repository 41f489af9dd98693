# `make` prints what there is. CI calls the same targets.
SHELL := /bin/bash -o pipefail

GOLANGCI_VERSION := v2.15.0
GOLANGCI         := bin/golangci-lint-$(GOLANGCI_VERSION)

# What ./... does not see, because its folder's name begins with a dot.
PACKAGES := ./... ./.ci/testsum

# The time of one package's tests, also beside others on a busy machine.
TEST_TIMEOUT        ?= 20m
INTEGRATION_TIMEOUT ?= 20m
# The time of one fuzz target, and the seconds for all of them.
FUZZTIME   ?= 10s
FUZZBUDGET ?= 3600
BENCH      ?= .

# Where a Docker engine answers, tests take their Redis from a container; its
# image is pulled, or made here where there is no registry. Elsewhere they start
# the redis-server on the PATH, and say so when there is none.
TEST_IMAGE = if docker info >/dev/null 2>&1; then image=$$(deploy/testimage/build) && export HORUS_TEST_REDIS_IMAGE=$$image; fi

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build every program into bin/
	go build -o bin/ ./cmd/...

.PHONY: dev
dev: ## run the whole system in one process, with nothing to install
	go run ./cmd/horus dev

.PHONY: test
test: ## run every test with the race detector; sets up what the tests need
	@$(TEST_IMAGE); set -x; go test -json -race -timeout $(TEST_TIMEOUT) $(PACKAGES) | go run ./.ci/testsum

.PHONY: test-short
test-short: ## run the tests that need no Redis, without the race detector
	go test $$(go list ./... | grep -vE '/(integration|redis[a-z]*)(/|$$)')

.PHONY: integration
integration: ## run the promises that are kept against a real Redis
	@$(TEST_IMAGE); set -x; go test -json -race -count=1 -timeout $(INTEGRATION_TIMEOUT) ./integration/... | go run ./.ci/testsum

.PHONY: sim
sim: ## run SEEDS (10000) seeds of the simulation, or SEED alone and its story
	go test -count=1 -timeout 0 ./integration/sim -run Seeds -v -args $(if $(SEED),-seed $(SEED) -seeds 1,-seeds $(or $(SEEDS),10000))

.PHONY: chaos
chaos: ## break a running system for DURATION (1m) as SEED (any) says; write a REPORT
	@$(TEST_IMAGE); set -x; go test -count=1 -timeout 0 ./integration/chaos -run 'Chaos$$' -v -args \
	  -duration $(or $(DURATION),1m) -seed $(or $(SEED),0) $(if $(REPORT),-report $(abspath $(REPORT)))

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (10s), FUZZBUDGET seconds at most
	.ci/fuzz $(FUZZTIME) $(FUZZBUDGET)

.PHONY: bench
bench: ## measure a Horus beside a yardstick, ARGS as for horus bench
	go run ./cmd/horus bench $(ARGS)

.PHONY: bench-guard
bench-guard: ## measure what no change is to make worse, and compare it with its limits
	go run ./cmd/horus bench --only guard --jobs 3000 --limits cmd/bench/guard.json

.PHONY: gobench
gobench: ## run the benchmarks of packages that match BENCH (all of them)
	@$(TEST_IMAGE); set -x; go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: lint
lint: $(GOLANGCI) ## check the style
	$(GOLANGCI) run $(PACKAGES)

.PHONY: fmt
fmt: $(GOLANGCI) ## format the code as lint wants it
	$(GOLANGCI) fmt

# Kept out of go.mod: a linter's dependencies are not the project's.
$(GOLANGCI):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

.PHONY: vet
vet: ## run go vet, also on the programs as tests build them
	go vet $(PACKAGES)
	go vet -tags crashpoints ./cmd/...

.PHONY: tidy-check
tidy-check: ## check that go.mod and go.sum are tidy
	go mod tidy -diff

.PHONY: clean
clean: ## remove bin/, dist/ and the containers that killed tests left
	rm -rf bin dist
	-@docker ps -aq --filter label=horus.redistest.pid 2>/dev/null | xargs -r docker rm -fv >/dev/null
