"""Deploys: workloads of the cluster, their rollouts and pods, kept in one view for each web process."""
