"""A process that dies at a named point: every touch of the store, the ledger and a provider is one, before and after.

Nothing in the product knows of it: the parts of `stacsync.app.Parts` are wrapped at their seams. Run as a program it is
a server that forks one child per order, so that a crash costs a few milliseconds of start-up; it opens no thread and no
connection itself. An order is a JSON line `{"config": …, "die_at": … or null, "kill_after": seconds or null, "told": file}`;
the answer is the child's exit code. A child that is not killed writes the names of the points that it passed to `told`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from threading import Lock
from types import FrameType
from typing import Any, cast

from sqlalchemy import Connection
from stacsync import registry
from stacsync.app import App, Parts, now
from stacsync.app.part import part
from stacsync.jobs import JobRecord, JobResult
from stacsync.ledger import Ledger
from stacsync.logs import configure
from stacsync.mirror import Mirror
from stacsync.mirror.order import Sizes
from stacsync.provider import JobProvider
from stacsync.storage import Storage, Upload

SIZES = Sizes(small=16 * 1024, part=32 * 1024, extra_parts=2)
"""So small that a modest file comes in parts."""
KILLED = 137


class Points:
    """Counts points by name; dies at one of them."""

    def __init__(self, die_at: str | None = None, die: Callable[[], None] = lambda: os._exit(KILLED)) -> None:
        self.passed: list[str] = []
        self._die_at = die_at
        self._die = die
        self._seen: Counter[str] = Counter()
        self._lock = Lock()

    def reach(self, name: str) -> None:
        """Note that `name` is reached, and end the process if that is where it has to end."""
        with self._lock:
            self._seen[name] += 1
            full = f"{name} #{self._seen[name]}"
            self.passed.append(full)
        if full == self._die_at:
            self._die()

    def around(self, name: str, act: Callable[..., Any], *words: Any, **more: Any) -> Any:
        """Do something between two points."""
        self.reach(f"before {name}")
        result = act(*words, **more)
        self.reach(f"after {name}")
        return result


class _Steps:
    """Hands everything on to `inner`; the calls named in `STEPS` are points, told apart by their first argument."""

    STEPS: frozenset[str] = frozenset()

    def __init__(self, inner: Any, points: Points, name: str) -> None:
        self._inner = inner
        self._points = points
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self.STEPS:
            return found

        def step(*words: Any, **more: Any) -> Any:
            about = f" {words[0]}" if words and isinstance(words[0], str | int) else ""
            return self._points.around(f"{self._name} {name}{about}", found, *words, **more)

        return step


class StepUpload(_Steps):
    """An upload whose parts are points."""

    STEPS = frozenset({"parts", "put_part", "complete", "abort"})


class StepStorage(_Steps):
    """A store whose every request is a point."""

    STEPS = frozenset(
        {"head", "get", "get_range", "stream", "put", "put_stream", "list", "delete", "copy_from", "sweep_uploads"}
    )

    def upload(self, key: str, **more: Any) -> Upload:
        found = self._points.around(f"store upload {key}", self._inner.upload, key, **more)
        return cast("Upload", StepUpload(found, self._points, f"upload of {key}"))


class StepProvider(_Steps):
    """A provider whose every answer is a point."""

    STEPS = frozenset({"check", "source_store"})

    def finished_jobs(self) -> Iterator[JobRecord]:
        self._points.reach(f"before {self._name} lists")
        for record in self._inner.finished_jobs():
            self._points.reach(f"{self._name} lists {record.id}")
            yield record
        self._points.reach(f"after {self._name} lists")

    def describe(self, job: JobRecord) -> JobResult:
        result: JobResult = self._points.around(f"{self._name} describes {job.id}", self._inner.describe, job)

        def items(contents: Mapping[str, Any]) -> Iterable[Any]:
            for item in result.items(contents):
                self._points.reach(f"{self._name} tells an item of {job.id}")
                yield item

        return replace(result, items=items)

    def sign(self, target: Any, job: JobRecord, *, fresh: bool) -> Any:
        what = getattr(target, "key", None) or getattr(target, "id", "")
        return self._points.around(f"{self._name} signs {what} of {job.id}", self._inner.sign, target, job, fresh=fresh)


def watch_ledger(ledger: Ledger, points: Points) -> Ledger:
    """Make every transaction of `ledger` a point, named by the function that makes it."""
    write = ledger.database.write

    @contextmanager
    def watched() -> Iterator[Connection]:
        name = f"ledger {_caller()}"
        points.reach(f"before {name}")
        with write() as connection:
            yield connection
            points.reach(f"before the commit of {name}")
        points.reach(f"after {name}")

    ledger.database.write = watched  # type: ignore[method-assign]  # the one seam that every transaction goes through
    return ledger


def _caller() -> str:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith("stacsync") and name != "stacsync.ledger":
            return f"{name.removeprefix('stacsync.')}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "somebody"


class SteppedParts(Parts):
    """The product's own parts, each of them watched."""

    def __init__(self, config: Path, points: Points) -> None:
        super().__init__(registry.load_settings(config))
        self.points = points

    @part
    def storage(self) -> Storage:
        return cast("Storage", StepStorage(super().storage, self.points, "store"))

    @part
    def ledger(self) -> Ledger:
        return watch_ledger(super().ledger, self.points)

    @part
    def mirror(self) -> Mirror:
        mirror = Mirror(
            self.storage,
            self.ledger,
            concurrency=self.settings.mirror.concurrency,
            max_asset_size=self.settings.mirror.max_asset_size,
            trusted_hosts={name: one.trusted() for name, one in self.settings.providers.items()},
            observer=self.observer,
            stop=self.stop,
            clock=now,
            sleep=self.sleep,
            sizes=SIZES,
        )
        return self.keeps(mirror)

    def provider(self, name: str) -> JobProvider:
        with self._lock:
            if name not in self._providers:
                found = super().provider(name)
                self._providers[name] = cast("JobProvider", StepProvider(found, self.points, name))
            return self._providers[name]


def sync_once(config: Path, points: Points) -> dict[str, Any]:
    """Make a pass of each provider, one after the other; return what `sync --json` tells of them."""
    app = App(SteppedParts(config, points))
    told: dict[str, Any] = {"providers": {}, "errors": []}
    try:
        for name in app.parts.names():
            result = app.sync([name], ())
            told["providers"] |= result["providers"]
            told["errors"] += result["errors"]
    finally:
        app.close()
    return told


def _child(order: dict[str, Any]) -> int:
    log = os.open(f"{order['told']}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    configure("warning", "json")
    points = Points(order["die_at"])
    result = sync_once(Path(order["config"]), points)
    told = {"points": points.passed, "result": result, "modules": sorted(sys.modules)}
    Path(order["told"]).write_text(json.dumps(told))
    return int(bool(result["errors"]) or any(one["error"] for one in result["providers"].values()))


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = _child(order)
        except BaseException as error:  # noqa: BLE001  - whatever it is, the child must not go on as the server
            sys.stderr.write(f"{error!r}\n")
        sys.stderr.flush()
        os._exit(code)
    if order.get("kill_after") is not None:
        time.sleep(order["kill_after"])
        os.kill(pid, signal.SIGKILL)  # nobody has waited for it yet, so the number is still its own
    signal.alarm(120)
    _, status = os.waitpid(pid, 0)
    signal.alarm(0)
    return os.waitstatus_to_exitcode(status)


def _learn(told: Path) -> None:
    """Import what a child had to import, so that the next ones need not."""
    if told.exists():
        for name in json.loads(told.read_text())["modules"]:
            if name not in sys.modules:
                with suppress(Exception):
                    import_module(name)


def serve() -> None:
    """Take orders from the standard input until it ends."""
    registry.kinds()
    from stacsync import stac  # noqa: PLC0415  - warm: schemas are compiled once, before the first fork
    from stacsync.storage import folder  # noqa: F401, PLC0415  - the same

    stac.validate({})
    for line in sys.stdin:
        order = json.loads(line)
        sys.stdout.write(f"{_fork(order)}\n")
        sys.stdout.flush()
        _learn(Path(order["told"]))


if __name__ == "__main__":
    serve()
