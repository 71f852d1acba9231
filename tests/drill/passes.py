"""Passes of the whole product in this process, in a hurry: what waits is not waited for."""

from __future__ import annotations

import json
import time
from contextlib import closing

import pytest
from stacsync.app import open_app
from stacsync.app.parts import Parts
from stacsync.errors import StacsyncError
from stacsync.http import fetch, session
from tests.kit.workspace import Workspace, published

LIMIT = 60.0
"""Seconds that any pass may take, on a machine of many tasks; a quiet one needs two or three."""


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits cost no time, and silence counts as such after a second."""
    monkeypatch.setattr(Parts, "sleep", lambda *_: None)
    assert session.Session.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(session.Session.__init__.__kwdefaults__, "timeout", (2.0, 1.0))
    assert fetch.Fetcher.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(fetch.Fetcher.__init__.__kwdefaults__, "read_timeout", 1.0)


def a_pass(workspace: Workspace) -> tuple[str, float]:
    """Make a pass; return what went wrong in words, and the seconds."""
    began = time.monotonic()
    with closing(open_app(workspace.config)) as app:
        try:
            result = app.sync([], ())
        except StacsyncError as error:
            return str(error), time.monotonic() - began
    errors = [one["error"] for one in result["providers"].values() if one["error"]]
    words = " ".join([*errors, *(error["message"] for error in result["errors"])])
    assert "internal error" not in json.dumps(result), words
    return words, time.monotonic() - began


def settled(workspace: Workspace) -> None:
    """Make passes until nothing more comes: some providers want to see a listing twice, or prepare packages."""
    for _ in range(6):
        before = published(workspace.store)
        a_pass(workspace)
        if published(workspace.store) == before:
            return
