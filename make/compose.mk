##@ Compose
devops-up: ## Start the whole system in containers and wait until it is healthy
	@scripts/need.sh engine compose
	@docker compose up --detach --build --wait

devops-down: ## Stop the containers; their data stays (ARGS=--volumes forgets it)
	@scripts/need.sh engine compose
	@docker compose down --remove-orphans $(ARGS)

devops-check: $(READY) ## Whether each service of the containers answers
	@scripts/need.sh engine compose
	@docker compose ps --all
	@$(BIN)/python -m delivery.reach portal=http://127.0.0.1:3000/readyz docuchat=http://127.0.0.1:8000/api/v1/metrics \
		prometheus=http://127.0.0.1:9090/-/ready grafana=http://127.0.0.1:3001/api/health

devops-logs: ## Follow the containers' logs (ARGS=portal for one)
	@scripts/need.sh engine compose
	@docker compose logs --follow --tail 100 $(ARGS)

devops-test: ## Every check of delivery, with a table of times
	@scripts/test-devops.sh $(ARGS)
