"""The status page: one HTML document, a style sheet, a small script, nothing from anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from threading import Lock
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from stacsync.app import now
from stacsync.errors import StacsyncError
from stacsync.ledger.glance import Glance
from stacsync.server import words
from stacsync.server.page import chart, times, worldmap
from stacsync.server.service import Service
from stacsync.server.snapshot import Snapshots

BROWSER = "https://radiantearth.github.io/stac-browser/#/external/"
SHOWN = 25
"""Rows of a list that are shown; the rest is counted."""
FOOTPRINTS = 200
PICTURES_SECONDS = 15.0
"""How long chart and map are kept."""


class Page:
    """Makes the page; its parts are read once."""

    def __init__(self, service: Service, snapshots: Snapshots, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Show `service`."""
        self._service = service
        self._snapshots = snapshots
        self._monotonic = monotonic
        self._lock = Lock()
        self._pictures: tuple[float, object, dict[str, Any]] | None = None
        folder = files("stacsync.server.page")
        self.style = (folder / "status.css").read_text()
        self.script = (folder / "status.js").read_text()
        self.icon = (folder / "icon.svg").read_text()
        self._template = _environment().get_template("status.html")

    def html(self) -> str:
        """Return the document as things are now."""
        told = self._snapshots.get()
        url = told["catalog"]["url"]
        return self._template.render(
            told=told,
            pictures=self._drawn(told),
            browser=None if url is None else BROWSER + quote(url, safe="/:"),
            published=sum(one["jobs"].get("published", 0) for one in told["providers"].values()),
            failures=_failures(told),
            expiring=_only_expiring(told),
            aside=told["set_aside"][:SHOWN],
            left_out=_left_out(told["left_out"]),
            shown=SHOWN,
            now=now(),
        )

    def _drawn(self, told: Mapping[str, Any]) -> dict[str, Any]:
        tenure = self._service.tenure
        if tenure is None:
            return {"chart": None, "map": None}
        with self._lock:
            at = self._monotonic()
            if self._pictures is None or self._pictures[1] is not tenure or at - self._pictures[0] > PICTURES_SECONDS:
                try:
                    drawn = _draw(Glance(tenure.parts.ledger.database), told)
                except StacsyncError:
                    drawn = {"chart": None, "map": None}
                self._pictures = (at, tenure, drawn)
            return self._pictures[2]


def _draw(glance: Glance, told: Mapping[str, Any]) -> dict[str, Any]:
    names = [name for name, one in told["providers"].items() if one["configured"]]
    moment = now()
    return {
        "chart": chart.strips(glance.hours(moment - chart.SPAN), names, moment),
        "map": worldmap.drawn(glance.footprints(FOOTPRINTS)),
    }


def _failures(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the failed jobs that are shown, each with what to do and until when its provider keeps the results."""
    kept = {(one["provider"], one["job"]): one for one in told["expiring"]}
    shown = []
    for one in told["failures"][:SHOWN]:
        reason, remedy = words.split_remedy(one["error"])
        until = kept.get((one["provider"], one["job"]), {})
        shown.append(
            {**one, "reason": reason, "remedy": remedy, "title": until.get("title"), "expires": until.get("expires")}
        )
    return shown


def _only_expiring(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    failed = {(one["provider"], one["job"]) for one in told["failures"]}
    return [one for one in told["expiring"] if (one["provider"], one["job"]) not in failed]


def _left_out(told: Mapping[str, Mapping[str, Mapping[str, int]]]) -> list[dict[str, Any]]:
    return [
        {"provider": name, "job": job, "why": [f"{why}: {number:,}" for why, number in sorted(without.items())]}
        for name, jobs in sorted(told.items())
        for job, without in sorted(jobs.items())
    ]


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("stacsync.server", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"ago": times.relative, "clock": times.absolute, "amount": words.amount}
    environment.globals |= {"count": words.count}
    return environment
