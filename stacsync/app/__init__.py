"""The commands, as functions of an opened configuration: what `stacsync.cli` parses for and `stacsync.daemon` repeats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stacsync import registry
from stacsync.app.maintaining import rebuild, retire, verify
from stacsync.app.parts import Parts, now
from stacsync.app.syncing import sync
from stacsync.app.telling import check, status
from stacsync.errors import ConfigError, StacsyncError
from stacsync.mirror.events import Observer, unwatched
from stacsync.provider import CheckLine, SignsIn
from stacsync.sync import PassReport, to_json

__all__ = ["App", "Parts", "now", "open_app"]


class App:
    """One opened configuration; `close` it at the end. Raises `stacsync.errors` only."""

    def __init__(self, parts: Parts) -> None:
        """Run commands on `parts`."""
        self.parts = parts

    def sync(
        self, providers: list[str], jobs: Sequence[str], *, dry_run: bool = False, force: bool = False
    ) -> dict[str, Any]:
        """Make one pass of the named (default: all) providers; return the object of `sync --json`."""
        return sync(self.parts, providers, jobs, dry_run=dry_run, force=force)

    def unmade(self, providers: list[str], error: StacsyncError) -> dict[str, Any]:
        """Return the object of `sync --json` for passes that could not be made at all because of `error`."""
        return to_json([PassReport(name, error=str(error)) for name in self.parts.names(providers)], 0.0)

    def check(self) -> list[CheckLine]:
        """Try the ledger, the store and every provider."""
        return list(check(self.parts))

    def status(self) -> dict[str, Any]:
        """Return the object of `status --json`."""
        return status(self.parts)

    def verify(self, *, checksums: bool = False) -> dict[str, Any]:
        """Audit what is published; return the object of `verify --json`."""
        return verify(self.parts, checksums=checksums)

    def rebuild(self) -> dict[str, Any]:
        """Write every document again from the ledger alone; return the counts of documents."""
        return rebuild(self.parts)

    def retire(self, provider: str | None, job: str | None, *, delete_assets: bool = False) -> dict[str, Any]:
        """Take jobs' items out of the catalog; return how many jobs and the counts of documents."""
        return retire(self.parts, provider, job, delete_assets=delete_assets)

    def login(self, provider: str, tell: Callable[[str], None]) -> None:
        """Sign in with the user's help and keep what was got."""
        self.parts.names([provider])
        found = self.parts.provider(provider)
        if not isinstance(found, SignsIn):
            kind = self.parts.settings.providers[provider].kind
            raise ConfigError(
                f"providers of kind {kind} have no interactive sign-in", "their credentials stand in the configuration"
            )
        found.login(tell)

    def search(
        self,
        *,
        bbox: tuple[float, float, float, float] | None = None,
        datetime: str | None = None,
        collections: Sequence[str] = (),
        filter: str | None = None,  # noqa: A002 - the STAC API's own name
        limit: int = 100,
    ) -> dict[str, Any]:
        """Find Items of the published catalog by its indexes, newest first; return a GeoJSON FeatureCollection."""
        from stacsync.search import Query  # noqa: PLC0415 - one command needs it
        from stacsync.search.results import search  # noqa: PLC0415 - the same

        query = Query(bbox=bbox, datetime=datetime, collections=tuple(collections), filter=filter, limit=limit)
        return search(self.parts.storage, query, public_url=self.parts.settings.storage.public_url)

    def close(self) -> None:
        """Stop what is under way and release everything."""
        self.parts.close()


def open_app(config: Path | None, *, writing: bool = True, observer: Observer = unwatched) -> App:
    """Read the configuration and return the commands on it. Raises `ConfigError`.

    With `writing=False` nothing is written anywhere, the ledger included.
    """
    parts = Parts(registry.load_settings(config), writing=writing, observer=observer)
    _ = parts.cluster  # so that what is not installed is told before anything starts
    return App(parts)
