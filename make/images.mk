export BASE POSTGRES
PARTS ?= web jobs sandbox
# Another base than the pinned one: BASE=python:3.13-slim-trixie@sha256:...
BASE ?=
POSTGRES ?=
SBOM ?= .local/sbom.json

##@ Images
images: ## Build the images by Docker (PARTS="web jobs" BASE= POSTGRES=)
	@scripts/need.sh engine
	@for part in $(PARTS); do docker build --target "$$part" --tag "docuchat/portal-$$part" \
		$(if $(BASE),--build-arg "BASE=$$BASE") $(if $(POSTGRES),--build-arg "POSTGRES=$$POSTGRES") \
		--build-arg VERSION="$$(git describe --tags --always --dirty)" --build-arg REVISION="$$(git rev-parse HEAD)" \
		--build-arg CREATED="$$(git log -1 --format=%cI)" $(ARGS) . || exit 1; done

image-test: $(READY) ## Build and run the images without an engine (root, buildah, mmdebstrap)
	@$(BIN)/python -m delivery.images.trial

sbom: $(READY) ## The list of what production installs, in CycloneDX (SBOM=file)
	@$(BIN)/python -m delivery.sbom "$(SBOM)"
