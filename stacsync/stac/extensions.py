"""Which extensions a document names: those whose fields it carries, and carries rightly.

A field that an extension would refuse (a provider's own `proj:` word, a wrong value) is kept, but then the document
does not name that extension: what is named is true. Extensions that this version does not know are never named, though
their fields stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import jsonschema_rs
import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One extension at the version that is written."""

    name: str
    uri: str
    names: frozenset[str]
    """Fields without a prefix of their own."""
    prefix: str
    """The prefix of its fields, with the colon; empty when it has none."""
    scopes: Mapping[str, frozenset[str]]
    """Document type -> where its fields may stand."""
    needs: Mapping[str, frozenset[str]]
    """Document type -> where at least one field must stand, if anywhere in particular."""
    requires: Mapping[str, frozenset[str]]
    """Document type -> fields that must all be in the document's main object."""
    schema: Mapping[str, Any]
    """Draft-07 schema of an object that carries its fields."""

    def owns(self, field: str) -> bool:
        """Return whether a field is one of this extension's."""
        return field in self.names or bool(self.prefix and field.startswith(self.prefix))


@dataclass(frozen=True, slots=True)
class Carrier:
    """An object within a document that may carry extension fields."""

    scope: str
    path: str
    fields: Mapping[str, Any]
    owners: frozenset[str]
    """The URIs of the extensions whose fields are among them."""

    @classmethod
    def of(cls, scope: str, path: str, fields: Mapping[str, Any]) -> Carrier:
        """Return an object at `path` as a carrier."""
        return cls(scope, path, fields, frozenset().union(*map(_owners, fields)))


MAIN = {"Feature": "properties", "Collection": "document", "Catalog": "document"}


@cache
def known() -> tuple[Extension, ...]:
    """Return every extension that can be named, by name."""
    folder = resources.files("stacsync.stac") / "schemas"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".json")), key=lambda entry: entry.name)
    return tuple(_read(orjson.loads(entry.read_bytes())) for entry in files)


@lru_cache(maxsize=4096)
def _owners(field: str) -> frozenset[str]:
    """Return the URIs of the extensions that a field is one of; asked for every field of every document."""
    return frozenset(entry.uri for entry in known() if entry.owns(field))


def _read(body: dict[str, Any]) -> Extension:
    about = body["x-extension"]
    sets = {
        key: {kind: frozenset(values) for kind, values in about.get(key, {}).items()}
        for key in ("scopes", "needs", "requires")
    }
    names = frozenset(about.get("names", ()))
    return Extension(
        name=about["name"], uri=about["uri"], names=names, prefix=about.get("prefix", ""), schema=body, **sets
    )


@cache
def _checker(uri: str, field: str | None = None) -> jsonschema_rs.Draft7Validator:
    """Return the compiled schema of an extension's carriers, or of one of its fields alone."""
    whole = next(entry for entry in known() if entry.uri == uri).schema
    schema = whole if field is None else {"definitions": whole.get("definitions", {}), **whole["properties"][field]}
    return jsonschema_rs.Draft7Validator(dict(schema), validate_formats=True)


def carriers(document: Mapping[str, Any]) -> list[Carrier]:
    """Return every object of a document that may carry extension fields."""
    return list(_carriers(document))


def _carriers(document: Mapping[str, Any]) -> Iterator[Carrier]:
    if document.get("type") == "Feature":
        properties = document.get("properties") or {}
        yield Carrier.of("properties", "properties", properties)
        yield from _bands("properties", properties)
    else:
        yield Carrier.of("document", "", document)
        yield from _bands("", document)
        summaries = document.get("summaries")
        if isinstance(summaries, Mapping):
            yield Carrier.of("summaries", "summaries", summaries)
            yield from _bands("summaries", summaries)
    for scope in ("assets", "item_assets"):
        for key, asset in (document.get(scope) or {}).items():
            yield Carrier.of(scope, f"{scope}/{key}", asset)
            yield from _bands(f"{scope}/{key}", asset)
    for scope in ("links", "providers"):
        yield from (
            Carrier.of(scope, f"{scope}/{index}", entry) for index, entry in enumerate(document.get(scope) or ())
        )


def _bands(path: str, fields: Mapping[str, Any]) -> Iterator[Carrier]:
    bands = fields.get("bands")
    if isinstance(bands, list):
        inside = [(index, band) for index, band in enumerate(bands) if isinstance(band, Mapping)]
        yield from (Carrier.of("bands", f"{path}/bands/{index}".lstrip("/"), band) for index, band in inside)


def named(document: Mapping[str, Any]) -> list[str]:
    """Return the URIs that a document must name, sorted."""
    found = carriers(document)
    owners = frozenset[str]().union(*(carrier.owners for carrier in found))
    present = (entry for entry in known() if entry.uri in owners)
    kind = str(document.get("type"))
    return sorted(entry.uri for entry in present if _carries(entry, kind, found) and not _problems(entry, kind, found))


def problems(document: Mapping[str, Any], uris: Iterable[str]) -> list[str]:
    """Return what is wrong with a document by the extensions that it names."""
    by_uri = {entry.uri: entry for entry in known()}
    found, kind = carriers(document), str(document.get("type"))
    result = []
    for uri in uris:
        if uri in by_uri:
            result += _problems(by_uri[uri], kind, found)
        else:
            result.append(f"stac_extensions: {uri} is no extension that this version can check")
    return result


def _carries(entry: Extension, kind: str, found: list[Carrier]) -> bool:
    scopes = entry.scopes.get(kind, frozenset())
    return any(carrier.scope in scopes and entry.uri in carrier.owners for carrier in found)


def _problems(entry: Extension, kind: str, found: list[Carrier]) -> list[str]:
    if kind not in entry.scopes:
        return [f"{entry.name}: not for a {kind}"]
    needs = entry.needs.get(kind, frozenset())
    if needs and not any(carrier.scope in needs and entry.uri in carrier.owners for carrier in found):
        return [f"{entry.name}: no field of it in {' or '.join(sorted(needs))}"]
    main = next(carrier for carrier in found if carrier.scope == MAIN[kind])
    result = [
        f"{entry.name}: {name} is missing"
        for name in sorted(entry.requires.get(kind, frozenset()) - main.fields.keys())
    ]
    for carrier in found:
        if carrier.scope in entry.scopes[kind] and entry.uri in carrier.owners:
            result += _summarised(entry, carrier) if carrier.scope == "summaries" else _misfits(entry, carrier)
    return result


def _misfits(entry: Extension, carrier: Carrier) -> list[str]:
    return [_message(carrier, error) for error in _checker(entry.uri).iter_errors(dict(carrier.fields))]


def _summarised(entry: Extension, carrier: Carrier) -> list[str]:
    """Return summaries that are none, and listed values that their field could not have."""
    rules, result = entry.schema["properties"], []
    for name in filter(entry.owns, carrier.fields):
        summary = carrier.fields[name]
        listed = summary if isinstance(summary, list) else () if isinstance(summary, dict) else (summary,)
        for value in listed if name in rules else ():
            shapes = (value, [value]) if isinstance(summary, list) else ()
            if not any(_checker(entry.uri, name).is_valid(shape) for shape in shapes):
                result.append(f"{carrier.path}/{name}: {value!r} is no value of this field")
    return result


def _message(carrier: Carrier, error: jsonschema_rs.ValidationError) -> str:
    path = "/".join([carrier.path, *(str(part) for part in error.instance_path)]).strip("/")
    return f"{path}: {error.message}"
