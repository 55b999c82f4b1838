##@ Prove more
test-all: $(READY) test test-newest soak fuzz ## All tests, the newest Python, random payments, hostile data
	@echo "✓ everything and more passed"

test-newest: $(READY) ## Unit, mail and start tests on the newest Python
	@echo "· tests on the newest Python" && $(BIN)/python -m backend.sandbox.newest -m pytest -q $(SIDE_BY_SIDE) \
		tests/unit tests/integration/notifications tests/integration/portal/test_start.py $(ARGS)

lint-all: $(READY) lint ## Lint also scripts, workflows and YAML
	@echo "· scripts" && $(BIN)/shellcheck scripts/*.sh && $(BIN)/shfmt -d scripts
	@echo "· workflows" && $(BIN)/actionlint .github/workflows/*.yml && $(BIN)/zizmor --offline --quiet --pedantic .github
	@echo "· YAML" && $(BIN)/yamllint -s -d '{extends: relaxed, rules: {line-length: disable}}' .github

i18n-check: $(READY) ## Both languages say the same, in good letters
	@$(BIN)/python -m pytest -q tests/guards/test_catalogue.py tests/guards/test_persian.py $(ARGS)

rules-test: $(READY) ## Play the alert rules through recorded and made-up nights
	@$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) tests/integration/alert_rules $(ARGS)

two-of-each: $(READY) ## Two web processes and two jobs behind one address: any may die
	@$(BIN)/python -m pytest -q tests/integration/twos $(ARGS)

coverage: $(READY) ## How much code unit and integration tests run, branches too
	@$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) --cov --cov-branch --cov-report=term:skip-covered tests/unit tests/integration $(ARGS)

soak: $(READY) ## Ten thousand random histories of payments (ARGS="--histories 500")
	@$(BIN)/python -m tests.soak $(ARGS)

mutants: $(READY) ## Change the code of money; what does no test see? (ARGS="--under FOLDER")
	@$(BIN)/python -m tests.mutants $(ARGS)

bench: $(READY) ## Measure pages, nights, payments, alerts (ARGS=doors for one)
	@$(BIN)/python -m tests.bench $(ARGS)
