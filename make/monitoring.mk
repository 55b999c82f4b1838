##@ Monitor
dashboards: $(READY) ## Write Grafana's dashboards into the chart, from delivery/dashboards
	@$(BIN)/python -m delivery.dashboards && echo "✓ charts/docuchat/files/grafana is what the code makes"
