"""Add to mirrored rasters what they say of themselves; each file is read once, its facts are remembered.

From the header come grid, types and no-data value; with the extra `stacsync[raster]`, a small sample of the pixels gives
statistics, how a browser shows the raster best, and a picture where the provider gave none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, BinaryIO, Protocol, cast

from stacsync.errors import StorageError
from stacsync.jobs import ItemRecord, Mirrored
from stacsync.logs import get_logger
from stacsync.raster import extra, naming
from stacsync.raster.header import facts_of
from stacsync.raster.looks import Hint
from stacsync.raster.pictures import Gallery
from stacsync.raster.ranges import RangeFile, Ranges

AT_ONCE = 4
LOOKED = "stacsync:looked"
"""Kept with the facts of every file that was looked at, so that none is read again for the same question."""
_UNSURE = "stacsync:unsure"
_LOG = get_logger(__name__)
Found = Mapping[str, Mirrored]
Item = tuple[ItemRecord, Found]
_told: set[str] = set()


class Looking(Protocol):
    """Looks into the rasters of one job, some Items at a time."""

    def __call__(self, items: Sequence[Item]) -> list[dict[str, Mirrored]]:
        """Return the same files, rasters with their facts. Never raises for what a file holds."""
        ...


@dataclass(frozen=True, slots=True)
class _Task:
    """One raster to look into."""

    one: Mirrored
    hint: Hint
    picture: bool
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspector:
    """Reads rasters from `store`; `remember` keeps the facts of a key."""

    store: Ranges
    remember: Callable[[Mapping[str, Mapping[str, Any]]], None]
    gallery: Gallery | None = None
    """Where pictures go; None: none are made."""

    def of_job(self, provider: str, job: str) -> Looking:
        """Return what looks into the rasters of one job; from its `gallery.most`-th Item on, no pictures are made."""
        numbers = count()

        def look(items: Sequence[Item]) -> list[dict[str, Mirrored]]:
            tasks = [
                task for record, found in items for task in self._tasks(provider, job, record, found, next(numbers))
            ]
            facts = self._facts(provider, job, tasks)
            return [
                {key: _clean(replace(one, facts=facts.get(one.key, one.facts))) for key, one in found.items()}
                for _, found in items
            ]

        return look

    def _tasks(self, provider: str, job: str, record: ItemRecord, found: Found, number: int) -> list[_Task]:
        """Return the rasters of an Item that were not looked into yet with today's means."""
        rasters = {asset.key: asset for asset in record.assets if asset.key in found and is_tiff(found[asset.key])}
        if rasters and not extra.installed():
            _tell_once("raster.headers_only", remedy=extra.INSTALL)
        subject = None
        if self.gallery is not None and extra.installed():
            subject = naming.subject(record, list(rasters.values()))
            if subject is not None and number >= self.gallery.most:
                _tell_once(
                    f"raster.no_more_pictures {provider} {job}", provider=provider, job=job, most=self.gallery.most
                )
                subject = None
        tasks = []
        for key, asset in rasters.items():
            hint = naming.hint_of(asset, record, alone=len(rasters) == 1)
            picture = subject is not None and asset.key == subject.key
            mark = f"{'pixels' if extra.installed() else 'header'}:{naming.digest(hint)}{':picture' if picture else ''}"
            if not _answers(found[key].facts.get(LOOKED), mark):
                tasks.append(_Task(found[key], hint, picture, mark))
        return tasks

    def _facts(self, provider: str, job: str, tasks: Sequence[_Task]) -> dict[str, dict[str, Any]]:
        if not tasks:
            return {}
        unique = {task.one.key: task for task in sorted(tasks, key=lambda task: task.picture)}
        with ThreadPoolExecutor(min(AT_ONCE, len(unique))) as pool:
            answers = pool.map(lambda task: self._look(provider, job, task), unique.values())
            found = dict(zip(unique, answers, strict=True))
        sure = {key: facts for key, facts in found.items() if not facts.pop(_UNSURE, False)}
        self.remember({key: {**facts, LOOKED: unique[key].mark} for key, facts in sure.items()})
        return found

    def _look(self, provider: str, job: str, task: _Task) -> dict[str, Any]:
        one = task.one
        try:
            with RangeFile(self.store, one.key, one.size or 0) as file:
                facts = facts_of(cast("BinaryIO", file))
                return self._looked_into(file, facts, task, (provider, job)) if extra.installed() else facts
        except StorageError as error:
            return _unsure(one.key, error, {})
        except Exception as error:  # noqa: BLE001 - a hostile header may break the reader in any way; it only costs the facts
            _LOG.warning("raster.unreadable", key=one.key, error=type(error).__name__)
            return {}

    def _looked_into(
        self, file: RangeFile, facts: dict[str, Any], task: _Task, owner: tuple[str, str]
    ) -> dict[str, Any]:
        from stacsync.raster.looks import looks_of, merged  # noqa: PLC0415 - the extra that may be missing
        from stacsync.raster.pixels import sample  # noqa: PLC0415 - the same

        try:
            pixels = sample(file)
            looks = looks_of(pixels, task.hint)
            facts = merged(facts, pixels, looks)
            if task.picture and self.gallery is not None and looks is not None and pixels.whole:
                facts["picture"] = self.gallery.hang(owner, task.one, task.hint, pixels, looks)
        except StorageError as error:
            facts = _unsure(task.one.key, error, facts)
        except Exception as error:  # noqa: BLE001 - as above; what the header says stands
            _LOG.warning("raster.pixels_unreadable", key=task.one.key, error=type(error).__name__)
        return {name: value for name, value in facts.items() if value is not None}


def _unsure(key: str, error: StorageError, facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts that are not to be remembered: the store could not be asked, so the next look may find more."""
    _LOG.warning("raster.store_unavailable", key=key, error=error.message)
    return {**facts, _UNSURE: True}


def is_tiff(one: Mirrored) -> bool:
    """Whether a mirrored file is a TIFF."""
    return bool(one.size) and (one.media_type or "").startswith("image/tiff")


def _answers(known: object, wanted: str) -> bool:
    """Whether what is remembered was found with the means and for the question of today."""
    return isinstance(known, str) and known in {wanted, f"{wanted}:picture"}


def _clean(one: Mirrored) -> Mirrored:
    if LOOKED not in one.facts:
        return one
    return replace(one, facts={name: value for name, value in one.facts.items() if name != LOOKED})


def _tell_once(event: str, **fields: Any) -> None:
    if event not in _told:
        _told.add(event)
        _LOG.info(event.partition(" ")[0], **fields)
