# make prints what there is to do.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
SHELL := /bin/sh

# Without a home folder, Go and npm have nowhere to keep what they fetched.
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/.home
endif
# Nothing here needs a C compiler, except the race detector.
export CGO_ENABLED ?= 0
# The same flags for builds, tests and lint: a new machine compiles each package once.
export GOFLAGS ?= -trimpath -buildvcs=false

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
TAGS    := -tags=nomsgpack
NPM_CI  := npm ci --ignore-scripts --no-audit --no-fund --prefix
TOOL    := go tool -modfile=.ci/tools/go.mod

VENDOR      := static/vendor/htmx.min.js static/vendor/swagger-ui-bundle.js static/vendor/swagger-ui.css
E2E_MODULES := e2e/node_modules/.package-lock.json

.PHONY: help
help: ## print this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: postgresql build ## install what is missing, build and start the console
	@exec ./bin/tollgate serve

.PHONY: build
build: generate assets ## build bin/tollgate
	go build $(TAGS) -ldflags="-s -w -X main.version=$(VERSION)" -o bin/tollgate ./cmd/tollgate

.PHONY: generate
generate: ## write the Go code of the templates
	go tool templ generate -path=views -log-level=warn

.PHONY: assets
assets: $(VENDOR) ## fetch the front-end parts by their lock file

static/node_modules/.package-lock.json: static/package-lock.json
	$(NPM_CI) static
	touch $@

static/vendor/htmx.min.js: static/node_modules/.package-lock.json
	cp static/node_modules/htmx.org/dist/$(@F) $@

static/vendor/swagger-ui%: static/node_modules/.package-lock.json
	cp static/node_modules/swagger-ui-dist/$(@F) $@

$(E2E_MODULES): e2e/package-lock.json
	$(NPM_CI) e2e
	touch $@

.PHONY: postgresql
postgresql:
	@.ci/install postgresql

# Two packages are tested at a time on two processors: the longest are first, and the others find room beside them.
.PHONY: test
test: assets $(E2E_MODULES) ## install what is missing, vet and run all tests
	@.ci/install postgresql chromium quick-chromium fonts curl nginx njs lua caddy pgbouncer promtool
	go vet $(TAGS) ./...
	go list $(TAGS) -test -export ./... >/dev/null # compiles tests before any runs, which has a limit of time
	PATH="$(CURDIR)/.ci/proxies/usr/sbin:$(CURDIR)/.ci/proxies/usr/bin:$$PATH" GOGC=400 $(TOOL) gotestsum --format=pkgname-and-test-fails -- $(TAGS) -count=1 -timeout=50m ./web ./e2e ./...

SHOTS := e2e/artefacts/screens

.PHONY: shots
shots: assets $(E2E_MODULES) ## take pictures of all screens, and those of the README anew
	@.ci/install postgresql chromium fonts
	TOLLGATE_SHOTS=1 go test $(TAGS) -count=1 -timeout=25m -run 'TestScreens|TestFirstRun|TestFrozenDatabase|TestReadmePictures' ./e2e
	mkdir -p docs/pictures && cp e2e/artefacts/readme/*.png docs/pictures
	@echo "$$(ls $(SHOTS) | wc -l) pictures are in $(SHOTS)."

.PHONY: lint
lint: assets ## look for mistakes, stale templates and imports against the grain
	go tool templ generate -path=views -check
	go tool templ fmt -fail views
	.ci/forbidden
	$(TOOL) golangci-lint run --allow-parallel-runners ./...

.PHONY: check
check: generate build test lint ## everything that has to pass

.PHONY: race
race: assets ## run the tests with the race detector (needs a C compiler), browser tests apart
	CGO_ENABLED=1 go test $(TAGS) -race -count=1 -timeout=30m $$(go list $(TAGS) ./... | grep -v /e2e)

.PHONY: soak
soak: assets $(E2E_MODULES) ## run the tests for long: crashes, restarts, load, failovers
	@.ci/install postgresql chromium quick-chromium fonts curl nginx njs lua caddy pgbouncer promtool ha
	PATH="$(CURDIR)/.ci/proxies/usr/sbin:$(CURDIR)/.ci/proxies/usr/bin:$$PATH" TOLLGATE_SOAK=1 go test $(TAGS) -count=1 -timeout=120m -v ./web ./cmd/tollgate ./e2e ./...

.PHONY: bench
bench: build postgresql ## measure the console beside floors and other programs (FLAGS=-whole: a whole company)
	go build -C .ci/bench -o $(CURDIR)/bin/bench .
	bin/bench $(FLAGS)
