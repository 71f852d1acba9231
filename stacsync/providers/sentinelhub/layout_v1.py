"""Where a version 1 request put its files: one template for all outputs, or one for each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stacsync.errors import JobUnusable
from stacsync.providers.sentinelhub.facts import mapping, text
from stacsync.providers.sentinelhub.locations import Template, template


@dataclass(frozen=True, slots=True)
class Layout:
    """Where every file of a request lies."""

    default: Template
    own: Mapping[str, Template]
    """Templates of outputs that have one of their own."""

    def of(self, output: str) -> Template:
        """Return the template of one output."""
        return self.own.get(output, self.default)

    def folders(self, request_id: str) -> tuple[tuple[str, str], ...]:
        """Return the (bucket, prefix) pairs that together hold every file, each once."""
        templates = (self.default, *self.own.values())
        return tuple(dict.fromkeys((one.bucket, one.prefix(request_id)) for one in templates))


def layout(request: Mapping[str, Any]) -> Layout:
    """Return where the request delivered to. Raises `JobUnusable` when it does not say."""
    target = mapping(request.get("output"))
    bucket = text(request.get("bucketName"))
    url = text(target.get("defaultTilePath")) or (f"s3://{bucket}" if bucket else None)
    responses = target.get("responses")
    stated = [mapping(entry) for entry in responses] if isinstance(responses, list) else []
    own = {str(entry["identifier"]): template(entry["tilePath"]) for entry in stated if text(entry.get("tilePath"))}
    if url is None and not own:
        raise JobUnusable("the request does not say where its results were delivered", "look at the request there")
    return Layout(template(url) if url else next(iter(own.values())), own)
