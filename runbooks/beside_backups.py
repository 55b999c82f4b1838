"""Runs that use backups beside their volume, which a Job in another namespace cannot reach; all others as Jobs."""

from backend.runbooks.types import RunbookRun
from runbooks import registry
from runbooks.kubernetes_jobs import KubernetesJobs, is_job
from runbooks.launching_types import FoundProcess
from runbooks.local_processes import LocalProcesses


class BesideBackups:
    """Starts the runs that read or write backups as processes of this machine, and every other as a Job."""

    def __init__(self, jobs: KubernetesJobs, here: LocalProcesses) -> None:
        """Name the launcher of Jobs and that of processes."""
        self._jobs = jobs
        self._here = here

    def start(self, run: RunbookRun) -> str:
        """Start the run's process where its action finds what it needs. Raises Refused as that launcher does."""
        action = registry.actions().get(run.action)
        where = self._here if action is not None and action.uses_backups else self._jobs
        return where.start(run)

    def find(self, run: RunbookRun) -> FoundProcess:
        """The fate of the run's process, which its name says where to look for."""
        return self._of(run).find(run)

    def end(self, run: RunbookRun, *, by_force: bool) -> None:
        """Tell the run's process to end, or end it by force."""
        self._of(run).end(run, by_force=by_force)

    def _of(self, run: RunbookRun) -> KubernetesJobs | LocalProcesses:
        return self._jobs if is_job(run.process) else self._here
