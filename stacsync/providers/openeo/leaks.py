"""What a public catalog must not repeat: process graphs, users, and anything that signs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stacsync.providers.openeo.links import without_signatures

GRAPHS = frozenset({"processing:expression", "card4l:processing_chain", "process_graph"})
"""Fields that hold a whole process graph: often far larger than the rest, and with private code and addresses in it."""
PEOPLE = frozenset({"user_id", "user", "username", "owner"})


def cleaned(value: Any) -> Any:
    """Return a copy of a JSON value without process graphs, people and signatures, however deep they are."""
    if isinstance(value, Mapping):
        return {str(key): cleaned(inner) for key, inner in value.items() if not _leaks(str(key), inner)}
    if isinstance(value, list):
        return [cleaned(inner) for inner in value]
    return without_signatures(value) if isinstance(value, str) else value


def process_graph(*documents: Mapping[str, Any]) -> Any | None:
    """Return the process graph that the first of the documents states, with every address in it unsigned; or None."""
    for document in documents:
        for holder in _holders(document):
            for field in sorted(GRAPHS):
                graph = holder.get(field)
                if isinstance(graph, Mapping):
                    return _unsigned(graph.get("expression", graph))
    return None


def _holders(document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    properties = document.get("properties")
    places = [document, properties, document.get("process")]
    for place in (document, properties if isinstance(properties, Mapping) else {}):
        providers = place.get("providers")
        places.extend(providers if isinstance(providers, list) else [])
    return [place for place in places if isinstance(place, Mapping)]


def _leaks(key: str, value: Any) -> bool:
    graph = key == "process" and isinstance(value, Mapping) and "process_graph" in value
    return key in GRAPHS or key.lower() in PEOPLE or graph


def _unsigned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _unsigned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unsigned(inner) for inner in value]
    return without_signatures(value) if isinstance(value, str) else value
