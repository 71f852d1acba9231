"""The Collection that a job of the first API feeds. Pure."""

from __future__ import annotations

from stacsync.jobs import CollectionRecord, JobRecord
from stacsync.providers.up42.names import slug
from stacsync.providers.up42.v1.jobs import facts_of

ORGANISATION = {"name": "UP42", "roles": ["processor"], "url": "https://up42.com"}


def collection_record(job: JobRecord, provider: str, grouping: str) -> CollectionRecord:
    """Return what `job` contributes: to its workflow's, its project's or its own Collection.

    A job that names no workflow goes into a Collection of such jobs.
    """
    facts = facts_of(job)
    if grouping == "job":
        name, title = job.id, job.title or f"UP42 job {job.id[:8]}"
        told = f"Results of the UP42 job {title}."
    elif grouping == "project":
        name, title = "project", "UP42 project"
        told = "Results of all jobs of one UP42 project."
    else:
        name = facts.workflow_id or "no-workflow"
        title = facts.workflow_name or (f"UP42 workflow {name[:8]}" if facts.workflow_id else "UP42 jobs")
        told = (
            f"Results of the UP42 workflow {title}."
            if facts.workflow_id
            else "Results of UP42 jobs without a workflow."
        )
    return CollectionRecord(
        id=f"{provider}-{slug(name)}",
        job_id=job.id if grouping == "job" else None,
        title=title,
        description=told,
        keywords=("UP42",),
        providers=(ORGANISATION,),
        created=job.created if grouping == "job" else None,
    )
