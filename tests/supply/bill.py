"""The bill of materials (CycloneDX 1.6) and the licences, from the lock and from what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.supply.lock import Pinned

UNKNOWN = "not stated"
_CLASSIFIER = "License :: OSI Approved :: "


def licence(name: str) -> str:
    """Return the licence that an installed package states of itself, in its own words."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return "not installed here"
    if expression := (told.get_all("License-Expression") or [""])[0]:
        return str(expression)
    named = [one.removeprefix(_CLASSIFIER) for one in told.get_all("Classifier") or () if one.startswith(_CLASSIFIER)]
    if named:
        return " or ".join(named)
    lines = [line.strip() for line in str((told.get_all("License") or [""])[0]).splitlines() if line.strip()]
    return lines[0][:80] if lines else UNKNOWN


def bill(packages: Iterable[Pinned]) -> dict[str, Any]:
    """Return the CycloneDX document; the same lock gives the same bytes."""
    components = [_component(one) for one in packages]
    parts = [str(one["purl"]) for one in components]
    mine = {"type": "application", "bom-ref": "stacsync", "name": "stacsync", "version": version("stacsync")}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, ' '.join([str(mine['version']), *parts]))}",
        "version": 1,
        "metadata": {"component": {**mine, "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": components,
        "dependencies": [{"ref": "stacsync", "dependsOn": parts}],
    }


def _component(one: Pinned) -> dict[str, Any]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', one.name).lower()}@{one.version}"
    properties = [{"name": "stacsync:file:sha256", "value": found} for found in one.hashes]
    if one.marker:
        properties.append({"name": "stacsync:marker", "value": one.marker})
    return {
        "type": "library",
        "bom-ref": purl,
        "name": one.name,
        "version": one.version,
        "purl": purl,
        "licenses": [{"license": {"name": licence(one.name)}}],
        "properties": properties,
    }
