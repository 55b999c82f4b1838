"""Use cases of deploys: what the shared view of the cluster knows, and the ledger of deployments. For staff."""

from backend.deploys import ledger_service

record_deploy = ledger_service.record_deploy
deployments = ledger_service.deployments
deploys_between = ledger_service.deploys_between
deploys_of = ledger_service.deploys_of
deploys_behind = ledger_service.deploys_behind
deployed_services = ledger_service.deployed_services
delivery_figures = ledger_service.delivery_figures
