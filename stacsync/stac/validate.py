"""Every document is checked against STAC's own schemas, and those of the extensions that it names, before it is put.

STAC's core schemas are those that pystac brings along; those of extensions are our own, in `schemas/`, written by the
extensions' published tables of fields. Compiled validators answer in microseconds; only a document that they refuse is
looked at again, for a message that a person can read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import orjson

from stacsync.stac import extensions
from stacsync.stac.bounds import flattened
from stacsync.stac.clean import leaks

if TYPE_CHECKING:
    import jsonschema
    import referencing

_VERSION = "v1.1.0"
_SPEC = f"https://schemas.stacspec.org/{_VERSION}"
_KINDS = {"Feature": "item", "Collection": "collection", "Catalog": "catalog"}
_COMMON = ("bands", "basics", "common", "data-values", "datetime", "instrument", "licensing", "provider")


def validate(document: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a STAC document, readably; nothing means valid.

    Checked are the core schema of its type, every extension that it names, its bboxes, and that it leaks nothing.
    Reads nothing but its own and pystac's package data.
    """
    kind = _KINDS.get(str(document.get("type")))
    if kind is None:
        return [f"type: {document.get('type')!r} is none of {', '.join(sorted(_KINDS))}"]
    found = [] if _compiled(kind).is_valid(document) else [_readable(kind, document)]
    found += extensions.problems(document, document.get("stac_extensions") or ())
    found += [f"{path}: west, south, east, north are out of range or order" for path in _bad_boxes(document)]
    return found + [f"{path.strip('/')}: holds a secret, a signature or an account" for path in leaks(document)]


def core_errors(document: Mapping[str, Any]) -> list[list[str | int]]:
    """Return the places of a document that its core schema refuses."""
    checker = _compiled(_KINDS[str(document["type"])])
    return [list(error.instance_path) for error in checker.iter_errors(document)]


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    import jsonschema  # noqa: PLC0415 - with its company it takes a while to load

    folder = resources.files("pystac.validation") / "jsonschemas"
    spec = folder / "stac-spec" / _VERSION
    found = {f"{_SPEC}/{name}-spec/json-schema/{name}.json": _read(spec / f"{name}.json") for name in _KINDS.values()}
    found |= {f"{_SPEC}/item-spec/json-schema/{name}.json": _read(spec / f"{name}.json") for name in _COMMON}
    found["http://json-schema.org/draft-07/schema"] = dict(jsonschema.Draft7Validator.META_SCHEMA)
    geojson = ("Feature", "Geometry")
    return found | {
        f"https://geojson.org/schema/{name}.json": _read(folder / "geojson" / f"{name}.json") for name in geojson
    }


def _read(file: Traversable) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(file.read_bytes())
    return body


@cache
def _compiled(kind: str) -> jsonschema_rs.Draft7Validator:
    schemas = [(uri, {**body, "$id": uri}) for uri, body in _schemas().items()]
    schema = {"$ref": f"{_SPEC}/{kind}-spec/json-schema/{kind}.json"}
    return jsonschema_rs.Draft7Validator(schema, registry=jsonschema_rs.Registry(schemas), validate_formats=True)


@cache
def _explaining(kind: str) -> jsonschema.Draft7Validator:
    import jsonschema  # noqa: PLC0415 - as above
    import referencing  # noqa: PLC0415 - the same
    from referencing.jsonschema import DRAFT7  # noqa: PLC0415 - the same

    resources_ = [(uri, DRAFT7.create_resource({**body, "$id": uri})) for uri, body in _schemas().items()]
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(resources_)
    schema = _schemas()[f"{_SPEC}/{kind}-spec/json-schema/{kind}.json"]
    return jsonschema.Draft7Validator(schema, registry=registry)


def _readable(kind: str, document: Mapping[str, Any]) -> str:
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as above

    error = best_match(_explaining(kind).iter_errors(orjson.loads(orjson.dumps(document))))
    if error is not None:
        return f"{_path(error.absolute_path)}: {_short(error.message)}"
    first = next(iter(_compiled(kind).iter_errors(document)))  # formats, which the other does not check
    return f"{_path(first.instance_path)}: {_short(first.message)}"


def _path(parts: Any) -> str:
    return "/".join(str(part) for part in parts) or "the document"


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:140]} … {message[-140:]}"


def _bad_boxes(document: Mapping[str, Any]) -> Iterator[str]:
    if "bbox" in document and flattened(document["bbox"]) is None:
        yield "bbox"
    spatial = (document.get("extent") or {}).get("spatial") or {}
    for index, bbox in enumerate(spatial.get("bbox") or ()):
        if flattened(bbox) is None:
            yield f"extent/spatial/bbox/{index}"
