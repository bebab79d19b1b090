# Everything here needs Go, git and a POSIX system, nothing else; what needs more says so and is skipped.

# The version is that of the nearest tag; without one, what Go makes of the commit.
VERSION  ?= $(shell git describe --tags --dirty 2>/dev/null)
# Machines may set -buildvcs=false for all of Go. The binary should know its commit wherever there is one.
BUILDVCS := $(shell git rev-parse --verify -q HEAD >/dev/null 2>&1 && echo true || echo false)
# Seconds of fuzzing in all.
FUZZ     ?= 120

.DEFAULT_GOAL := help
# The example functions that wedge demo runs, which travel in the binary.
DEMO = ab-routing auth cache-key headers kv-redirects

.PHONY: help demo build guests test check race fuzz proof bench bench-full bench-rivals bench-compare soak lint generate dist clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

demo: build ## run a node, an origin and the example functions; ARGS=--tour plays a tour
	@bin/wedge demo $(ARGS)

build: guests ## build bin/wedge, with the example functions in it
	@go run ./.ci/pack bin/guests edge/demo/guests $(DEMO)
	go build -buildvcs=$(BUILDVCS) -ldflags '-X main.version=$(VERSION)' -o bin/wedge ./edge/cmd/wedge

guests: ## compile the example functions to bin/guests/*.wasm
	@.ci/guests

test: build check ## all that must hold: check, all tests, race, fuzz (FUZZ=120 seconds in all)
	@.ci/test
	@.ci/race
	@.ci/fuzz $(FUZZ)
	@cat bin/tests.txt

check: ## lint; go generate and go mod tidy change nothing
	@.ci/check

lint: ## gofmt, go vet, staticcheck
	@.ci/lint

race: ## tests of the packages with locks, under the race detector
	@.ci/race

fuzz: ## fuzz every target, FUZZ=120 seconds in all
	@.ci/fuzz $(FUZZ)

proof: build ## the long forms of the tests: full counts, big files, many kills (hours)
	@WEDGE_PROOF=1 .ci/test -count=1 -timeout 6h

bench: ## measure the node beside its rivals, the main rows; ARGS for the suite, or ONLY=hit, runtime or hitratio
	@cd benchmarks && go run ./$(or $(ONLY),suite) $(ARGS)

bench-full: ## measure all rows, half an hour
	@cd benchmarks && go run ./suite -full $(ARGS)

bench-compare: ## measure this tree beside BASE=revision, interleaved, with benchstat
	@.ci/compare '$(BASE)' $(ARGS)

bench-rivals: ## install what the node is measured against, from Debian and npm
	@.ci/rivals

soak: ## an hour of mixed traffic with deploys, purges and faults; ARGS="-for 5m"
	@cd benchmarks && go run ./soak $(ARGS)

generate: ## write generated files anew
	@for mod in $$(.ci/modules); do (cd $$mod && go generate ./...) || exit 1; done

dist: guests ## static binaries for linux/amd64 and arm64, licences, systemd unit, checksums, in dist/
	@go run ./.ci/pack bin/guests edge/demo/guests $(DEMO)
	@.ci/dist '$(VERSION)' $(BUILDVCS)

clean: ## remove what make wrote
	rm -rf bin dist edge/demo/guests/*.zst
