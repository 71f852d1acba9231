"""Unpacks a job's package into the store, and finds it again when it was unpacked before.

What a package is, its first bytes tell: gzip around TAR, TAR, ZIP, anything else is a single file. TAR is never on
disk: members go to the store as they come out of the connection. Members lie below `layout.package_folder`; a package
that changed goes to a folder of its own, because documents may still name the members of the old one. A note, written
last, tells what lies there, so that neither a later pass nor a lost ledger makes us download it again. An attempt that
fails takes everything away that it wrote.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import suppress

from stacsync.errors import AssetChanged, JobUnusable, StorageError
from stacsync.http.poured import in_pieces
from stacsync.jobs import MemberFact, PackageRecord
from stacsync.mirror import sniff
from stacsync.mirror.archive import gunzip, tar, unzip
from stacsync.mirror.archive.gate import Gate
from stacsync.mirror.archive.gunzip import Ratio
from stacsync.mirror.archive.pull import Pull
from stacsync.mirror.archive.spool import Spool
from stacsync.mirror.errand import Errand, Ticker
from stacsync.mirror.feed import CannotContinue, Patience
from stacsync.mirror.members import Members
from stacsync.mirror.order import PackageLimits
from stacsync.mirror.remote import RemoteFeed
from stacsync.mirror.shelf import Place, Shelf
from stacsync.storage import Storage

BEGINNINGS = 3
"""How often a package is begun whose download cannot be continued."""


class Unpacker:
    """Unpacks packages; may be used from many threads."""

    def __init__(
        self,
        storage: Storage,
        shelf: Shelf,
        *,
        helpers: Executor,
        limits: PackageLimits,
        member_bytes: int,
        small: int,
        sleep: Callable[[float], None],
        check: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._shelf = shelf
        self._helpers = helpers
        self._limits = limits
        self._member_bytes = member_bytes
        self._small = small
        self._sleep = sleep
        self._check = check
        self._spool = Spool(limits.spool_bytes)

    def unpack(self, errand: Errand, package: PackageRecord, ticker: Ticker) -> tuple[tuple[MemberFact, ...], int]:
        """Make the wanted members lie in the store; return them by path, and the bytes moved.

        Raises `JobUnusable` for an archive that is hostile, broken or too large, `AssetGone`, `TransferFailed`,
        `StorageError` or `Stopped`; then nothing of it lies in the store.
        """
        found = self._shelf.find(errand, package, self._check)
        if found is not None:
            return found, 0
        place = self._shelf.place(errand, package)
        for beginning in range(1, BEGINNINGS + 1):
            try:
                return self._once(errand, package, place, ticker)
            except (AssetChanged, CannotContinue):
                if beginning == BEGINNINGS:
                    raise
        raise JobUnusable("the package could not be read whole")

    def _once(
        self, errand: Errand, package: PackageRecord, place: Place, ticker: Ticker
    ) -> tuple[tuple[MemberFact, ...], int]:
        feed = RemoteFeed(
            errand.fetcher,
            lambda fresh: errand.provider.sign(package, errand.job, fresh=fresh),
            Patience(self._sleep, errand.hope),
            ceiling=self._limits.total_bytes,
            stated_size=package.size,
            tell=ticker.add,
        )
        members = Members(self._storage, self._helpers, place.folder, package.identity, self._small, self._check)
        gate = Gate(self._limits, package.wants, self._member_bytes)
        try:
            feed.open()
            self._read(Pull(in_pieces(feed.read_into)), gate, members, feed.filename or package.id)
            facts = members.finish()
        except BaseException:
            members.give_up()
            with suppress(StorageError):
                self._shelf.clear(place)
            raise
        finally:
            feed.close()
        self._shelf.keep(errand, package, place, facts, gate.left)
        return facts, feed.moved

    def _read(self, pull: Pull, gate: Gate, members: Members, name: str) -> None:
        head = pull.peek(sniff.HEAD)
        if not head:
            raise JobUnusable("the package is empty")
        if head.startswith(gunzip.MAGIC) and _is_tar(gunzip.first_bytes(head, tar.BLOCK)):
            ratio = Ratio(self._limits.ratio, self._limits.ratio_from)
            self._untar(Pull(gunzip.gunzip(pull.remaining(), ratio)), gate, members)
        elif tar.looks_like_tar(head):
            self._untar(pull, gate, members)
        elif head.startswith(unzip.MAGICS):
            self._unzip(pull.remaining(), gate, members)
        else:
            self._single(pull, gate, members, name)

    def _untar(self, stream: Pull, gate: Gate, members: Members) -> None:
        for member in tar.members(stream):
            path = gate.admit(member.name, member.kind, member.size)
            if path is not None:
                members.write(path, stream.pieces(member.size), self._member_bytes)

    def _unzip(self, pieces: Iterator[memoryview], gate: Gate, members: Members) -> None:
        ratio = Ratio(self._limits.ratio, self._limits.ratio_from)
        with self._spool.file(pieces) as file, unzip.opened(file, self._limits.members) as archive:
            for info in archive.infolist():
                path = gate.admit(unzip.name_of(info), unzip.kind_of(info), info.file_size)
                if path is not None:
                    ratio.check(info.compress_size, info.file_size)
                    members.write(path, unzip.pieces(archive, info), self._member_bytes)

    def _single(self, pull: Pull, gate: Gate, members: Members, name: str) -> None:
        if instead := sniff.something_else(sniff.media_type(pull.peek(sniff.HEAD)), "package.zip", None):
            raise JobUnusable(f"{instead} came instead of the package", "the next pass asks again")
        path = gate.admit(posixpath.basename(name.replace("\\", "/")) or "file", tar.Kind.FILE, 0)
        if path is not None:
            members.write(path, pull.remaining(), self._member_bytes)


def _is_tar(first: bytes) -> bool:
    """Say whether these are the first bytes of a TAR; an empty one is empty blocks from its start."""
    return tar.looks_like_tar(first) or (len(first) == tar.BLOCK and not any(first))
