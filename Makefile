# Everything a developer or a curious user types. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MODULES := shared local test $(wildcard functions/*)
ROOT := $(CURDIR)
ARGS ?=
# What is typed is meant for one command, not for every make that it may start.
unexport ARGS
MAKEOVERRIDES =
KUBECTL ?= kubectl
OVERLAY ?=
FUNC ?= func
FUNCTION ?=
REGISTRY ?=
PLATFORM ?=
VERSION ?=
# The race detector takes a C compiler, without which Go turns cgo off.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
# Compiled as func compiles functions, and e2e its cluster: what they have in common is then compiled once.
PLAIN = CGO_ENABLED=0 GOFLAGS="$(shell go env GOFLAGS) -trimpath"
DEPLOY_FLAGS = $(if $(OVERLAY),--overlay $(OVERLAY)) $(if $(FUNCTION),--function $(FUNCTION))

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## the whole system in one process, with sample alerts (ARGS="--help" for flags)
	@$(PLAIN) go build -o bin/kubernaut ./local
	@bin/kubernaut $(ARGS)

.PHONY: test
test: ## every test of every module, with the race detector (also opa's)
	@test -n "$(RACE)" || echo "make test: no C compiler is there (apt-get install gcc libc6-dev): this goes on without the race detector" >&2
	@# vet is lint's: here it would look through a thousand packages of others first.
	go test $(RACE) -vet=off -timeout 10m $(addprefix ./,$(addsuffix /...,$(filter-out test,$(MODULES))))
	@# Whole systems, one after the other: two at once would only measure each other.
	go test $(RACE) -vet=off -timeout 20m -p 1 ./test/...

.PHONY: lint
lint: ## formatting, vet, and that every module is whole by itself, as func builds it
	@out=$$(gofmt -l $(MODULES)); if [ -n "$$out" ]; then echo "not formatted: $$out" >&2; exit 1; fi
	go vet $(RACE) $(addprefix ./,$(addsuffix /...,$(MODULES)))
	@# Outside the workspace, and only run with a cluster: here it is at least kept whole.
	cd test/e2e && GOWORK=off go vet ./...
	@for m in $(MODULES); do (cd $$m && GOWORK=off go list -mod=readonly -deps -test ./... >/dev/null) || { echo "$$m is not whole by itself: run make tidy" >&2; exit 1; }; done

.PHONY: tidy
tidy: ## tidy every module by itself, as func builds it
	@for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy); done

.PHONY: bench
bench: ## measure what the README claims, and print a table
	@$(PLAIN) go run ./test/bench $(ARGS)

.PHONY: stage
stage: ## add a stage and its Trigger: make stage NAME=notify ON=remediation.closed
	@test -n "$(NAME)" -a -n "$(ON)" || { echo 'usage: make stage NAME=<stage> ON=<event type, such as remediation.closed>' >&2; exit 2; }
	@$(PLAIN) go run ./local/newstage --root . --name "$(NAME)" --on "$(ON)"

.PHONY: env
env: ## print settings for a shell: eval "$(make env)", then func run in any functions/ folder
	@echo "export FUNC_GO='$(ROOT)/deploy/func-go'"
	@echo "export KUBERNAUT_SETTINGS='$(ROOT)/.local/settings'"

.PHONY: event
event: ## print a golden event, sealed with make run's keys, to post to a function: make event TYPE=signal.enriched
	@test -n "$(TYPE)" || { echo 'usage: make event TYPE=<event type, such as signal.enriched>' >&2; exit 2; }
	@$(PLAIN) go run ./local --event "$(TYPE)" $(ARGS)

.PHONY: secrets
secrets: ## print the Secrets of an installation, keeping what the cluster has: make secrets OVERLAY=dev | kubectl apply -f -
	@$(PLAIN) go run ./local/keys --kubectl "$(KUBECTL)" $(if $(OVERLAY),--overlay $(OVERLAY)) $(ARGS)

.PHONY: deploy
deploy: ## deploy the functions with Knative's func: make deploy OVERLAY=dev REGISTRY=registry.example/kubernaut (FUNCTION=x, FUNC="kn func", PLATFORM=linux/amd64, KUBECTL="kubectl --context x")
	@$(PLAIN) go run ./local/deploy --func "$(FUNC)" --kubectl "$(KUBECTL)" $(DEPLOY_FLAGS) $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(PLATFORM),--platform $(PLATFORM)) $(ARGS)

.PHONY: undeploy
undeploy: ## delete the functions, or FUNCTION=x (KUBECTL="kubectl --context x")
	@$(PLAIN) go run ./local/deploy --undeploy --func "$(FUNC)" --kubectl "$(KUBECTL)" $(DEPLOY_FLAGS) $(ARGS)

.PHONY: e2e
e2e: ## the scenarios on a real cluster on this machine, as root (ARGS="--keep", ARGS="--run Rollout --keep")
	@cd test/e2e && GOWORK=off go run ./cmd/e2e $(ARGS)

.PHONY: bench-e2e
bench-e2e: ## measure what the README claims of a real cluster (ARGS="--run AlertToAction --keep")
	@cd test/e2e && GOWORK=off go run ./cmd/e2e --bench $(ARGS)

.PHONY: cluster-up
cluster-up: ## a real one-node cluster with Knative and Kubernaut on this machine, as root (ARGS="--fake-nodes 3")
	@cd test/e2e && GOWORK=off go run ./cmd/e2e --install $(ARGS)
	@cd test/e2e && GOWORK=off go run ./cmd/bed status

.PHONY: cluster-status
cluster-status: ## what runs of that cluster, where, and what it takes
	@cd test/e2e && GOWORK=off go run ./cmd/bed status $(ARGS)

.PHONY: cluster-down
cluster-down: ## take that cluster down and leave nothing of it
	@cd test/e2e && GOWORK=off go run ./cmd/bed down $(ARGS)

.PHONY: release-shared
release-shared: ## tag a version of shared/ for builds that see one folder only, and write a module proxy: make release-shared VERSION=v1.2.3
	@$(PLAIN) go run ./local/release --version "$(VERSION)" $(ARGS)

.PHONY: reach
reach: ## serve a cluster's approve function on this machine, to read and answer remediations (KUBECTL="kubectl --context x")
	@$(PLAIN) go run ./local/reach --kubectl "$(KUBECTL)" $(ARGS)

.PHONY: redrive
redrive: ## post the dead letters of a running system to its Broker again
	@$(PLAIN) go run ./local --redrive

.PHONY: forget
forget: ## remove one remediation from history: make forget ID=<remediation> (with HISTORY_URL=postgres://... in the environment on a cluster)
	@test -n "$(ID)" || { echo 'usage: make forget ID=<remediation>' >&2; exit 2; }
	@$(PLAIN) go run ./local --forget "$(ID)" $(ARGS)

.PHONY: samples
samples: ## capture the sample alerts anew from a real Alertmanager
	go test ./test/alertmanager -run TestSamples -update

.PHONY: clean
clean: ## remove what running and building leave behind
	rm -rf bin .local
