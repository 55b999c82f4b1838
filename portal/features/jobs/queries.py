"""Everything that the page of jobs reads, in one call."""

from backend import clock
from backend.actor import Actor
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.job_runs import service as job_runs
from portal.features.jobs.rows import JobsView, to_job, to_leader, to_run
from portal.job_words import job_name
from portal.place import Place, page_at, to_pager

JOB = "job"


def overview(actor: Actor, lang: Lang, place: Place) -> JobsView:
    """The leader, every job, and a page of the history of the job that the address names."""
    standing, now = job_runs.standing(actor), clock.utc_now()
    chosen = place.word(JOB)
    place, found = page_at(place, lambda limit, offset: job_runs.history(actor, chosen, limit, offset))
    paused = sum(job.pause is not None for job in standing.jobs)
    return JobsView(
        leader=to_leader(standing, lang),
        jobs=[
            to_job(job, standing, place.with_word(JOB, job.job).address, now, lang) for job in standing.jobs
        ],
        paused=text("page.jobs.paused_count", lang, n=fmt.number(paused, lang)) if paused else "",
        chosen=chosen,
        chosen_name=job_name(chosen, lang) if chosen else "",
        runs=[to_run(run, lang) for run in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
    )
