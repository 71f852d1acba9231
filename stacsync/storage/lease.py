"""The right to write a catalog: one object, `.stacsync/lease.json`, that one process keeps renewing.

It is created only if absent, renewed and taken over only if it is still what was read, so that of many that want it
exactly one gets it. It ends by itself when it is not renewed in time, and at once when its process died on this host.
Every takeover makes the `generation` grow by one: a writer that lost its lease can be told from the one that has it.

Where the store honours no conditions the promise is weaker: a candidate writes, waits and reads back; two that start
within that moment are told apart, two whose clocks or networks stall longer are not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from typing import Self

from stacsync.errors import Conflict, LeaseHeld, StorageError
from stacsync.layout import STATE
from stacsync.storage.contract import Storage
from stacsync.storage.owner import Owner

KEY = f"{STATE}/lease.json"
TTL = 30.0
"""Seconds that a lease lasts without renewal; it is renewed after a third of that."""
_SETTLE = 2.0
_SKEW = timedelta(minutes=15)
"""S3 refuses requests of a clock that differs by more, so no two holders can."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the lease object says."""

    owner: Owner
    until: datetime
    generation: int
    etag: str | None = None

    def document(self) -> bytes:
        """Return the lease object's content."""
        told = {"owner": asdict(self.owner), "until": self.until.isoformat(), "generation": self.generation}
        return json.dumps(told, indent=2, sort_keys=True).encode() + b"\n"

    @classmethod
    def read(cls, data: bytes, etag: str | None) -> Held:
        """Return what `data` says; one that cannot be understood has ended and belongs to nobody."""
        try:
            told = json.loads(data)
            until = datetime.fromisoformat(told["until"])
            owner = Owner(**{name: told["owner"][name] for name in ("host", "pid", "started", "token")})
            return cls(owner, until.astimezone(UTC), int(told["generation"]), etag)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(Owner("", 0, "", ""), datetime.fromtimestamp(0, UTC), 0, etag)


class Lease:
    """One holder's lease. A context manager: got on the way in, given back on the way out."""

    def __init__(
        self,
        storage: Storage,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        owner: Owner | None = None,
        ttl: float = TTL,
        settle: float = _SETTLE,
    ) -> None:
        """`sleep` may raise `Stopped`; `settle` is how long to wait before reading back where conditions are ignored."""
        self.owner = owner or Owner.here()
        self.lost = Event()
        """Set when another process has the lease, or may have it because ours could not be renewed in time."""
        self._storage = storage
        self._clock = clock
        self._sleep = sleep
        self._ttl = timedelta(seconds=ttl)
        self._settle = settle
        self._held: Held | None = None
        self._lock = Lock()
        self._stop = Event()
        self._thread: Thread | None = None

    @property
    def generation(self) -> int:
        """Return the fence: how many holders there were in a row, this one included; 0 while not held."""
        return self._held.generation if self._held else 0

    def acquire(self) -> int:
        """Get the lease and keep it renewed in the background; return its generation.

        Raises `LeaseHeld` naming the holder, or `StorageError`.
        """
        if self._thread is not None and self._thread.is_alive():
            self.renew()
            return self.generation
        with self._lock:
            there = self._read()
            if there and there.owner.token != self.owner.token:
                self._must_have_ended(there)
            self._held = self._write(there, 1 if there is None else there.generation + 1)
        self.lost.clear()
        self._stop.clear()
        self._thread = Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()
        return self.generation

    def renew(self) -> None:
        """Make the lease last its full time again. Raises `LeaseHeld` when it is another's, or `StorageError`."""
        with self._lock:
            self._renew()

    def ensure(self) -> None:
        """Return when the lease is surely ours now; otherwise raise `LeaseHeld`. Asks nothing over the network."""
        held = self._held
        if self.lost.is_set() or held is None or self._clock() >= held.until:
            raise LeaseHeld(
                f"{self._storage.url}: the lease on this catalog is not ours any more",
                "the next pass asks for it again",
            )

    def release(self) -> None:
        """Stop renewing, and delete the lease if it is still ours. Never raises: one that stays ends by itself."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            if self._held is None:
                return
            try:
                self._renew()  # proves that it is ours and keeps everybody off while it is deleted
                self._storage.delete([KEY])
            except (StorageError, LeaseHeld):
                return
            finally:
                self._held = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def _keep(self) -> None:
        """Renew until stopped; when the store cannot be reached try again until the lease has run out."""
        while not self._stop.wait(self._ttl.total_seconds() / 3):
            try:
                self.renew()
            except LeaseHeld:
                return
            except StorageError:
                held = self._held
                if held is None or self._clock() >= held.until:
                    self.lost.set()
                    return

    def _renew(self) -> None:
        if self._held is None:
            raise LeaseHeld(f"{self._storage.url}: there is no lease to renew", "acquire it first")
        try:
            self._held = self._put(self._held.generation, self._held)
        except Conflict:
            there = self._read()
            if there is None or there.owner.token != self.owner.token:
                self.lost.set()
                raise self._refusal(there) from None
            self._held = there  # our own write, whose answer was lost on the way

    def _read(self) -> Held | None:
        """Return what the lease object says now, with an ETag of exactly that content."""
        for _ in range(3):
            before = self._storage.head(KEY)
            if before is None:
                return None
            try:
                data = self._storage.get(KEY)
            except KeyError:
                continue
            after = self._storage.head(KEY)
            if after and after.etag == before.etag:
                return Held.read(data, before.etag)
        raise LeaseHeld(
            f"{self._storage.url}: others are taking the lease on this catalog right now", "try again in a while"
        )

    def _must_have_ended(self, there: Held) -> None:
        """Return when `there` has ended. Raises `LeaseHeld` otherwise."""
        if there.owner.ended():
            return
        late = self._clock() - there.until
        if -self._ttl - _SKEW <= late <= timedelta(0):
            raise self._refusal(there)
        if late < _SKEW:  # its holder's clock differs from ours: a living one renews while we watch
            self._sleep(self._ttl.total_seconds() / (2 if late > timedelta(0) else 1))
            now = self._read()
            if now is None or now.etag != there.etag:
                raise self._refusal(now)

    def _write(self, there: Held | None, generation: int) -> Held:
        try:
            held = self._put(generation, there)
        except Conflict:
            now = self._read()
            if now is None or now.owner.token != self.owner.token:
                raise self._refusal(now) from None
            return now
        if not self._storage.capabilities.conditional:
            self._sleep(self._settle)
            now = self._read()
            if now is None or now.owner.token != self.owner.token:
                raise self._refusal(now)
        return held

    def _put(self, generation: int, instead_of: Held | None) -> Held:
        held = Held(self.owner, self._clock() + self._ttl, generation)
        done = self._storage.put(
            KEY,
            held.document(),
            content_type="application/json",
            cache_control="no-store",
            if_absent=instead_of is None,
            if_match=instead_of.etag if instead_of else None,
        )
        return Held(held.owner, held.until, held.generation, done.etag)

    def _refusal(self, there: Held | None) -> LeaseHeld:
        if there is None:
            return LeaseHeld(f"{self._storage.url}: another process just had the lease on this catalog", "try again")
        age = self._clock() - (there.until - self._ttl)
        renewed = f"renewed {max(0, round(age.total_seconds()))} s ago"
        return LeaseHeld(
            f"{self._storage.url}: process {there.owner.pid} on {there.owner.machine or 'an unknown machine'} has the lease"
            f" on this catalog ({renewed}, generation {there.generation})",
            f"stop it, or wait: the lease ends {self._ttl.total_seconds():.0f} s after its last renewal",
        )
