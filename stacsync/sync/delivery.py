"""Bring the files of some Items into the store: which ones, under which keys, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from stacsync import layout
from stacsync.errors import AssetGone, TransferFailed
from stacsync.jobs import (
    AssetRecord,
    CollectionRecord,
    Contents,
    Inline,
    ItemRecord,
    JobRecord,
    Member,
    MemberFact,
    Mirrored,
)
from stacsync.mirror import Transfer
from stacsync.provider import JobProvider
from stacsync.settings.globs import chosen
from stacsync.sync.report import AssetCounts

Record = TypeVar("Record", ItemRecord, CollectionRecord)


class Mirrors(Protocol):
    """What is needed of `stacsync.mirror.Mirror`."""

    def transfer(
        self, provider_name: str, job: JobRecord, provider: JobProvider, transfers: Sequence[Transfer]
    ) -> list[Mirrored | TransferFailed]:
        """Bring assets into the store; one answer each, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Filter:
    """Which assets of Items and Collections the operator wants, by key, file name or media type (globs)."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def wants(self, asset: AssetRecord) -> bool:
        """Return whether `asset` is to be published; documents that the provider handed over are, unless excluded."""
        names = [asset.key, asset.filename, asset.filename.rsplit("/", 1)[-1], (asset.media_type or "").split(";")[0]]
        include = () if isinstance(asset.source, Inline) else self.include
        return chosen(names, include, self.exclude)


@dataclass(frozen=True, slots=True)
class Lost:
    """An asset that could not be brought in."""

    asset: AssetRecord
    error: TransferFailed

    @property
    def gone(self) -> bool:
        """Whether its provider declares it gone."""
        return isinstance(self.error, AssetGone)


@dataclass(slots=True)
class Delivered:
    """Items with what lies in the store of each, and what does not."""

    items: list[tuple[ItemRecord, dict[str, Mirrored]]] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    counts: AssetCounts = field(default_factory=AssetCounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Brings the assets of one job of one provider into the store."""

    name: str
    provider: JobProvider
    job: JobRecord
    mirror: Mirrors
    filter: Filter
    contents: Contents
    counted: set[str] = field(default_factory=set)
    """Members of packages that an Item has: one that several have came once."""
    forgiven: frozenset[str]
    """Identities of assets that were gone in so many passes that the Item is published without them."""

    def items(self, records: Sequence[ItemRecord]) -> Delivered:
        """Bring in the assets of `records`."""
        delivered = Delivered()
        wanted: list[tuple[int, AssetRecord, str]] = []
        for number, record in enumerate(records):
            keys = layout.asset_keys(self.name, record.collection, layout.segment(record.id), _names(record.assets))
            kept = self._filtered(record)
            wanted += [(number, asset, keys[asset.key]) for asset in kept.assets]
            delivered.items.append((kept, {}))
        self._bring(wanted, delivered)
        delivered.items = [
            (replace(record, missing=self._missing(record, delivered)), found) for record, found in delivered.items
        ]
        return delivered

    def collection(self, record: CollectionRecord) -> tuple[CollectionRecord, Delivered]:
        """Bring in the assets of a Collection itself; return it with those that are wanted."""
        keys = layout.collection_asset_keys(self.name, record.id, self.job.id, _names(record.assets))
        kept = self._filtered(record)
        delivered = Delivered(items=[(ItemRecord(id="", collection=record.id, job_id=None), {})])
        self._bring([(0, asset, keys[asset.key]) for asset in kept.assets], delivered)
        return kept, delivered

    def _filtered(self, record: Record) -> Record:
        kept = tuple(asset for asset in record.assets if self.filter.wants(asset))
        return record if len(kept) == len(record.assets) else replace(record, assets=kept)

    def _missing(self, record: ItemRecord, delivered: Delivered) -> tuple[str, ...]:
        lost = {id(one.asset) for one in delivered.lost if one.gone and one.asset.identity in self.forgiven}
        return (*record.missing, *(asset.key for asset in record.assets if id(asset) in lost))

    def _bring(self, wanted: Sequence[tuple[int, AssetRecord, str]], delivered: Delivered) -> None:
        members = _by_path(self.contents)
        moves: list[tuple[int, AssetRecord, str]] = []
        for number, asset, key in wanted:
            if isinstance(asset.source, Member):
                fact = members.get((asset.source.package, asset.source.path))
                if fact is None:
                    delivered.lost.append(Lost(asset, TransferFailed(f"the package holds no {asset.source.path}")))
                else:
                    self._note(number, asset, _mirrored(asset, fact, fact.key not in self.counted), delivered)
                    self.counted.add(fact.key)
            elif asset.mirrored:
                moves.append((number, asset, key))
        answers = self.mirror.transfer(
            self.name, self.job, self.provider, [Transfer(asset=asset, key=key) for _, asset, key in moves]
        )
        for (number, asset, _), answer in zip(moves, answers, strict=True):
            if isinstance(answer, TransferFailed):
                delivered.lost.append(Lost(asset, answer))
                delivered.counts.failed += 1
                continue
            self._note(number, asset, answer, delivered)

    @staticmethod
    def _note(number: int, asset: AssetRecord, found: Mirrored, delivered: Delivered) -> None:
        delivered.items[number][1][asset.key] = found
        delivered.counts.bytes += found.moved
        if found.reused:
            delivered.counts.reused += 1
        else:
            delivered.counts.transferred += 1


def _names(assets: Sequence[AssetRecord]) -> dict[str, str]:
    """Return wished file names by asset key: of all assets, so that what the operator leaves out renames no other."""
    return {asset.key: asset.filename for asset in assets}


def _by_path(contents: Contents) -> Mapping[tuple[str, str], MemberFact]:
    return {(package, fact.path): fact for package, facts in contents.items() for fact in facts}


def _mirrored(asset: AssetRecord, fact: MemberFact, first: bool) -> Mirrored:
    return Mirrored(
        key=fact.key,
        size=fact.size,
        sha256=fact.sha256,
        identity=asset.identity,
        media_type=fact.media_type,
        reused=not (fact.fresh and first),
        moved=fact.size if fact.fresh and first else 0,
    )
