"""Moving assets in this process: connections, buffers and threads, put together once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Lock

from stacsync.http.fetch import Fetcher
from stacsync.jobs import AssetRecord
from stacsync.mirror.blocks import Blocks
from stacsync.mirror.carry import Carrier
from stacsync.mirror.errand import Errand, Ticker
from stacsync.mirror.folders import COPIERS
from stacsync.mirror.hands import Moved
from stacsync.mirror.mover import Mover
from stacsync.mirror.notes import Uploads
from stacsync.mirror.order import Sizes
from stacsync.mirror.parts import Spare
from stacsync.mirror.reuse import Choice
from stacsync.storage import Storage


class Here:
    """`Hands` of this process; `check` and `sleep` raise `Stopped` when it is asked to stop."""

    def __init__(  # noqa: PLR0913  each of them is decided once, where the process is put together
        self,
        storage: Storage,
        uploads: Uploads,
        *,
        max_asset_size: int,
        concurrency: int,
        trusted_hosts: Mapping[str, Iterable[str]],
        sizes: Sizes,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        check: Callable[[], None],
    ) -> None:
        """Connect nothing yet."""
        self.helpers = ThreadPoolExecutor(max(4, sizes.extra_parts), thread_name_prefix="mirror-parts")
        self._copiers = ThreadPoolExecutor(COPIERS, thread_name_prefix="mirror-folders")
        self._concurrency = concurrency
        self._trusted = {name: frozenset(hosts) for name, hosts in trusted_hosts.items()}
        spare = Spare(self.helpers, sizes.extra_parts, Blocks(sizes.part))
        self._mover = Mover(
            storage,
            Carrier(storage, uploads, sizes, spare, clock, max_asset_size, check),
            copiers=self._copiers,
            ceiling=max_asset_size,
            small=sizes.small,
            sleep=sleep,
            check=check,
        )
        self._lock = Lock()
        self._fetchers: dict[str, Fetcher] = {}

    def move(self, errand: Errand, asset: AssetRecord, choice: Choice, ticker: Ticker) -> Moved:
        """Make the asset lie at `choice.key`; see `Hands`."""
        return self._mover.move(errand, asset, choice, ticker)

    def fetcher(self, provider: str) -> Fetcher:
        """Return the connections to a provider's hosts."""
        with self._lock:
            if provider not in self._fetchers:
                trusted = self._trusted.get(provider, frozenset())
                self._fetchers[provider] = Fetcher(trusted, connections=self._concurrency)
            return self._fetchers[provider]

    def interrupt(self) -> None:
        """Break the connections that are being read."""
        with self._lock:
            fetchers = list(self._fetchers.values())
        for fetcher in fetchers:
            fetcher.interrupt()

    def close(self) -> None:
        """Release threads and connections."""
        self.helpers.shutdown()
        self._copiers.shutdown()
        self._mover.close()
        for fetcher in self._fetchers.values():
            fetcher.close()
