##@ Secure
audit-deps: $(READY) ## Known vulnerabilities of every locked package
	@$(BIN)/python -m delivery.audits

secrets-scan: $(READY) ## Look for secrets in every file of the repository
	@$(BIN)/python -m delivery.secret_scan

fuzz: $(READY) ## Feed every parser hostile data (ARGS="--examples 20000")
	@$(BIN)/python -m tests.fuzz $(ARGS)

UV ?= .local/tools/uv/bin/uv
LOCK = $(UV) pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url \
	--no-header --python-version 3.11 --quiet
# What the images install, each from a file of its own; the versions are those of requirements.txt.
IMAGE_LOCK = $(LOCK) --no-annotate --constraint requirements.txt

requirements: $(READY) ## Lock pyproject.toml again, for the machine and for the images
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --target .local/tools/uv uv
	@$(LOCK) --extra dev $(ARGS) -o requirements.txt
	@$(IMAGE_LOCK) -o delivery/requirements/product.txt
	@$(IMAGE_LOCK) --extra build -o delivery/requirements/build.txt
	@$(IMAGE_LOCK) --extra manual -o delivery/requirements/manual.txt
	@$(IMAGE_LOCK) --extra sandbox -o delivery/requirements/sandbox.txt
