"""Progress of a pass: bars on a terminal, silence elsewhere."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from stacsync.cli.progress import FILES_SHOWN, Board, watching
from stacsync.mirror import events

ROOT = Path(__file__).parent.parent


def board() -> tuple[Board, Progress, io.StringIO]:
    out = io.StringIO()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}"))
    bars = Progress(*columns, console=Console(file=out, force_terminal=True, width=160), auto_refresh=False)
    return Board(bars), bars, out


def drawn(bars: Progress) -> str:
    out = io.StringIO()
    Console(file=out, width=160).print(bars.get_renderable())
    return out.getvalue()


def test_jobs_bytes_and_files_are_shown() -> None:
    """A line per provider counts jobs, one sums up bytes, and one per file on its way goes when it is through."""
    watch, bars, _ = board()
    watch(events.PassStarted("cdse"))
    assert "listing" in drawn(bars)
    watch(events.JobsSeen("cdse", 2))
    watch(events.JobStarted("cdse", "j-1", "A job"))
    watch(events.Started("cdse", "j-1", "cdse/c/i/B02.tif", 4 * 2**20))
    watch(events.Progress("cdse", "j-1", "cdse/c/i/B02.tif", 2**20))
    assert "2 jobs to do" in drawn(bars)
    assert "B02.tif" in drawn(bars)
    assert "1.0 MiB" in drawn(bars)
    watch(events.Finished("cdse", "j-1", "cdse/c/i/B02.tif", 4 * 2**20))
    assert "B02.tif" not in drawn(bars)
    watch(events.JobFinished("cdse", "j-1", "published"))
    watch(events.PassFinished("cdse", {"published": 1, "failed": 1}))
    assert "1 published, 1 failed" in drawn(bars)


def test_few_of_many_files_are_drawn() -> None:
    """However many files are on their way, the terminal shows a handful and the sum counts all."""
    watch, bars, _ = board()
    keys = [f"cdse/c/i/{number}.tif" for number in range(50)]
    for key in keys:
        watch(events.Started("cdse", "j-1", key, None))
    assert len(bars.tasks) == FILES_SHOWN + 1
    assert "50 on their way" in drawn(bars)
    for key in keys:
        watch(events.Failed("cdse", "j-1", key, "cut short"))
    assert "0 on their way" in drawn(bars)
    assert len(bars.tasks) == 1


def test_events_may_come_in_any_order_from_many_threads() -> None:
    """Reports of files and providers that nobody announced, and from many threads at once, disturb nothing."""
    watch, bars, _ = board()

    def work(provider: str) -> None:
        watch(events.JobFinished(provider, "j", "published"))
        watch(events.Finished(provider, "j", "never-started", 0, reused=True))
        watch(events.PassStarted(provider))
        for number in range(100):
            watch(events.Started(provider, "j", f"{provider}/{number}", 10))
            watch(events.Progress(provider, "j", f"{provider}/{number}", 10))
            watch(events.Finished(provider, "j", f"{provider}/{number}", 10))
        watch(events.PassFinished(provider, {}))

    threads = [Thread(target=work, args=(f"p{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert drawn(bars).count("nothing new") == 4
    assert "3.9 KiB" in drawn(bars)


def test_names_cannot_paint(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file name with markup or escape sequences is shown as text."""
    monkeypatch.setenv("TERM", "xterm")
    watch, bars, _ = board()
    watch(events.Started("cdse", "j", "cdse/[red]a\x1b[31m.tif", 1))
    assert "[red]a" in drawn(bars)
    assert "\x1b[31m" not in drawn(bars)


def test_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe or a file nothing is drawn."""
    with watching() as observer:
        observer(events.PassStarted("cdse"))
    assert capsys.readouterr() == ("", "")


def test_drawn_on_stderr_of_a_terminal() -> None:
    """On a terminal the bars go to stderr, log lines stay whole above them, and stdout stays for results."""
    code = (
        "from stacsync.cli.progress import watching\nfrom stacsync.logs import configure, get_logger\n"
        "from stacsync.mirror import events\nimport sys, time\nconfigure()\n"
        "with watching() as watch:\n    watch(events.PassStarted('cdse'))\n    get_logger('x').info('hello.world')\n    time.sleep(0.3)\n"
        "print('result')"
    )
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=theirs, env=env)
    os.close(theirs)
    seen = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(ours)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, b"result\n")
    assert b"cdse" in seen
    assert b"hello.world" in seen
    assert b"\x1b[3" not in seen, "NO_COLOR is respected"
