"""Write the sub-catalogs of one long list: those that changed, leaves first."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stacsync import layout
from stacsync.catalog import render, tree
from stacsync.catalog.write import Draft, Writer
from stacsync.ledger import lists
from stacsync.ledger.dirty import Note
from stacsync.ledger.heads import Head

AT_ONCE = 16
"""Sub-catalogs in memory at a time."""


@dataclass(slots=True)
class LongList:
    """The Items of a Collection, or the Collections of a provider, on their way into documents."""

    head: Head
    root: Head
    writer: Writer
    limit: int = tree.LIST_LIMIT
    width: int = 0
    """How the list turned out to be split, see `tree.split_width`."""
    count: int = 0
    """How many children it has."""
    gone: list[tuple[str, str]] = field(default_factory=list)
    """(key, kind) of documents that stand below it no longer: to be deleted once nothing names them."""

    def write(self, notes: Iterable[Note]) -> list[render.Link]:
        """Write every sub-catalog that `notes` or a new split touch; return the links of the top document."""
        with self.writer.ledger.read() as conn:
            months = lists.months(conn, self.head.provider, self.head.collection)
        self.count = sum(months.values())
        self.width = tree.split_width(months, self.limit)
        changed: dict[str, set[str]] = {}
        for note in notes:
            if note.month:
                changed.setdefault(note.month, set()).add(note.spread)
        if self.width == 0:
            return self._flat()
        if self.width != self.head.width:
            changed.update({month: {""} for month in months})
        self._months(sorted(months), changed)
        self._groups(months, changed)
        self._forget(months, changed)
        names = {tree.group(month, self.width) for month in months}
        return render.branches(self.head.key, self.head, [(name, "") for name in tree.ordered(names)])

    def _flat(self) -> list[render.Link]:
        with self.writer.ledger.read() as conn:
            self.gone += self.writer.ledger.documents.below(conn, self._folder())
            entries = lists.entries(conn, self.head.provider, self.head.collection)
        return render.children(self.head.key, entries, self.head)

    def _folder(self, name: str = "", digits: str = "") -> str:
        key = layout.branch_key(self.head.key, tree.path(name, digits) if name else ())
        return posixpath.dirname(key)

    def _key(self, name: str, digits: str = "") -> str:
        return layout.branch_key(self.head.key, tree.path(name, digits))

    def _months(self, months: Sequence[str], changed: dict[str, set[str]]) -> None:
        known = self.writer.ledger.documents.get_many(self._key(month) for month in months)
        drafts: list[Draft] = []
        for month in months:
            if month in changed or self._key(month) not in known:
                above = tree.groups_above(month, self.width)
                parent = (above[-1], "") if above else None
                drafts += self._visit(month, "", parent, changed.get(month, {""}))
            if len(drafts) >= AT_ONCE:
                self.writer.write(drafts)
                drafts = []
        if drafts:
            self.writer.write(drafts)

    def _visit(self, month: str, digits: str, above: tuple[str, str] | None, changed: set[str]) -> list[Draft]:
        """Return the document of a branch, if it is to exist; everything below it is written."""
        provider, collection = self.head.provider, self.head.collection
        with self.writer.ledger.read() as conn:
            count = lists.count(conn, provider, collection, month, digits, self.limit + 1)
            if count <= self.limit or len(digits) == tree.DEEPEST:
                below = self.writer.ledger.documents.below(conn, self._folder(month, digits))
                own = self._key(month, digits) if count else ""
                self.gone += [(key, kind) for key, kind in below if key != own]
                entries = lists.entries(conn, provider, collection, month, digits)
        if count == 0:
            return []
        if count > self.limit and len(digits) < tree.DEEPEST:
            links = self._split(month, digits, changed)
        else:
            links = render.children(self._key(month, digits), entries, self.head)
        return [render.branch(self.head, self.root, month, digits, above, links)]

    def _split(self, month: str, digits: str, changed: set[str]) -> list[render.Link]:
        below = [digits + digit for digit in tree.DIGITS]
        known = self.writer.ledger.documents.get_many(self._key(month, child) for child in below)
        drafts: list[Draft] = []
        listed: list[tuple[str, str]] = []
        for child in below:
            there = self._key(month, child) in known
            if not there or tree.touched(child, changed):
                visited = self._visit(month, child, (month, digits), changed)
                drafts += visited
                there = bool(visited)
            if there:
                listed.append((month, child))
        if drafts:
            self.writer.write(drafts)
        return render.branches(self._key(month, digits), self.head, listed)

    def _groups(self, months: Iterable[str], changed: dict[str, set[str]]) -> None:
        """Write years, then centuries, where they stand over a month that changed."""
        for level, width in enumerate(tree.WIDTHS[1:], start=1):
            if width < self.width:
                return
            finer = tree.WIDTHS[level - 1]
            members: dict[str, set[str]] = {}
            for month in months:
                if month != tree.UNDATED:
                    members.setdefault(tree.group(month, width), set()).add(tree.group(month, finer))
            hit = {tree.group(month, width) for month in changed}
            drafts = [self._group(name, width, members[name]) for name in sorted(members) if name in hit]
            for start in range(0, len(drafts), AT_ONCE):
                self.writer.write(drafts[start : start + AT_ONCE])

    def _group(self, name: str, width: int, members: Iterable[str]) -> Draft:
        links = render.branches(self._key(name), self.head, [(member, "") for member in tree.ordered(members)])
        above = (tree.group(name, tree.WIDTHS[-1]), "") if width > self.width else None
        return render.branch(self.head, self.root, name, "", above, links)

    def _forget(self, months: Iterable[str], changed: dict[str, set[str]]) -> None:
        """Note the documents of months and groups that are no more."""
        wanted = {tree.group(month, width) for month in months for width in tree.WIDTHS if width >= self.width}
        with self.writer.ledger.read() as conn:
            if self.width != self.head.width:
                below = self.writer.ledger.documents.below(conn, self._folder())
                start = len(self._folder()) + 1
                self.gone += [(key, kind) for key, kind in below if key[start:].split("/")[0] not in wanted]
                return
            for month in changed:
                for name in {tree.group(month, width) for width in tree.WIDTHS} - wanted:
                    self.gone += self.writer.ledger.documents.below(conn, self._folder(name))
