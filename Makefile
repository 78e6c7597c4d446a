# Two commands do everything on a fresh machine with Node ≥ 20 and npm: `make demo` and `make test`.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export NODE_OPTIONS := --disable-warning=ExperimentalWarning
READY := node_modules/.package-lock.json

.PHONY: help test lint conformance check demo fuzz attacks endurance bench generate release

help: #? lists the targets
	@grep -E '^[a-z-]+:.*#\?' $(MAKEFILE_LIST) | sed -E 's/:[^#]*#\? /\t/' | expand -t 12

$(READY): package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $(READY)

lint: $(READY) #? formatter, linter and type checker
	biome check .
	tsc --noEmit

test: $(READY) #? all tests; those that need a server that is not installed say so and skip
	ava

conformance: $(READY) #? what other implementations are tested with: h2spec, HPACK, HTTP/1.1, gRPC, WebSocket; a count for each
	@node test/conformance/run.ts

fuzz: $(READY) #? hostile input for every parser, by coverage; SECONDS=30: for each; SEED=1; TARGET=hpack: only that one
	@node test/fuzz/run.ts --seconds $(or $(SECONDS),30) $(if $(SEED),--seed $(SEED)) $(TARGET)

attacks: $(READY) #? one hostile connection after the other beside a well-behaved load; SECONDS=30: for each; ONLY=rapid: those whose name begins so
	@node test/attacks/run.ts --seconds $(or $(SECONDS),30) $(if $(ONLY),--only $(ONLY))
	@$(if $(ONLY),,node test/attacks/slowhttptest.ts)

endurance: $(READY) #? 10,000 cut connections, then memory: 5 GiB a stream, 10,000 idle connections; CUTS=, SEED=, GIB=, CONNECTIONS=
	@node test/endurance/cuts.ts --cuts $(or $(CUTS),10000) --seed $(or $(SEED),1)
	@node test/endurance/memory.ts --gib $(or $(GIB),5) --connections $(or $(CONNECTIONS),10000)

check: lint test #? lint, then test

demo: $(READY) #? the mesh with real services; ONCE=1: unattended; REGISTRY=consul: on a real Consul agent
	@node examples/shop/demo.ts $(if $(ONCE),--once) $(if $(REGISTRY),--registry $(REGISTRY))

generate: $(READY) #? writes what follows from the code: manifests/crds, docs/errors, limits and metrics
	node manifests/generate.ts
	node test/architecture/write-docs.ts

release: $(READY) #? writes dist/: the product as bundles, which need Node and nothing else
	@node bin/build-release.ts

bench: $(READY) #? two sidecars beside HAProxy, nginx, Envoy …: 40 minutes, writes docs/performance.md; QUICK=1: one row; ONLY=grpc,tcp NAME=again: some; CHECK=1: no load
ifdef CHECK
	node bench/check.ts
else ifdef QUICK
	node bench/run.ts --quick
else ifdef ONLY
	node bench/run.ts --only $(ONLY) $(if $(NAME),--name $(NAME))
else
	node bench/run.ts --name full --page
endif
