"""Where unpacked packages lie, and the notes that tell so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from stacsync import layout
from stacsync.jobs import MemberFact, PackageRecord, identity
from stacsync.ledger.assets import AssetRow
from stacsync.mirror.errand import Errand
from stacsync.mirror.members import with_heads
from stacsync.mirror.notes import Book
from stacsync.storage import Storage
from stacsync.storage.presence import sizes

ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Note:
    """What a package was unpacked to."""

    identity: str
    folder: str
    members: tuple[MemberFact, ...]
    left: tuple[str, ...]
    """Paths of members that nobody wanted then."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to unpack into."""

    folder: str
    fresh: bool
    """No document can name anything in it."""


class Shelf:
    """The unpacked packages of all providers."""

    def __init__(self, storage: Storage, book: Book) -> None:
        self._storage = storage
        self._book = book

    def find(self, errand: Errand, package: PackageRecord, check: Callable[[], None]) -> tuple[MemberFact, ...] | None:
        """Return the members of `package` if this very version of it lies in the store, with all that is wanted; else None."""
        note = self._note(errand, package.id)
        if note is None or note.identity != package.identity or any(package.wants(path) for path in note.left):
            return None
        if not self._whole(note, check):
            return None
        self._record(errand, package, note.members, only_missing=True)
        return with_heads(self._storage, (fact for fact in note.members if package.wants(fact.path)))

    def _whole(self, note: Note, check: Callable[[], None]) -> bool:
        """Say whether all members are there: listed as noted and in the ledger, or found when asked for by themselves.

        What was deleted leaves the ledger first, and may be listed for a while yet.
        """
        listed = {item.key: item.size for item in self._storage.list(note.folder)}
        doubtful: list[MemberFact] = []
        for batch in _batches(note.members):
            rows = self._book.get_many([fact.key for fact in batch])
            doubtful += [fact for fact in batch if fact.key not in rows or listed.get(fact.key) != fact.size]
        found = sizes(self._storage, (fact.key for fact in doubtful), check)
        return all(found.get(fact.key) == fact.size for fact in doubtful)

    def place(self, errand: Errand, package: PackageRecord) -> Place:
        """Return where to unpack `package`: beside whatever documents name, or over the very same bytes."""
        plain = layout.package_folder(errand.name, errand.job.id, package.id)
        note = self._note(errand, package.id)
        if note is not None and note.identity == package.identity:
            return Place(note.folder, fresh=False)
        rows = self._book.of_job(errand.name, errand.job.id)
        beside = layout.versioned(plain, package.identity)
        for folder in (plain, beside):
            if not (note and note.folder == folder) and not any(key.startswith(f"{folder}/") for key in rows):
                return Place(folder, fresh=True)
        return Place(beside, fresh=False)

    def keep(
        self, errand: Errand, package: PackageRecord, place: Place, facts: tuple[MemberFact, ...], left: Iterable[str]
    ) -> None:
        """Note that `package` lies at `place`, after taking away what an interrupted attempt left there."""
        if place.fresh:
            known = {fact.key for fact in facts}
            self._storage.delete([item.key for item in self._storage.list(place.folder) if item.key not in known])
        self._storage.put(
            layout.package_note(errand.name, errand.job.id, package.id),
            orjson.dumps(_to_json(Note(package.identity, place.folder, facts, tuple(left)))),
            content_type="application/json",
        )
        self._record(errand, package, facts)

    def clear(self, place: Place) -> None:
        """Take away what a failed attempt wrote, unless it wrote over what documents name."""
        if place.fresh:
            self._storage.delete([item.key for item in self._storage.list(place.folder)])

    def _note(self, errand: Errand, package: str) -> Note | None:
        try:
            text = self._storage.get(layout.package_note(errand.name, errand.job.id, package))
            return _from_json(orjson.loads(text))
        except (KeyError, TypeError, ValueError):
            return None

    def _record(
        self, errand: Errand, package: PackageRecord, facts: Iterable[MemberFact], *, only_missing: bool = False
    ) -> None:
        for batch in _batches(facts):
            known = self._book.get_many([fact.key for fact in batch]) if only_missing else {}
            rows = [_row(errand, package, fact) for fact in batch if fact.key not in known]
            if rows:
                self._book.record(*rows)


def _batches(facts: Iterable[MemberFact]) -> Iterator[list[MemberFact]]:
    batch: list[MemberFact] = []
    for fact in facts:
        batch.append(fact)
        if len(batch) == ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _row(errand: Errand, package: PackageRecord, fact: MemberFact) -> AssetRow:
    return AssetRow(
        key=fact.key,
        provider=errand.name,
        job=errand.job.id,
        identity=identity(package.identity, fact.path),
        size=fact.size,
        sha256=fact.sha256,
        media_type=fact.media_type,
    )


def _to_json(note: Note) -> dict[str, Any]:
    members = [[fact.path, fact.size, fact.sha256, fact.media_type] for fact in note.members]
    return {"identity": note.identity, "folder": note.folder, "members": members, "left": note.left}


def _from_json(value: dict[str, Any]) -> Note:
    folder = str(value["folder"])
    members = tuple(
        MemberFact(path=path, key=layout.member_key(folder, path), size=size, sha256=sha256, media_type=media_type)
        for path, size, sha256, media_type in value["members"]
    )
    return Note(str(value["identity"]), folder, members, tuple(value["left"]))
