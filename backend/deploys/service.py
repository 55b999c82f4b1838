"""Use cases of deploys: what the shared view of the cluster knows, and the ledger of deployments. For staff."""

from backend.deploys import (
    acting_service,
    capacity_service,
    cluster_service,
    database_server_service,
    ledger_service,
    rollout_service,
)

record_deploy = ledger_service.record_deploy
deployments = ledger_service.deployments
deploys_between = ledger_service.deploys_between
deploys_of = ledger_service.deploys_of
deploys_behind = ledger_service.deploys_behind
deployed_services = ledger_service.deployed_services
delivery_figures = ledger_service.delivery_figures

cluster_health = cluster_service.cluster_health
workloads = cluster_service.workloads
workload = cluster_service.workload
compare_revisions = cluster_service.compare_revisions
cluster_events = cluster_service.cluster_events
cluster_jobs = cluster_service.cluster_jobs
read_log = cluster_service.read_log
follow_log = cluster_service.follow_log
portal_may = cluster_service.portal_may
kubernetes = cluster_service.kubernetes
runner_may = cluster_service.runner_may
follow_cluster = cluster_service.follow_cluster

workload_now = acting_service.workload_now
database_head = acting_service.database_head
restart_workload = acting_service.restart_workload
scale_workload = acting_service.scale_workload
set_paused = acting_service.set_paused
roll_back_workload = acting_service.roll_back_workload
quota_shortage = capacity_service.quota_shortage
gpu_room = capacity_service.gpu_room

close_cluster = cluster_service.close_cluster

users_of_secret = rollout_service.users_of_secret
restart = rollout_service.restart
follow_rollouts = rollout_service.follow_rollouts

snapshots = database_server_service.snapshots
database_server = database_server_service.database_server
named_server = database_server_service.named_server
claim_identity = database_server_service.claim_identity
make_second_server = database_server_service.make_second_server
second_server_now = database_server_service.second_server_now
lead_to_server = database_server_service.lead_to_server
server_led_to = database_server_service.leads_to
drop_second_server = database_server_service.drop_second_server
