"""On whose behalf bytes are moved, and how far they came: what every transfer of one job shares."""

from __future__ import annotations

from dataclasses import dataclass, field

from stacsync.errors import AssetChanged, AssetGone, TransferFailed
from stacsync.http.fetch import Fetcher
from stacsync.jobs import JobRecord
from stacsync.mirror.events import Failed, Finished, Observer, Progress, Started
from stacsync.mirror.feed import Hope
from stacsync.mirror.order import MIB
from stacsync.provider import JobProvider


@dataclass(frozen=True, slots=True)
class Errand:
    """One job of one provider, and the connections to read it with."""

    name: str
    """The configured name of the provider."""
    job: JobRecord
    provider: JobProvider
    fetcher: Fetcher
    hope: Hope = field(default_factory=Hope)


class Ticker:
    """Tells the observer of one key, in steps that are worth telling."""

    def __init__(self, observer: Observer, provider: str, job: str, key: str) -> None:
        self._observer = observer
        self._place = (provider, job, key)
        self._untold = 0

    def start(self, size: int | None) -> None:
        """Tell that it begins."""
        self._observer(Started(*self._place, size))

    def add(self, count: int) -> None:
        """Count bytes; tells once a MiB."""
        self._untold += count
        if self._untold >= MIB:
            self._tell()

    def finish(self, moved: int, *, reused: bool = False) -> None:
        """Tell that it is there."""
        self._tell()
        self._observer(Finished(*self._place, moved, reused))

    def fail(self, message: str) -> None:
        """Tell that it failed."""
        self._tell()
        self._observer(Failed(*self._place, message))

    def _tell(self) -> None:
        if self._untold:
            self._observer(Progress(*self._place, self._untold))
            self._untold = 0


def named(error: TransferFailed, name: str) -> TransferFailed:
    """Return the error of an asset with the asset's name in its message, of a kind that callers know."""
    kind = next((kind for kind in (AssetGone, AssetChanged) if isinstance(error, kind)), TransferFailed)
    return kind(f"{name}: {error.message}", error.remedy)
