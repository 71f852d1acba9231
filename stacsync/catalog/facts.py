"""What the catalog is told, and what it tells back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """What is published about a configured provider."""

    kind: str
    title: str
    license: str | None = None
    """A configured license that overrides what the sources state; None: what they state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFacts:
    """What is published about the whole catalog: the `[catalog]` settings and `storage.public_url`."""

    id: str
    title: str
    description: str = ""
    license: str = "other"
    organisations: tuple[Mapping[str, Any], ...] = ()
    """STAC provider objects."""
    public_url: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentCounts:
    """What a publication did to the documents in the store."""

    written: int = 0
    unchanged: int = 0
    """Documents of the catalog that stayed as they were."""
    deleted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexAsset:
    """The search index of a Collection, as it lies in the store."""

    key: str
    """Where it lies."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The asset's STAC fields but `href`: type, title, roles, file:size, file:checksum."""


class Indexed(Protocol):
    """What is said of a search index: see `IndexAsset`."""

    @property
    def key(self) -> str:
        """Return where it lies."""
        ...

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the asset's STAC fields but `href`."""
        ...


class Index(Protocol):
    """Keeps a search index beside each Collection."""

    def update(
        self, provider: str, collection: str, changed_months: frozenset[str], document: Mapping[str, Any]
    ) -> Indexed | None:
        """Bring the index up to date, right before the Collection's document is written; None: there is no index.

        `collection` is the id in the ledger. `changed_months` may hold months that are empty now, and may name too many;
        it is empty when the Collection's own fields alone changed. `document` is the Collection as it will be, but
        without children and without this index.
        """
        ...

    def owed(self) -> frozenset[tuple[str, str]]:
        """Return the (provider, collection) whose index is not up to date: tried again at each publication."""
        ...


class Preview(Protocol):
    """Keeps a picture beside each Collection."""

    def update(self, provider: str, collection: str, document: Mapping[str, Any]) -> IndexAsset | None:
        """Bring the picture up to date with `document`, the Collection as it will be; None: there is none."""
        ...


Guard = Callable[[], None]
"""Called before each group of writes: raises `LeaseHeld` or `StorageError` when the right to write was lost."""


def unguarded() -> None:
    """Let every write pass: for a store that nobody else writes to."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with what is published."""

    key: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What would make a sound catalog read better."""

    problem: str
    remedy: str
    count: int
    """Documents that lack it."""
    of: int
    """Documents that could have it."""
    keys: tuple[str, ...] = ()
    """Some of those that lack it."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What a lost or stale ledger was made from."""

    documents: int
    items: int
    assets: int
    findings: tuple[Finding, ...] = ()
    """Documents that could not be read; their jobs put them right when they are taken again."""
    stale: bool = False
    """Whether the ledger knew another edition of the catalog; what it knew was dropped."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found."""

    documents: int
    assets: int
    findings: tuple[Finding, ...] = ()
    score: int = 100
    """How well the catalog reads, 0 to 100; never a reason to call it unsound."""
    advice: tuple[Advice, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings
