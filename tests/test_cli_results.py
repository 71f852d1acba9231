"""What commands show of a result, on stdout and in their exit code, whatever the application answers."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from stacsync.errors import ConfigError, SignInFailed, StacsyncError, StorageError
from stacsync.provider import CheckLine
from stacsync.registry import load_settings
from tests.kit.commands import Command, commands

QUIET = {"seen": 2, "published": 0, "unchanged": 2, "skipped": 0, "waiting": 0, "failed": 0, "error": None}
RESULT: dict[str, Any] = {
    "providers": {"cdse": QUIET},
    "assets": {"transferred": 3, "reused": 1, "failed": 0, "bytes": 3 * 2**20},
    "documents": {"written": 5, "unchanged": 7, "deleted": 0},
    "seconds": 1.25,
    "errors": [],
}
STATUS: dict[str, Any] = {
    "providers": {
        "cdse": {
            "kind": "openeo",
            "jobs": {"published": 4, "failed": 1},
            "last_pass": "2026-01-31T12:00:00.000000Z",
            "last_success": None,
            "next_pass": None,
            "error": "cannot be reached",
        }
    },
    "failures": [{"provider": "cdse", "job": "j-9", "error": "no right", "attempts": 3, "next_attempt": None}],
    "left_out": {"cdse": {"j-2": {"no data": 3}}},
    "set_aside": [{"provider": "cdse", "job": "j-3", "state": "waiting", "reason": "package pending"}],
}
VERIFIED: dict[str, Any] = {
    "ok": True,
    "checked": {"documents": 12, "assets": 30},
    "findings": [],
    "score": 97,
    "advice": [],
}
FOUND: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [
        {
            "id": "item-1",
            "collection": "c",
            "bbox": [1, 2, 3, 4.5],
            "properties": {
                "datetime": None,
                "start_datetime": "2026-01-01T00:00:00Z",
                "end_datetime": "2026-02-01T00:00:00Z",
            },
            "links": [{"rel": "self", "href": "https://data.example/c/item-1/item-1.json"}],
        }
    ],
}


class Application:
    """Answers what a test put in; notes what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.closed = False
        self.parts = SimpleNamespace(stop=Event(), names=lambda: ["cdse"], settings=None)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def answer(*arguments: Any, **options: Any) -> Any:
            self.asked.append((name, arguments, options))
            found = self.answers[name]
            if isinstance(found, BaseException):
                raise found
            return found() if callable(found) else found

        return answer

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Application:
    made = Application()
    module = ModuleType("stacsync.app")

    def open_app(config: Path | None, **options: Any) -> Application:
        made.parts.settings = load_settings(config)
        made.asked.append(("open", options.get("writing")))
        return made

    module.open_app = open_app  # type: ignore[attr-defined]  # a module made here has what is put in
    monkeypatch.setitem(sys.modules, "stacsync.app", module)
    return made


@pytest.fixture
def stacsync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], application: Application
) -> Iterator[Command]:
    (tmp_path / "stacsync.toml").write_text('[catalog]\nid = "a"\n[storage]\nurl = "s3://b0"\n')
    with commands(tmp_path, monkeypatch, capsys) as run:
        yield run
    assert application.closed or not application.asked


def passed(**changes: Any) -> dict[str, Any]:
    return {**RESULT, "providers": {"cdse": {**QUIET, **changes}}}


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (RESULT, 0),
        (passed(published=2, skipped=1, waiting=3), 0),
        (passed(failed=1), 1),
        (passed(error="cannot be reached"), 1),
        ({**RESULT, "errors": [{"provider": "cdse", "job": "j-1", "asset": "B02", "message": "cut short"}]}, 1),
    ],
)
def test_sync_exits_1_when_something_failed(
    stacsync: Command, application: Application, result: dict[str, Any], code: int
) -> None:
    """Waiting and skipped jobs are all well; failed ones, a broken provider and errors are not."""
    application.answers["sync"] = result
    done = stacsync("sync", "--json")
    assert (done.code, json.loads(done.out)) == (code, result)
    assert stacsync("sync").code == code


def test_sync_hands_on_what_was_asked(stacsync: Command, application: Application) -> None:
    """Providers, jobs, dry run and force reach the application; a dry run opens it without writing."""
    application.answers["sync"] = RESULT
    stacsync("sync", "cdse", "up42", "cdse", "--job", "1", "--job", "2", "--dry-run", "--force")
    assert application.asked == [
        ("open", False),
        ("sync", (["cdse", "up42"], ["1", "2"]), {"dry_run": True, "force": True}),
    ]


def test_sync_tells_people_what_happened(stacsync: Command, application: Application) -> None:
    """Without --json there is a table of jobs, a line of assets and documents, and a line for each error."""
    error = {"provider": "cdse", "job": "j-1", "asset": "B02", "message": "cut\x1b[31m short [bold]"}
    application.answers["sync"] = {**passed(failed=1), "errors": [error]}
    done = stacsync("sync")
    assert "3 transferred (3.0 MiB), 1 reused" in done.out
    assert "failed: cdse j-1 B02: cut" in done.out
    assert "short [bold]" in done.out
    assert "\x1b" not in done.out
    assert done.err == ""


EVIL = "cut\x1b]0;t\x07\x1b[2J short\r\n\u2028ok      cdse: all is well\u202e"


def test_foreign_text_makes_no_lines(stacsync: Command, application: Application) -> None:
    """What a provider says stays in the line, or the cell, that tells it, and paints nothing."""
    application.answers["sync"] = {**RESULT, "errors": [{"provider": "cdse", "job": "j-1", "message": EVIL}]}
    application.answers["check"] = [CheckLine(subject="cdse", ok=False, message=EVIL)]
    application.answers["status"] = {**STATUS, "failures": [{**STATUS["failures"][0], "error": EVIL}]}
    application.answers["verify"] = StorageError(EVIL, EVIL)
    for command in ("sync", "check", "status", "verify"):
        done = stacsync(command)
        said = done.out + done.err
        assert "cut" in said
        assert not set(said) & set("\x1b\x07\r\u202e\u2028")
        assert not [line for line in said.splitlines() if line.startswith("ok      cdse")]


def test_a_wrong_configuration_is_told_in_lines(stacsync: Command, application: Application) -> None:
    """Our own lists stay lists."""
    application.answers["sync"] = ConfigError("2 settings are wrong\n  a: one\n  b: two")
    assert stacsync("sync").err.splitlines()[1:3] == ["  a: one", "  b: two"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("no provider 'x' is configured", "configured: cdse"), 2),
        (StorageError("the bucket refuses us", "see the policy"), 1),
        (SignInFailed("the token https://h.example/?token=SECRET is refused"), 1),
        (StacsyncError("anything"), 1),
    ],
)
def test_errors_become_one_message(
    stacsync: Command, application: Application, error: StacsyncError, code: int
) -> None:
    """An error is said on stderr with its way out, never on stdout and never with a secret; its sort is the exit code."""
    application.answers["sync"] = error
    done = stacsync("sync", "--json")
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ")
    assert error.remedy in done.err
    assert "SECRET" not in done.err
    assert "Traceback" not in done.err


def test_check_is_a_line_each(stacsync: Command, application: Application) -> None:
    """`check` shows a line for everything it tried, remedies of what failed, and no secret; one failure is exit 1."""
    application.answers["check"] = [
        CheckLine(subject="storage", ok=True, message="write, read, delete"),
        CheckLine(
            subject="cdse", ok=False, message="refused https://x.example/?token=SECRET", remedy="stacsync login cdse"
        ),
    ]
    done = stacsync("check")
    assert done.code == 1
    assert [line.split()[0] for line in done.out.splitlines()] == ["ok", "ok", "failed"]
    assert "stacsync login cdse" in done.out
    told = json.loads(stacsync("check", "--json").out)
    assert (told["ok"], len(told["lines"])) == (False, 3)
    assert "SECRET" not in done.out + json.dumps(told)
    application.answers["check"] = [CheckLine(subject="readers", ok=False, message="no", required=False)]
    noted = stacsync("check")
    assert (noted.code, noted.out.splitlines()[-1].split()[0]) == (0, "note")
    assert json.loads(stacsync("check", "--json").out)["ok"] is True


def test_status_shows_jobs_failures_and_what_was_left_out(stacsync: Command, application: Application) -> None:
    """`status` reads only, shows what failed, waits or was left out, and exits 0 all the same."""
    application.answers["status"] = STATUS
    done = stacsync("status")
    assert done.code == 0
    for text in (
        "1 failed, 4 published",
        "2026-01-31 12:00Z",
        "cannot be reached",
        "j-9",
        "no right",
        "package pending",
        "3 × no data",
    ):
        assert text in done.out
    assert json.loads(stacsync("status", "--json").out) == STATUS
    assert ("open", False) in application.asked


def test_verify_exits_1_on_findings(stacsync: Command, application: Application) -> None:
    """A sound catalog is exit 0; findings are exit 1, each with its key and remedy."""
    application.answers["verify"] = VERIFIED
    done = stacsync("verify")
    assert (done.code, done.out) == (0, "sound: 12 documents and 30 assets checked\npublication score: 97 of 100\n")
    finding = {"key": "a/b.tif", "problem": "missing", "remedy": "stacsync sync --force"}
    application.answers["verify"] = {**VERIFIED, "ok": False, "findings": [finding]}
    done = stacsync("verify", "--checksums")
    assert done.code == 1
    assert all(text in done.out for text in finding.values())
    assert application.asked[-1] == ("verify", (), {"checksums": True})
    assert json.loads(stacsync("verify", "--json").out)["findings"] == [finding]


def test_rebuild_and_retire_tell_what_was_done(stacsync: Command, application: Application) -> None:
    """Both show the counts that came back."""
    application.answers["rebuild"] = {"documents": {"written": 3, "unchanged": 0}}
    application.answers["retire"] = {"jobs": 1, "documents": {"written": 2}}
    assert stacsync("rebuild").out == "documents: 3 written, 0 unchanged\n"
    done = stacsync("retire", "--provider", "cdse", "--job", "j-1", "--delete-assets")
    assert (done.code, done.out) == (0, "jobs: 1\ndocuments: 2 written\n")
    assert application.asked[-1] == ("retire", ("cdse", "j-1"), {"delete_assets": True})


def test_login_talks_on_stderr(stacsync: Command, application: Application) -> None:
    """`login` shows its instructions on stderr and says when it is done; a refusal is exit 1."""
    application.answers["login"] = None
    done = stacsync("login", "cdse")
    assert (done.code, done.out, done.err) == (0, "", "signed in to cdse\n")
    application.answers["login"] = lambda: application.asked[-1][1][1](f"Open https://x.example/{EVIL}")
    assert stacsync("login", "cdse").err.splitlines() == [
        "Open https://x.example/cut�]0;t��[2J short ok      cdse: all is well�",
        "signed in to cdse",
    ]
    application.answers["login"] = SignInFailed("the code expired", "run it again")
    assert stacsync("login", "cdse").code == 1


def test_search_in_three_forms(stacsync: Command, application: Application) -> None:
    """`search` gives a table, a GeoJSON FeatureCollection or CSV, and hands on place, time and filter."""
    application.answers["search"] = FOUND
    done = stacsync(
        "search",
        "--bbox",
        "-10,40,5,50",
        "--datetime",
        "2026-01-01/..",
        "--collection",
        "c",
        "--filter",
        "x > 1",
        "--limit",
        "5",
        "--json",
    )
    assert (done.code, json.loads(done.out)) == (0, FOUND)
    assert application.asked[-1][2] == {
        "bbox": (-10, 40, 5, 50),
        "datetime": "2026-01-01T00:00:00Z/..",
        "collections": ["c"],
        "filter": "x > 1",
        "limit": 5,
    }
    rows = list(csv.DictReader(io.StringIO(stacsync("search", "--csv").out)))
    assert rows == [
        {
            "id": "item-1",
            "collection": "c",
            "datetime": "2026-01-01T00:00:00Z/2026-02-01T00:00:00Z",
            "bbox": "1 2 3 4.5",
            "href": "https://data.example/c/item-1/item-1.json",
        }
    ]
    shown = stacsync("search").out
    assert "item-1" in shown
    assert shown.endswith("1 item\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_the_pass_to_stop(stacsync: Command, application: Application, number: signal.Signals) -> None:
    """The first signal lets the pass end in order; handlers are put back afterwards."""
    before = signal.getsignal(number)

    def interrupted() -> dict[str, Any]:
        os.kill(os.getpid(), number)
        assert application.parts.stop.wait(5)
        return passed(error="asked to stop")

    application.answers["sync"] = interrupted
    assert stacsync("sync").code == 1
    assert signal.getsignal(number) == before
