##@ Chart
chart-lint: $(READY) ## Lint the chart with Helm 3 and 4, once for each set of values
	@for helm in helm3 helm4; do for values in charts/docuchat/ci/*-values.yaml; do \
		echo "· $$helm lint $$values"; \
		$(BIN)/python -m delivery.tools $$helm lint --strict --quiet charts/docuchat --namespace docuchat-prod --values $$values || exit 1; \
	done; done

chart-test: $(READY) ## Render every set of values and hold it against schemas and rules
	@$(BIN)/python -m pytest -q tests/delivery/chart $(ARGS)

chart-roles: $(READY) ## Write the chart's Roles from the list that the demo enforces
	@$(BIN)/python -m delivery.chart.roles

chart-docs: $(READY) ## Write the chart's schema and README from the comments of values.yaml
	@$(BIN)/python -m delivery.chart.write
