"""The Collections that Pixxel's results belong to: one per workflow, and one per collection of delivered imagery. Pure."""

from __future__ import annotations

from stacsync.jobs import CollectionRecord, JobRecord
from stacsync.providers.pixxel import repair
from stacsync.providers.pixxel.listing import Workflow
from stacsync.providers.pixxel.words import text

ORGANISATION = {"name": "Pixxel", "roles": ["producer", "processor"], "url": "https://www.pixxel.space"}
_KEYWORDS = ("Pixxel", "hyperspectral")


def of_workflow(name: str, workflow: Workflow) -> CollectionRecord:
    """Return the Collection of a workflow's jobs at the provider `name`: one chain of blocks makes one kind of product."""
    title = workflow.name or f"Pixxel workflow {workflow.id}"
    return CollectionRecord(
        id=f"{name}-{workflow.id}",
        job_id=None,
        title=title,
        description=workflow.description or f"Results of the Pixxel workflow {title}.",
        keywords=_KEYWORDS,
        providers=(ORGANISATION,),
        extra={"pixxel:project": workflow.project} if workflow.project else {},
    )


def of_imagery(name: str, job: JobRecord) -> CollectionRecord:
    """Return the Collection of a delivered image."""
    document = job.details["imagery"]
    kind = text(document.get("collection")) or "imagery"
    return CollectionRecord(
        id=f"{name}-{kind}",
        job_id=None,
        title=f"Delivered imagery: {kind}",
        description="Imagery that Pixxel delivered to this account.",
        license=text(repair.properties(document).get("license")),
        keywords=_KEYWORDS,
        providers=(ORGANISATION,),
    )
