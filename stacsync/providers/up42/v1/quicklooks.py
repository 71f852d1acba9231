"""The pictures that data tasks make of each feature, and which item each belongs to. Pure.

A picture is named after the feature that it shows. A job with a single picture means all of its features by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from stacsync.jobs import AssetRecord, Remote, identity
from stacsync.providers.up42.v1.features import Scene

_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
UNMATCHED = "quicklook of no item"


@dataclass(frozen=True, slots=True)
class Quicklook:
    """One picture of one task."""

    task: str
    name: str

    @property
    def stem(self) -> str:
        """What the picture shows: the id of a feature."""
        return PurePosixPath(self.name).stem


def quicklooks(task: str, listed: Any) -> tuple[Quicklook, ...]:
    """Return the pictures that a task lists; names that are no plain file names are left out."""
    names = listed if isinstance(listed, list) else ()
    return tuple(Quicklook(task, name) for name in names if isinstance(name, str) and _is_plain(name))


def match(pictures: Sequence[Quicklook], scenes: Iterable[Scene]) -> Mapping[str, Quicklook]:
    """Return the picture of each scene that has one, by the scene's name."""
    by_stem: dict[str, Quicklook] = {}
    for picture in pictures:
        by_stem.setdefault(picture.stem, picture)
    found: dict[str, Quicklook] = {}
    for scene in scenes:
        named = next((by_stem[name] for name in sorted(scene.ids) if name in by_stem), None) or by_stem.get(scene.name)
        if named:
            found[scene.name] = named
        elif len(by_stem) == 1:
            found[scene.name] = next(iter(by_stem.values()))
    return found


def thumbnail(job_id: str, picture: Quicklook) -> AssetRecord:
    """Return the picture as an asset; its address is signed when it is fetched."""
    path = f"jobs/{quote(job_id, safe='')}/tasks/{quote(picture.task, safe='')}/outputs/quicklooks/{quote(picture.name, safe='')}"
    return AssetRecord(
        key="thumbnail",
        source=Remote(path),
        filename=f"thumbnail{PurePosixPath(picture.name).suffix.lower()}",
        identity=identity("up42-v1", path),
        media_type=_TYPES.get(PurePosixPath(picture.name).suffix.lower()),
        title="Quicklook",
        roles=("thumbnail",),
    )


def _is_plain(name: str) -> bool:
    return bool(name.strip(".")) and "/" not in name and "\\" not in name and name.isprintable()
