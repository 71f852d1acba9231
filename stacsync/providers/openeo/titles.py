"""What people call an Item that its back-end gives no title: the job's title, and what tells it from the job's others. Pure."""

from __future__ import annotations

import re

_SUFFIX = re.compile(r"(?i)\.(tiff?|nc|nc4|json|csv|parquet|zarr|png|jpe?g|zip|geojson)$")
_TIME = re.compile(r"(?<!\d)(?:19|20)\d{2}-?\d{2}-?\d{2}(?:[T_]?\d{2}:?\d{2}:?\d{2}(?:\.\d+)?)?Z?(?!\d)")
_NOTHING = re.compile(
    r"(?i)^(openeo|results?|output|out|item)$|[0-9a-f]{8}-[0-9a-f]{4}-|(?=[a-z-]*\d)(?=[\d-]*[a-f])[0-9a-f]{12}"
)
"""Words that stand in every name, and ids."""
_BETWEEN = re.compile(r"[\s_,;:]+")


def item_title(stated: str | None, source_id: str, job_id: str, job_title: str | None) -> str | None:
    """Return the title of an Item; None when nothing but its id is known.

    The date is left out of what is taken from a file name: titles begin with it.
    """
    if stated or not job_title or source_id == job_id:
        return stated or job_title
    rest = _TIME.sub(" ", _SUFFIX.sub("", source_id.rpartition("/")[2].replace(job_id, " ")))
    words = [word.strip("-.") for word in _BETWEEN.split(rest)]
    told = " ".join(word for word in words if word and not _NOTHING.search(word))
    return f"{job_title}: {told}" if told else job_title
