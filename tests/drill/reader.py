"""A reader that crawls all the while: no document of the store may name, at any moment, what is not there or not whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from tests.kit.workspace import Store


class Gap(AssertionError):
    """Something that a document names is missing or broken, and the document still names it."""


class Crawler:
    """One walk after the other over all links and assets, in a thread, for the length of a `with` block."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.gaps: list[str] = []
        self.walks = 0
        self._stop = Event()
        self._thread = Thread(target=self._run, name="reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.is_set() and not self.gaps:
            self.walks += 1
            try:
                walk(self.store, self._stop)
            except Gap as gap:
                self.gaps.append(str(gap))
            self._stop.wait(0.02)


def walk(store: Store, stop: Event | None = None) -> dict[str, dict[str, Any]]:
    """Return all documents that are reached from the root, {} when there is none yet. Raises `Gap`."""
    found: dict[str, dict[str, Any]] = {}
    todo = [("catalog.json", "")]
    while todo and not (stop and stop.is_set()):
        key, source = todo.pop()
        if key in found:
            continue
        document = _read(store, key, source)
        if document is None:
            continue
        found[key] = document
        for rel, target in _names(key, document):
            if rel in {"child", "item"}:
                todo.append((target, key))
            elif target not in found:
                _check(store, target, key)
    return found


def _names(key: str, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for link in document["links"]:
        if "://" not in link["href"]:
            yield link["rel"], _resolve(key, link["href"])
    for asset in document.get("assets", {}).values():
        if "://" not in asset["href"]:
            yield "asset", _resolve(key, asset["href"])


def _read(store: Store, key: str, source: str) -> dict[str, Any] | None:
    data = _bytes(store, key, source)
    if data is None:
        return None
    try:
        document = json.loads(data)
    except ValueError:
        raise Gap(f"{key} is not whole") from None
    if not isinstance(document, dict):
        raise Gap(f"{key} is no document")
    return document


def _check(store: Store, key: str, source: str) -> None:
    _bytes(store, key, source)


def _bytes(store: Store, key: str, source: str) -> bytes | None:
    """Return the object; None if it is missing and nobody names it any more. A folder (Zarr) counts as there."""
    try:
        return store.read(key)
    except KeyError:
        if key.endswith(".zarr") and any(name.startswith(f"{key}/") for name in store.keys()):  # noqa: SIM118  no mapping
            return b""
    if not source:
        return None
    try:
        again = json.loads(store.read(source))
    except KeyError:
        return None
    if any(target == key for _, target in _names(source, again)):
        try:
            return store.read(key)  # it may have come with the document that names it
        except KeyError:
            raise Gap(f"{source} names {key}, which is not there") from None
    return None


def _resolve(key: str, href: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(key), href))  # noqa: PTH118, PTH120  - a key is no path of this machine
