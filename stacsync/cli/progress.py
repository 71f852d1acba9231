"""Progress of a pass on a terminal: jobs per provider, bytes and rate over all, the files that are on their way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from posixpath import basename
from threading import Lock

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from stacsync.cli.output import amount, console, safe
from stacsync.mirror import events

FILES_SHOWN = 8
"""Files on their way that get a line of their own; the rest counts in the sum alone."""


class Board:
    """Turns events into bars; called from many threads at once."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._lock = Lock()
        self._jobs: dict[str, TaskID] = {}
        self._files: dict[tuple[str, str], TaskID] = {}
        self._active = 0
        self._moved = 0
        self._sum = bars.add_task("all files", total=None, shown="", start=True)

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        with self._lock:
            match event:
                case events.PassStarted(provider):
                    self._jobs[provider] = self._bars.add_task(_short(provider), total=None, shown="listing")
                case events.JobsSeen(provider, total):
                    self._provider(provider, total=total, shown=f"{total} jobs to do")
                case events.JobFinished(provider):
                    self._provider(provider, advance=1)
                case events.PassFinished(provider, counts):
                    self._provider(provider, shown=_summary(counts), ended=True)
                case events.Started():
                    self._start(event)
                case events.Progress():
                    self._advance(event)
                case events.Finished() | events.Failed():
                    self._end(event)
                case events.JobStarted():
                    pass

    def _provider(
        self,
        provider: str,
        *,
        total: int | None = None,
        advance: int = 0,
        shown: str | None = None,
        ended: bool = False,
    ) -> None:
        task = self._jobs.get(provider)
        if task is None:
            return
        bar = self._bars.tasks[self._bars.task_ids.index(task)]
        known = total if total is not None else bar.total
        done = known if ended else bar.completed + advance
        text = bar.fields["shown"] if shown is None else shown
        self._bars.update(
            task, total=known or (1 if ended else None), completed=done or (1 if ended else 0), shown=text
        )

    def _start(self, event: events.Started) -> None:
        self._active += 1
        if len(self._files) < FILES_SHOWN:
            shown = amount(event.bytes) if event.bytes is not None else ""
            name = f"  {_short(basename(event.key))}"
            self._files[event.provider, event.key] = self._bars.add_task(name, total=event.bytes, shown=shown)
        self._total()

    def _advance(self, event: events.Progress) -> None:
        self._moved += event.bytes
        task = self._files.get((event.provider, event.key))
        if task is not None:
            self._bars.advance(task, event.bytes)
        self._bars.advance(self._sum, event.bytes)
        self._total()

    def _end(self, event: events.Finished | events.Failed) -> None:
        self._active = max(0, self._active - 1)
        task = self._files.pop((event.provider, event.key), None)
        if task is not None:
            self._bars.remove_task(task)
        self._total()

    def _total(self) -> None:
        speed = self._bars.tasks[self._bars.task_ids.index(self._sum)].speed
        rate = f", {amount(int(speed))}/s" if speed else ""
        self._bars.update(self._sum, shown=f"{amount(self._moved)}{rate}, {self._active} on their way")


@contextmanager
def watching() -> Iterator[events.Observer]:
    """Yield an observer that draws on stderr when that is a terminal, and one that stays silent otherwise."""
    if not sys.stderr.isatty():
        yield events.unwatched
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), TextColumn("{task.fields[shown]}"))
    with Progress(*columns, console=console(errors=True), transient=True, redirect_stdout=False) as bars:
        yield Board(bars)


def _short(name: str, length: int = 48) -> str:
    text = safe(name).plain
    text = text if len(text) <= length else f"{text[: length // 2 - 1]}…{text[-length // 2 :]}"
    return text.replace("[", "\\[")


def _summary(counts: object) -> str:
    if not isinstance(counts, dict):
        return "done"
    told = [f"{counts[name]} {name}" for name in ("published", "waiting", "failed") if counts.get(name)]
    return ", ".join(told) or "nothing new"
