"""Workloads of the cluster, their rollouts and logs, for the staff."""
