"""Pictures in the store: made once of each raster, kept beside it, found again when the ledger was lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from stacsync import layout
from stacsync.jobs import Mirrored, identity
from stacsync.raster import naming, picture
from stacsync.raster.looks import Hint, Looks
from stacsync.raster.pixels import Sample

MOST = 2_000
"""Items of one job that get a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hung:
    """A picture as it lies in the store."""

    key: str
    identity: str
    size: int
    sha256: str
    media_type: str = picture.MEDIA_TYPE


class Wall(Protocol):
    """Where pictures are kept, and what is known of them."""

    def find(self, key: str) -> Hung | None:
        """Return what lies at `key`, picture or not."""
        ...

    def hang(self, owner: tuple[str, str], hung: Hung, data: bytes) -> None:
        """Put a picture of (provider, job) into the store and remember it. Raises `StorageError`."""
        ...


@dataclass(frozen=True, slots=True)
class Gallery:
    """Makes pictures and hangs them."""

    wall: Wall
    most: int = MOST
    paint: Callable[[Sample, Looks], tuple[bytes, tuple[int, int]]] = picture.painted

    def hang(
        self, owner: tuple[str, str], one: Mirrored, hint: Hint, pixels: Sample, looks: Looks
    ) -> dict[str, Any] | None:
        """Make the picture of a raster, unless it hangs there already; return what a document says of it.

        None when something else lies where it would go. Raises `StorageError`.
        """
        key = layout.picture_key(one.key)
        if key is None or one.sha256 is None:
            return None
        name = identity("picture", picture.RECIPE, one.sha256, naming.digest(hint))
        data, shape = self.paint(pixels, looks)
        known = self.wall.find(key)
        if known is not None and not (known.identity == name or known.media_type == picture.MEDIA_TYPE):
            return None
        if known is None or known.identity != name:
            known = Hung(key=key, identity=name, size=len(data), sha256=sha256(data).hexdigest())
            self.wall.hang(owner, known, data)
        return {
            "key": key,
            "stacsync:source": name,
            "file:size": known.size,
            "file:checksum": f"1220{known.sha256}",
            "type": picture.MEDIA_TYPE,
            "proj:shape": list(shape),
        }
