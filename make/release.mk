##@ Release
release: $(READY) ## The next version and its notes; APPLY=yes makes the tag
	@$(BIN)/python -m delivery.release next $(if $(filter yes,$(APPLY)),--apply)

release-notes: $(READY) ## Check a tag and write its notes (TAG= NOTES=file)
	@$(BIN)/python -m delivery.release notes

release-publish: ## Publish a tag with its notes on GitHub (TAG= NOTES=file)
	@scripts/need.sh gh
	@gh release create "$$TAG" --verify-tag --title "$$TAG" --notes-file "$$NOTES"

image-name: ## The name of an image in small letters, as registries want (REGISTRY= PART=)
	@test -n "$$REGISTRY" || { echo "Name the registry: make image-name REGISTRY=ghcr.io/acme/portal PART=web"; exit 2; }
	@printf 'image=%s/portal-%s\n' "$$REGISTRY" "$$PART" | tr '[:upper:]' '[:lower:]' | tee -a "$${GITHUB_OUTPUT:-/dev/null}"

image-digests: $(READY) ## The digests of a commit's images (REGISTRY= COMMIT=)
	@scripts/need.sh docker
	@$(BIN)/python -m delivery.image_digests

image-tags: $(READY) ## Give a commit's images the version's tag (REGISTRY= COMMIT= TAG=)
	@scripts/need.sh docker
	@$(BIN)/python -m delivery.image_digests --tag

image-verify: ## Whether our pipeline built the images (REGISTRY= WEB_DIGEST= JOBS_DIGEST=)
	@scripts/need.sh gh
	@for image in "portal-web@$$WEB_DIGEST" "portal-jobs@$$JOBS_DIGEST"; do \
		gh attestation verify "oci://$$(echo "$$REGISTRY" | tr '[:upper:]' '[:lower:]')/$$image" --repo "$$GITHUB_REPOSITORY" \
			--signer-workflow "$$GITHUB_REPOSITORY/.github/workflows/ci.yml" || exit 1; done

kubeconfig: ## Write KUBECONFIG_B64 to the file that KUBECONFIG names
	@test -n "$$KUBECONFIG" || { echo "Name the file to write: KUBECONFIG=..."; exit 2; }
	@test -n "$$KUBECONFIG_B64" || { echo "KUBECONFIG_B64 is empty. It holds a kubeconfig in base64."; exit 2; }
	@umask 077 && mkdir -p "$$(dirname "$$KUBECONFIG")" && printf '%s' "$$KUBECONFIG_B64" | base64 -d >"$$KUBECONFIG"

ledger-begin: $(READY) ## Tell the portal that a deployment begins (PORTAL_URL= VERSION=)
	@$(BIN)/python -m delivery.ledger begin

ledger-end: $(READY) ## Tell the portal how it ended (UPGRADE= SMOKE= ROLLBACK=)
	@$(BIN)/python -m delivery.ledger end

smoke: $(READY) ## Check a deployed portal from outside (URL=https://... REVISION=)
	@$(BIN)/python -m delivery.smoke
