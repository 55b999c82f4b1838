# The manual in docs/fa and docs/en. The English site lies in the Persian one, so it is built second.

MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs
MANUAL_PORT ?= 8001

##@ Manual
docs: $(READY) ## Build the manual in both languages into site/, which the portal shows at /docs
	@$(MKDOCS) build --strict -f mkdocs.fa.yml
	@$(MKDOCS) build --strict -f mkdocs.en.yml

docs-serve: $(READY) ## Show the manual in both languages while it is written (MANUAL_PORT=8001)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m delivery.manual "$(MANUAL_PORT)"

docs-check: $(READY) ## Prove the manual: languages alike, links, commands, names, search
	@$(BIN)/python -m pytest -q tests/delivery/documents $(ARGS)

screenshots: $(READY) ## Take the manual's pictures anew by end-to-end tests (about five minutes)
	@$(BIN)/python -m pytest -q tests/e2e -k "pages_of_a_tenant or pages_of_an_operator or paused_and_resumed or from_its_rule" $(ARGS)
	@$(BIN)/python -m delivery.screenshots
