"""Collect STAC's own schemas and those of its extensions, as published, from packages that carry them: `schemas.py ARCHIVES TARGET`.

pystac's wheel has the core's; the source packages of its extensions have recorded answers of stac-extensions.github.io, and
eopf's wheel has copies. Writes one file a schema, and `map.json`: address -> file. Runs where pystac and PyYAML are installed.
"""

from __future__ import annotations

import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

Schemas = dict[str, dict[str, Any]]
HOST = "https://stac-extensions.github.io"
NEXT = {f"{HOST}/datacube/v2.2.0/schema.json": "v2.3.0", f"{HOST}/sat/v1.1.0/schema.json": "v1.2.0"}
"""Versions that no package carries yet: both added optional fields to the version before, and took nothing away."""


def core() -> Schemas:
    """Return the schemas of STAC 1.1.0 and GeoJSON."""
    folder = resources.files("pystac.validation") / "jsonschemas"
    found = {}
    for file in (folder / "stac-spec" / "v1.1.0").iterdir():
        part = file.name.removesuffix(".json") if file.name in {"catalog.json", "collection.json"} else "item"
        found[f"https://schemas.stacspec.org/v1.1.0/{part}-spec/json-schema/{file.name}"] = json.loads(file.read_text())
    for file in (folder / "geojson").iterdir():
        found[f"https://geojson.org/schema/{file.name}"] = json.loads(file.read_text())
    return found


def recorded(archive: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schemas among the recorded answers in a source package."""
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if "/cassettes/" in member.name else None
            for exchange in yaml.safe_load(file)["interactions"] if file is not None else ():
                try:
                    body = json.loads(exchange["response"]["body"]["string"])
                except (ValueError, TypeError):
                    continue
                if isinstance(body, dict) and "$schema" in body:
                    yield exchange["request"]["uri"].replace("/en/latest", ""), body


def copied(archive: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the extensions' schemas that lie in a wheel."""
    with zipfile.ZipFile(archive) as wheel:
        for name in wheel.namelist():
            if "/stac_extensions/extensions/" in name:
                body = json.loads(wheel.read(name))
                yield body["$id"].rstrip("#"), body


def collected(archives: Path) -> Schemas:
    """Return every schema by its address; a recorded answer goes before a copy."""
    found: Schemas = {}
    for wheel in sorted(archives.glob("*.whl")):
        found.update(copied(wheel))
    for archive in sorted(archives.glob("*.tar.gz")):
        found.update(recorded(archive))
    for address, version in NEXT.items():
        name, before, _ = address.removeprefix(f"{HOST}/").split("/")
        text = json.dumps(found[address]).replace(f"{name}/{before}", f"{name}/{version}")
        found[address.replace(before, version)] = json.loads(
            text.replace("schemas/v0.4/projjson", "schemas/v0.7/projjson")
        )
    return found | core()


def main() -> None:
    """Write the schemas and their map."""
    archives, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    files = {}
    for address, body in collected(archives).items():
        file = target / address.removeprefix("https://").replace("/", "_")
        file.write_text(json.dumps(body))
        files[address] = str(file.resolve())
    (target / "map.json").write_text(json.dumps(files, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
