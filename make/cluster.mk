RELEASE ?= docuchat
NAMESPACE ?= docuchat-prod
CHART := charts/docuchat
VALUES ?=
REVISION ?=
PART ?= portal
export RELEASE NAMESPACE VALUES REVISION PART

##@ Cluster
k8s-deploy: $(READY) ## Install or upgrade the chart and wait (VALUES=file.yaml)
	@scripts/need.sh helm kubectl
	@$(BIN)/python -m delivery.way_back upgrade $(ARGS)

k8s-render: $(READY) ## Print what would be applied; needs no cluster (VALUES=)
	@scripts/need.sh helm
	@helm template "$$RELEASE" $(CHART) --namespace "$$NAMESPACE" $(if $(VALUES),--values "$$VALUES") $(ARGS)

k8s-diff: $(READY) ## What a deployment would change in the cluster (VALUES=)
	@scripts/need.sh helm kubectl
	@values=$$($(BIN)/python -m delivery.chart_values) && release=$$(printf '%s' "$$values" | \
		helm upgrade --install "$$RELEASE" $(CHART) --namespace "$$NAMESPACE" \
			$(if $(VALUES),--values "$$VALUES") --values - --dry-run=server --output json $(ARGS)) && \
		printf '%s' "$$release" | $(BIN)/python -m delivery.chart_diff

k8s-rollback: $(READY) ## Take the release back (REVISION= one of k8s-history)
	@scripts/need.sh helm kubectl
	@$(BIN)/python -m delivery.way_back rollback

k8s-history: ## The revisions of the release
	@scripts/need.sh helm
	@helm history "$$RELEASE" --namespace "$$NAMESPACE"

k8s-status: ## The release, its workloads, pods and claims
	@scripts/need.sh helm kubectl
	@helm status "$$RELEASE" --namespace "$$NAMESPACE"
	@kubectl get deployments,statefulsets,cronjobs,pods,persistentvolumeclaims --namespace "$$NAMESPACE" \
		--selector "app.kubernetes.io/instance=$$RELEASE"

k8s-test: ## Run the chart's own tests in the cluster
	@scripts/need.sh helm
	@helm test "$$RELEASE" --namespace "$$NAMESPACE" --logs

k8s-billing: ## Start the nightly billing by hand in the cluster
	@scripts/need.sh kubectl
	@kubectl create job --from="cronjob/$$RELEASE-billing" "manual-billing-$$(date -u +%Y%m%d-%H%M%S)" --namespace "$$NAMESPACE"

logs: ## Follow the logs of a part (PART=portal, jobs, postgresql, ...)
	@scripts/need.sh kubectl
	@kubectl logs --follow --tail 100 --prefix --max-log-requests 20 --namespace "$$NAMESPACE" \
		--selector "app.kubernetes.io/instance=$$RELEASE,app.kubernetes.io/component=$$PART"
